"""What identifies the code that a link runs: source where it is linksim's, compiled code where it is the user's."""

import inspect
import sys
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import cast

import torch
from numpy import generic, ndarray
from torch import Tensor

from linksim.files import file_digest

BLOCKS = "linksim.blocks."
"""The engine's own modules are told apart by the store's version; blocks and what they compute with, by source."""


def code_of(kinds: Iterable[type], *, own_classes: bool = True) -> dict[str, str]:
    """By name, the code of these classes and of all that they lean on: linksim's modules whole, as far as they use each
    other, with the shipped files that a module names in `DATA_FILES`; the user's classes with their bases, and the
    functions, classes, numbers, texts and arrays that those find by name."""
    found: dict[str, str] = {}
    modules: list[ModuleType] = []
    waiting: list[object] = [kind for kind in kinds if own_classes or kind.__module__.startswith(BLOCKS)]
    while waiting:
        thing = waiting.pop()
        module = getattr(thing, "__module__", None)
        if not isinstance(module, str):
            continue
        name = f"{module}.{getattr(thing, '__qualname__', '')}"
        if name in found:
            continue
        if module.startswith(BLOCKS):
            modules.append(sys.modules[module])
        elif _is_the_users(module):
            found[name] = _compiled(thing)
            waiting += _leans_on(thing)
    found |= _sources(modules)
    return found


def library_versions(code: Iterable[str]) -> dict[str, str]:
    """The versions of the libraries that blocks compute with, from the names of `code_of`: a module of blocks that
    stands on another library names its distribution in `LIBRARY`."""
    named = {getattr(sys.modules.get(module), "LIBRARY", None) for module in code}
    return {library: version(library) for library in sorted(name for name in named if isinstance(name, str))}


def _is_the_users(module: str) -> bool:
    """Not a library's: neither installed nor Python's own."""
    if module.startswith("linksim.") or module.partition(".")[0] in sys.stdlib_module_names - {"__main__"}:
        return module == "__main__"
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return "site-packages" not in file and "dist-packages" not in file


def _sources(modules: list[ModuleType]) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module.__name__ in found:
            continue
        found[module.__name__] = _source(module.__name__)
        found |= {f"{module.__name__}/{path.name}": _content(path) for path in getattr(module, "DATA_FILES", ())}
        for value in vars(module).values():
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(name, str) and name.startswith(BLOCKS) and name in sys.modules:
                waiting.append(sys.modules[name])
    return found


@cache
def _content(path: Path) -> str:
    # Read once, as what a module has read of it stays as it was.
    return file_digest(path)


@cache
def _source(module: str) -> str:
    # What was loaded, if the file is edited afterwards: a module is loaded once, and read once.
    return inspect.getsource(sys.modules[module])


def _functions(thing: object) -> dict[str, FunctionType]:
    """The functions of a class, properties and static ones too, or the function itself."""
    if isinstance(thing, FunctionType):
        return {thing.__name__: thing}
    found: dict[str, FunctionType] = {}
    for name, value in vars(thing).items() if isinstance(thing, type) else ():
        for part in (value, getattr(value, "__func__", None), getattr(value, "fget", None)):
            inner = inspect.unwrap(part) if callable(part) else part
            if isinstance(inner, FunctionType):
                found[name] = inner
    return found


def _compiled(thing: object) -> str:
    functions = [f"{name}: {_code_text(f.__code__)} {f.__defaults__!r} {f.__kwdefaults__!r}"
                 for name, f in sorted(_functions(thing).items())]  # fmt: skip
    plain = {name: plain_text(value) for name, value in _named(thing).items()}
    return "\n".join([*functions, *(f"{name} = {text}" for name, text in sorted(plain.items()) if text)])


def _code_text(code: CodeType) -> str:
    # Nested code objects print their addresses; everything else prints what it is.
    constants = [_code_text(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"


def _names(code: CodeType) -> set[str]:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _named(thing: object) -> dict[str, object]:
    """What a class or function finds by name: its own attributes, globals and those of the user's modules, and what
    stood around it where it was defined."""
    own = vars(thing).items() if isinstance(thing, type) else ()
    found: dict[str, object] = {name: value for name, value in own if not name.startswith("__")}
    for function in _functions(thing).values():
        names = _names(function.__code__)
        used = {name: function.__globals__[name] for name in names if name in function.__globals__}
        for module in [each for each in used.values() if isinstance(each, ModuleType) and _is_the_users(each.__name__)]:
            used |= {f"{module.__name__}.{name}": value for name, value in vars(module).items() if name in names}
        # A cell is empty where a function that uses itself is only being made.
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        found |= used | {name: cell.cell_contents for name, cell in cells if not _is_empty(cell)}
    return found


def _is_empty(cell: CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return True
    return False


def plain_text(value: object) -> str:
    """A number, a text, an array, or a collection of these, as text that tells it from others; "" for all else."""
    text = ""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | Path):
        text = repr(value)
    elif isinstance(value, dict):
        text = str({plain_text(name): plain_text(each) for name, each in cast(dict[object, object], value).items()})
    elif isinstance(value, tuple | list):
        text = str([plain_text(each) for each in cast(list[object], value)])
    elif isinstance(value, set | frozenset):
        text = str(sorted(plain_text(each) for each in cast(set[object], value)))
    elif isinstance(value, Tensor):
        raw = value.detach().cpu().resolve_conj().reshape(-1).view(torch.uint8).numpy()
        text = f"{value.dtype} {tuple(value.shape)} {plain_text(raw)}"
    elif isinstance(value, ndarray | generic):
        text = f"{value.dtype} {value.shape} {sha256(value.tobytes()).hexdigest()}"
    return text


def _leans_on(thing: object) -> list[object]:
    used: list[object] = list(thing.__bases__) if isinstance(thing, type) else []
    return [each for each in [*used, *_named(thing).values()] if isinstance(each, type | FunctionType)]
