"""What a worker of the studio may do: no files of this computer, no network, no other programs, bounded memory."""

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import linksim
from linksim.errors import LinksimError
from linksim.faces.plain_yaml import Plain
from linksim.faces.reader import Fault

SYSTEM = ("/usr", "/lib", "/lib64", "/sys", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys")
"""Where libraries, fonts and what is known of the processor stand."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
OF_THE_PROCESS = ("status", "stat", "maps", "cgroup", "mountinfo")
"""What it may read of itself under /proc."""
FORBIDDEN = ("socket.connect", "socket.bind", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class ForbiddenError(LinksimError, PermissionError):
    """A flowgraph asked for something that the page must not do."""


def paths_named(content: Plain) -> list[Fault]:
    """The blocks of a flowgraph, as plain values, whose parameters name files, folders or addresses.

    A text with a slash does. A text without one names nothing but what ships: the worker's own folder is empty.
    """
    return list(_paths_named(content, ""))


def refuse_paths(texts: Iterable[str]) -> None:
    """Axes, rules and inputs of a sweep can be parameters of blocks too. Raises `ForbiddenError` where one names a
    path."""
    for text in texts:
        if "/" in text or "\\" in text:
            raise ForbiddenError(f"'{text}' names a path: the page reads no files of this computer; use linksim sweep")


def _paths_named(content: Plain, prefix: str) -> Iterator[Fault]:
    blocks = content.get("blocks") if isinstance(content, dict) else None
    for name, entry in (blocks if isinstance(blocks, dict) else {}).items():
        if not isinstance(entry, dict):
            continue
        yield from _paths_named(entry.get("flowgraph"), f"{prefix}{name}.")
        text = next((each for each in _texts(entry.get("parameters")) if "/" in each or "\\" in each), None)
        if text is not None:
            said = (f"block '{name}' names {text!r}: the page reads no files of this computer and asks no other; "
                    "run the flowgraph's file with linksim instead")  # fmt: skip
            yield Fault(f"{prefix}{name}", "", ForbiddenError.__name__, said)


def _texts(value: Plain) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value if isinstance(value, list) else value.values():
            yield from _texts(each)


def confine(folder: Path, memory_bytes: int, more: tuple[str, ...] = ()) -> None:
    """Hold this process to its own folder, which it stands in from now on, and to so much memory of its own. It may
    read `more`, files and folders, and keep databases there.

    Not a wall against hostile machine code, which no flowgraph holds: a second lock behind `paths_named`.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(folder)
    sys.dont_write_bytecode = True
    own = os.path.realpath(folder)
    installed = tuple(each for path in _installed() for each in {os.path.abspath(path), os.path.realpath(path)})
    itself = tuple(f"/proc/{os.getpid()}/{name}" for name in OF_THE_PROCESS)
    readable = (*SYSTEM, *itself, *(os.path.realpath(each) for each in more))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in FORBIDDEN:
            raise ForbiddenError(
                "the page asks no other computer and starts no other program; run the file with linksim"
            )
        if event == "sqlite3.connect" and not _is_own_database(str(arguments[0]), (own, *readable)):
            raise ForbiddenError("the page keeps results in the folder in which it was started, nowhere else")
        if event == "open" and isinstance(arguments[0], str | bytes):
            path, flags = os.fsdecode(arguments[0]), arguments[2]
            allowed = _inside(os.path.realpath(path), (own, *DEVICES))
            if not (isinstance(flags, int) and flags & WRITING):
                # An editable install is made of links that lead elsewhere: what counts there is where they stand.
                allowed = allowed or _inside(os.path.abspath(path), installed)
                allowed = allowed or _inside(os.path.realpath(path), readable)
            if not allowed:
                raise ForbiddenError("the page reads and writes no files of this computer; run the file with linksim")

    sys.addaudithook(watch)


def _installed() -> Iterator[str]:
    """Where Python and the packages stand."""
    yield from (sys.prefix, sys.base_prefix, *linksim.__path__)
    yield from (path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))
    for name in ("blocks", "flowgraphs", "benches", "studio", "cli"):
        module = sys.modules.get(f"linksim.{name}")
        yield from module.__path__ if module else ()


def _is_own_database(address: str, folders: tuple[str, ...]) -> bool:
    path = unquote(urlsplit(address).path) if address.startswith("file:") else address
    return path == ":memory:" or _inside(os.path.realpath(path), folders)


def _inside(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
