"""Pictures from files: which files are pictures, and what their pixels are."""

import mimetypes
import os
import stat
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError
from torch import Tensor

from linksim.blocks.sources.colour_profile import in_standard_colours
from linksim.errors import FileError, require
from linksim.randomness import global_state

FORMATS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "TIFF": (".tif", ".tiff"),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
    "BMP": (".bmp",),
    "DIB": (".dib",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "GIF": (".gif",),
}
"""The formats that are read, by Pillow's name, and how their files are called. Whatever else Pillow would open, as a
program in PostScript, is no picture here."""
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
OTHER_SUFFIXES = frozenset({".heic", ".heif", ".dng", ".cr2", ".nef", ".arw", ".raw", ".exr", ".hdr", ".jxl", ".psd"})
"""Pictures, and none that can be read: named where they lie in a folder."""
MAX_PIXELS = 1 << 27
ORIENTATION = 274
"""EXIF's tag."""
TURNS = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}
"""What undoes each orientation; from 5 on the picture lies on its side."""
BITS_PER_SAMPLE, SAMPLE_FORMAT, UNSIGNED = 258, 339, 1
"""TIFF's tags, and the format that is a whole number without a sign."""
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0
"""TIFF's tag of what a sample means; Pillow turns only 8 bits round."""


def list_pictures(path: Path) -> list[Path]:
    """The picture files of a folder in the order of their names, or the one file given.

    Hidden files are passed over; pictures in formats that cannot be read here are named in a warning.
    Raises `FileError` where there is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileError(f"no picture or folder at '{path}'")
    files = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    found = [p for p in files if is_picture(p) and p.is_file()]
    others = [p.name for p in files if p not in found and not p.is_dir() and (is_picture(p) or _is_other_picture(p))]
    if not found:
        folders = [p for form in ("*", "*/*") for p in sorted(path.glob(form)) if p.is_dir()]
        inside = next((p.relative_to(path) for p in folders if any(map(is_picture, p.iterdir()))), None)
        where = f"; there are in its folder '{inside}'" if inside else f" (looked for {', '.join(SUFFIXES)})"
        raise FileError(f"no pictures in folder '{path}'{where}")
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        names = f"{', '.join(others[:3])}{more}"
        warnings.warn(f"left out, as they are no files, or of a format that is not read here: {names}", stacklevel=2)
    return found


def is_picture(path: Path) -> bool:
    """Whether a file is called like a picture that can be read."""
    return path.suffix.lower() in SUFFIXES


def _is_other_picture(path: Path) -> bool:
    kind = mimetypes.guess_type(path.name)[0] or ""
    return path.suffix.lower() in OTHER_SUFFIXES or kind.startswith("image/")


def read_picture(path: Path) -> Tensor:
    """One picture as float [3, height, width], RGB in [0, 1].

    The EXIF orientation is applied, a colour profile is converted to sRGB, grey becomes RGB, transparency is laid over
    white. 16-bit grey keeps its depth; 16-bit colour is read as 8 bits, which is what Pillow gives. Floats lie in
    [0, 1], or are whole numbers of 8 bits, which a warning says. Of several pages or frames the first is taken, with a
    warning.
    Raises `FileError` naming the file where it is missing, broken, no picture in one of `FORMATS`, over 2^27 pixels, or
    holds values whose scale nobody can know.
    """
    with opened(path) as picture:
        frames = _frames(picture)
        if frames > 1:
            warnings.warn(f"'{path.name}' holds {frames} pictures; the first is taken", stacklevel=4)
        picture.load()
        turn = TURNS.get(orientation_of(picture))
        turned = picture if turn is None else picture.transpose(turn)
        # What a transposed picture does not keep.
        values = _deep_values(turned, picture, path)
        return _colours(turned, picture, path) if values is None else values.expand(3, -1, -1).contiguous()


def readable_pictures(folder: Path) -> Iterator[tuple[Path, Tensor]]:
    """The pictures of a folder that can be read, as `read_picture`, with their paths, in the order of their names.

    One that cannot is named in a warning and left out. Raises `FileError` where none can.
    """
    paths, found = list_pictures(folder), 0
    for path in paths:
        try:
            picture = read_picture(path)
        except FileError as error:
            if len(paths) == 1:
                raise
            warnings.warn(f"{error}; it is left out", stacklevel=2)
            continue
        found += 1
        yield path, picture
    if not found:
        raise FileError(f"none of the {len(paths)} pictures in '{folder}' can be read")


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture as `read_picture` gives it, from its header alone. Raises `FileError` as it."""
    with opened(path) as picture:
        width, height = picture.size
        return (width, height) if orientation_of(picture) >= 5 else (height, width)


@contextmanager
def opened(path: Path) -> Generator[PillowImage.Image]:
    """A picture of a known format and size, its pixels not read yet; whatever Pillow raises within is a `FileError`."""
    require(isinstance(path, str | Path), "path", "a path", path)
    if not stat.S_ISREG(os.stat(path).st_mode) if os.path.exists(path) else False:
        # A pipe would be waited for without an end.
        raise FileError(f"'{path}' is no file")
    try:
        with _open(Path(path)) as picture:
            yield picture
    except (FileError, MemoryError):
        raise
    except FileNotFoundError:
        raise FileError(f"no picture at '{path}'") from None
    except UnidentifiedImageError:
        raise FileError(f"'{path}' is no picture in a known format ({', '.join(FORMATS)})") from None
    except PillowImage.DecompressionBombError:
        raise FileError(f"'{path}' is too large; at most {MAX_PIXELS} pixels can be read") from None
    except Exception as error:
        # Pillow's plugins raise whatever the libraries under them raise.
        raise FileError(f"'{path}' cannot be read as a picture: {error or type(error).__name__}") from None


def _open(path: Path) -> PillowImage.Image:
    PillowImage.init()
    with global_state, warnings.catch_warnings():
        # Pillow warns from two thirds of the limit on that holds here.
        warnings.simplefilter("ignore", PillowImage.DecompressionBombWarning)
        picture = PillowImage.open(path, formats=[name for name in FORMATS if name in PillowImage.OPEN])
    if picture.width * picture.height > MAX_PIXELS:
        picture.close()
        raise FileError(
            f"'{path}' is too large: {picture.width}x{picture.height} pixels; at most {MAX_PIXELS} can be read"
        )
    return picture


def orientation_of(picture: PillowImage.Image) -> int:
    """EXIF's orientation 1 to 8; 1 where there is none, or none that makes sense."""
    try:
        number = int(picture.getexif().get(ORIENTATION, 1))
    except Exception:
        # Cameras and editors write EXIF that Pillow cannot read; the pixels are none the worse for it.
        return 1
    return number if number in TURNS else 1


def _frames(picture: PillowImage.Image) -> int:
    # A phone's second picture in a JPEG is a preview or a map of its brightness.
    return 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))


def _deep_values(turned: PillowImage.Image, picture: PillowImage.Image, path: Path) -> Tensor | None:
    """Grey of more than 8 bits in [0, 1], float [height, width]; None for all others."""
    deep = picture.mode.startswith(("I", "F"))
    if not deep and picture.format == "TIFF":
        _full_scale(picture, path)
    if not deep:
        return None
    values = np.asarray(turned).astype(np.float32)
    scale = _float_scale(values, path) if picture.mode == "F" else _full_scale(picture, path)
    shares = torch.from_numpy(values / scale)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        shares[torch.from_numpy(values == clear)] = 1.0
    return 1 - shares if picture.format == "TIFF" and _tags(picture).get(PHOTOMETRIC) == WHITE_IS_ZERO else shares


def _full_scale(picture: PillowImage.Image, path: Path) -> float:
    """The largest whole number that the file's samples can be."""
    if picture.format != "TIFF":
        return 65535.0
    tags = _tags(picture)
    bits = int(np.max(tags.get(BITS_PER_SAMPLE, 16)))
    if bits > 16 or int(np.max(tags.get(SAMPLE_FORMAT, UNSIGNED))) != UNSIGNED:
        raise FileError(
            f"'{path}' holds whole numbers of {bits} bits or with a sign, whose full scale nobody can know; save it "
            "with 8 or 16 bits"
        )
    return float((1 << bits) - 1)


def _tags(picture: PillowImage.Image) -> Any:
    return picture.tag_v2  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]


def _float_scale(values: NDArray[np.float32], path: Path) -> float:
    if not np.isfinite(values).all():
        raise FileError(f"'{path}' holds values that are no numbers")
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return 1.0
    if low >= 0 and high <= 255 and not (values % 1).any():
        warnings.warn(f"'{path.name}' holds whole numbers up to {high:g} as floats; they are taken as 8-bit values, "
                      "0 to 255", stacklevel=6)  # fmt: skip
        return 255.0
    raise FileError(f"'{path}' holds floats from {low:g} to {high:g}; they must lie in [0, 1]")


def _colours(turned: PillowImage.Image, picture: PillowImage.Image, path: Path) -> Tensor:
    see_through = "A" in picture.getbands() or "a" in picture.getbands() or "transparency" in picture.info
    alpha = turned.convert("RGBA").getchannel("A") if see_through else None
    colours = in_standard_colours(turned, picture.info.get("icc_profile"), path.name)
    if alpha is not None:
        white = PillowImage.new("RGB", colours.size, "white")
        colours = PillowImage.composite(colours, white, alpha)
    return torch.from_numpy(np.array(colours)).permute(2, 0, 1).float() / 255.0
