"""Files: written whole or not at all, never over what is read, looked at before the work; and JSON."""

import codecs
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from linksim.errors import FileError, ParameterError

# -- writing


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at every moment its name stands for the old content or the new, never for a part.

    Raises `FileError` where nothing can be written at that place.
    """
    if path.exists() and not path.is_file():
        # A device or a pipe takes what it is given.
        path.write_bytes(content)
        return
    # A name that nobody has: what the user calls X.partial is the user's.
    if not path.parent.is_dir():
        raise FileError(f"'{path}' cannot be written: there is no folder '{path.parent}'")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        # It would name the file aside, which the user has not heard of.
        raise FileError(f"'{path}' cannot be written: {error.strerror}") from None
    partial = Path(name)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """`write_whole` in UTF-8; what UTF-8 cannot hold, as half of a name in another encoding, becomes a question
    mark."""
    write_whole(path, text.encode("utf-8", "replace"))


# -- what they hold


def file_digest(path: Path) -> str:
    """SHA-256 of a file, read again only where its size or time has changed."""
    about = path.stat()
    return _read_digest(str(path.resolve()), about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=65536)
def _read_digest(path: str, _size: int, _changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# -- before the work


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path | None]) -> None:
    """Refuse files that could not be written, or are read, or are one and the same; `outputs` by their options.

    Raises `ParameterError` naming the option.
    """
    given = {option: path for option, path in outputs.items() if path is not None}
    for option, path in given.items():
        if path.is_dir():
            raise ParameterError(f"{option} '{path}' is a folder; name a file")
        if not path.parent.is_dir():
            raise ParameterError(f"{option} '{path}': there is no folder '{path.parent}'")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise ParameterError(f"{option} '{path}' cannot be written")
        check_not_read(option, path, inputs)
        twin = next((o for o, p in given.items() if o != option and is_same_file(p, path)), None)
        if twin is not None:
            raise ParameterError(f"{option} and {twin} name the same file '{path}'")


def check_folder(option: str, folder: Path, names: Iterable[str], inputs: Iterable[Path | None]) -> None:
    """Refuse a folder for `names` that cannot be made or written, or where one of these is a file that is read.

    Raises `ParameterError` naming the option.
    """
    if folder.exists() and not folder.is_dir():
        raise ParameterError(f"{option} '{folder}': File exists, and is no folder")
    known = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not known.is_dir():
        raise ParameterError(f"{option} '{folder}' cannot be made: '{known}' is a file")
    if not os.access(known, os.W_OK | os.X_OK):
        raise ParameterError(f"{option} '{folder}' cannot be written")
    inputs = list(inputs)
    for name in names:
        if (folder / name).is_dir():
            raise ParameterError(f"{option} '{folder}' holds a folder '{name}', where a file of that name would go")
        check_not_read(option, folder / name, inputs)


def check_not_read(option: str, path: Path, inputs: Iterable[Path | None]) -> None:
    """Refuse an output that is an input. Raises `ParameterError`."""
    if any(each is not None and is_same_file(each, path) for each in inputs):
        raise ParameterError(f"{option}: '{path}' would be written over, and this command reads it; name another")


def is_same_file(first: Path, second: Path) -> bool:
    """Whether two paths lead to one file, by whatever names and links."""
    try:
        return first.samefile(second)
    except OSError:
        return first.resolve() == second.resolve()


# -- reading


def decoded(data: bytes) -> str:
    """Text in UTF-8, with or without a byte order mark, or in UTF-16 with one. Raises `UnicodeDecodeError`."""
    utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if utf_16 else "utf-8-sig")


def read_json(path: Path) -> Any:
    """What a JSON file holds, in UTF-8, with or without a byte order mark, or in UTF-16 or UTF-32.

    Raises `FileError` naming the file, also where an object has one name twice.
    """
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_without_twins)
    except OSError as error:
        raise FileError(f"cannot read '{path}': {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise FileError(f"'{path}' is no valid JSON: {error}") from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twin}' is there twice in one object")
    return found
