"""What identifies the code that a link runs: source where it is linksim's, compiled code where it is the user's."""

import inspect
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from linksim.files import file_digest

BLOCKS = "linksim.blocks."
"""The engine's own modules are told apart by the store's version; blocks and what they compute with, by source."""


def code_of(kinds: Iterable[type], *, own_classes: bool = True) -> dict[str, str]:
    """By name, the code of these classes and of all that they lean on: linksim's modules whole, as far as they use each
    other, with the shipped files that a module names in `DATA_FILES`; the user's classes with their bases, and the
    functions and classes that those use."""
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
    return "\n".join(f"{name}: {_code_text(f.__code__)} {f.__defaults__!r} {f.__kwdefaults__!r}"
                     for name, f in sorted(_functions(thing).items()))  # fmt: skip


def _code_text(code: CodeType) -> str:
    # Nested code objects print their addresses; everything else prints what it is.
    constants = [_code_text(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"


def _leans_on(thing: object) -> list[object]:
    used: list[object] = list(thing.__bases__) if isinstance(thing, type) else []
    for function in _functions(thing).values():
        names = set(function.__code__.co_names)
        used += [function.__globals__[name] for name in names if name in function.__globals__]
    return [each for each in used if isinstance(each, type | FunctionType)]
