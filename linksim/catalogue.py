"""The catalogue: every block class under `linksim.blocks`, found by looking."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from linksim.block import Block
from linksim.errors import UnknownBlockError, nearest

Kind = TypeVar("Kind")


@cache
def catalogue() -> Mapping[str, type[Block]]:
    """All block classes by name."""
    package = importlib.import_module("linksim.blocks")
    found: dict[str, type[Block]] = {}
    for module in pkgutil.walk_packages(package.__path__, "linksim.blocks."):
        for name, kind in vars(importlib.import_module(module.name)).items():
            own = isinstance(kind, type) and issubclass(kind, Block) and kind.__module__ == module.name
            # A class without a `forward` is a base of blocks, a private one a part of a block.
            if own and kind.forward is not Block.forward and not name.startswith("_"):
                found[name] = kind
    return dict(sorted(found.items()))


def classes_by_module(package: str, kind: type[Kind]) -> Mapping[str, type[Kind]]:
    """The concrete subclasses of a class by the module of the package that each is written in, one for a module."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        name = f"{package}.{module.name}"
        for each in vars(importlib.import_module(name)).values():
            own = isinstance(each, type) and issubclass(each, kind) and each.__module__ == name
            if own and not inspect.isabstract(each):
                found[module.name] = each
    return dict(sorted(found.items()))


def find_block(name: str, more: Mapping[str, type[Block]] | None = None) -> type[Block]:
    """The block class of that name. Raises `UnknownBlockError` with the nearest name."""
    known = {**catalogue(), **(more or {})}
    if name not in known:
        raise UnknownBlockError(f"no block '{name}' in the catalogue; {nearest(name, known)}")
    return known[name]


def stage_of(kind: type[Block]) -> str:
    """The folder of the catalogue that a block stands in: the stage of the link that it belongs to."""
    parts = kind.__module__.split(".")
    return parts[2] if parts[:2] == ["linksim", "blocks"] and len(parts) > 2 else "own"
