"""Which flowgraph a block stands in."""

from collections.abc import Mapping
from typing import Protocol
from weakref import WeakKeyDictionary, ref

from linksim.block import Block
from linksim.errors import OwnershipError


class Container(Protocol):
    """What a block stands in: blocks by name, and a count of its edits."""

    name: str
    _edits: int

    @property
    def blocks(self) -> Mapping[str, Block]: ...


# Beside the blocks, not in them: a copied block belongs to nobody until a flowgraph takes it.
_owners: "WeakKeyDictionary[Block, ref[Container]]" = WeakKeyDictionary()


def owner_of(block: Block) -> Container | None:
    """The flowgraph that a block stands in, None where it stands in none."""
    return _owners[block]() if block in _owners else None


def note_edit(graph: Container) -> None:
    """Count an edit in a flowgraph and in all flowgraphs around it: a plan made before it is not used again."""
    around: Container | None = graph
    while around is not None:
        around._edits += 1
        around = owner_of(around) if isinstance(around, Block) else None


def check_free(graph: Container, name: str, block: Block) -> None:
    """Refuse a block that stands elsewhere. Raises `OwnershipError` saying where."""
    owner = owner_of(block)
    if owner is not None and owner is not graph:
        raise OwnershipError(
            f"'{name}': this {type(block).__name__} is already '{block.label}' in flowgraph '{owner.name}'; "
            "a block stands in one flowgraph only (Tied(block=...) lets it work in a second place)"
        )
    known = next((n for n, b in graph.blocks.items() if b is block and n != name), None)
    if known is not None:
        raise OwnershipError(
            f"'{name}': this {type(block).__name__} is already '{known}' in '{graph.name}' "
            "(Tied(block=...) lets it work in a second place)"
        )
    if any(id(part) == id(graph) for part in block.modules()):
        raise OwnershipError(f"'{name}': flowgraph '{graph.name}' would contain itself")


def take(graph: Container, name: str, block: Block) -> None:
    """Note that a block stands in a flowgraph under a name."""
    block._label = name
    _owners[block] = ref(graph)


def release(block: Block) -> None:
    """Note that a block stands nowhere."""
    block._label = ""
    _owners.pop(block, None)


def free_name(block: Block, taken: Mapping[str, object]) -> str:
    """The block's default name and the next free number."""
    number = 1
    while f"{block.default_name}_{number}" in taken:
        number += 1
    return f"{block.default_name}_{number}"
