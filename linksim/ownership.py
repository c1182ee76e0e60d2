"""Which flowgraph a block stands in, and when any flowgraph was edited."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from torch import nn

from linksim.block import Block
from linksim.errors import OwnershipError

if TYPE_CHECKING:
    from linksim.wiring import Wiring

# Beside the blocks, not in them: so a copied block belongs to nobody yet.
_owners: "WeakKeyDictionary[nn.Module, ref[Wiring]]" = WeakKeyDictionary()
_edits = 0
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def edit_count() -> int:
    """How often any flowgraph was edited; a plan made before the last edit is not used again."""
    return _edits


def note_edit() -> None:
    """Count an edit."""
    global _edits
    _edits += 1


def check_free(graph: "Wiring", name: str, block: "Block | Wiring") -> None:
    """Refuse a block that stands elsewhere. Raises `OwnershipError` saying where."""
    owner = _owners[block]() if block in _owners else None
    if owner is not None and owner is not graph:
        raise OwnershipError(
            f"'{name}': this {type(block).__name__} is already '{block.label}' in flowgraph '{owner.name}'; "
            "a block stands in one flowgraph only"
        )
    known = next((n for n, b in graph.blocks.items() if b is block and n != name), None)
    if known is not None:
        raise OwnershipError(f"'{name}': this {type(block).__name__} is already '{known}' in '{graph.name}'")
    if any(part is graph for part in block.modules()):
        raise OwnershipError(f"'{name}': flowgraph '{graph.name}' would contain itself")


def take(graph: "Wiring", name: str, block: "Block | Wiring") -> None:
    """Note that a block stands in a flowgraph under a name."""
    block.__dict__["_label"] = name
    _owners[block] = ref(graph)


def release(block: nn.Module) -> None:
    """Note that a block stands nowhere."""
    block.__dict__["_label"] = ""
    _owners.pop(block, None)


def free_name(block: "Block | Wiring", taken: Mapping[str, object]) -> str:
    """A name from the block's class, or from a flowgraph's own name, and the next free number."""
    stem = _WORD_BOUNDARY.sub("_", type(block).__name__).lower()
    if not isinstance(block, Block):
        stem = block.name.replace("-", "_").replace(" ", "_")
        stem = stem if stem.isidentifier() else "flowgraph"
    number = 1
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"
