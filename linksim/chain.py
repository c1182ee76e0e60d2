"""A chain of blocks and ports, read into the edges that it asks for."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal, cast

from linksim.block import Block
from linksim.checks import check_joint
from linksim.errors import ChainError, DirectionError, UnknownPortError, nearest
from linksim.port import Port, PortRef, find_port

End = tuple[Block, str]
"""A port by its block and name; the block is the flowgraph itself for the flowgraph's own inputs and outputs."""


def read_chain(graph: Block, declared: Mapping[str, Port], chain: tuple[object, ...]) -> list[tuple[End, End]]:
    """The edges of a chain inside `graph`, whose own inputs are `declared`.

    Raises `ChainError`, `UnknownPortError` or `DirectionError`.
    """
    if len(chain) < 2:
        raise ChainError(f"a chain needs two elements or more (got {len(chain)})")
    for position, element in enumerate(chain):
        _check_element(graph, element, at_end=position in (0, len(chain) - 1))
    elements = cast("tuple[Block | PortRef, ...]", chain)
    return [(_source(graph, declared, a), _target(graph, b)) for a, b in pairwise(elements)]


def check_edge(graph: Block, declared: Mapping[str, Port], source: End, target: End) -> None:
    """Refuse an edge whose port types cannot agree.

    Raises `UnknownPortError`, `DTypeError`, `RankError` or `DimensionError`.
    """
    block, out = source
    spec = declared[out].spec if block is graph else find_port(block, out, "output").spec
    if target[0] is not graph:
        expected = find_port(target[0], target[1], "input").spec
        check_joint(name_end(graph, source), spec, name_end(graph, target), expected)


def name_end(graph: Block, end: End) -> str:
    """A port as messages call it."""
    return f"the flowgraph's {end[1]}" if end[0] is graph else f"{end[0].label}.{end[1]}"


def _check_element(graph: Block, element: object, at_end: bool) -> None:
    if isinstance(element, PortRef) and not at_end:
        raise ChainError(f"{element!r} stands in the middle of a chain; a port may stand only at its ends")
    block: object = element.block if isinstance(element, PortRef) else element
    if element is graph:
        raise ChainError(f"'{graph.label}' stands in its own chain; name a port of it: fg['x']")
    if not isinstance(block, Block):
        raise ChainError(f"a chain joins blocks, flowgraphs and their ports (got {type(block).__name__})")


def _source(graph: Block, declared: Mapping[str, Port], element: Block | PortRef) -> End:
    if isinstance(element, PortRef):
        block = cast(Block, element.block)
        if block is not graph:
            return block, _resolve(element, "output")
        if element.name not in declared:
            raise UnknownPortError(
                f"flowgraph '{graph.label}' has no input '{element.name}'; {nearest(element.name, declared)}"
            )
        return graph, element.name
    if not element.output_ports:
        raise ChainError(f"{element.label} has no output to join")
    return element, next(iter(element.output_ports))


def _target(graph: Block, element: Block | PortRef) -> End:
    if isinstance(element, PortRef):
        block = cast(Block, element.block)
        return (graph, element.name) if block is graph else (block, _resolve(element, "input"))
    if not element.input_ports:
        raise ChainError(f"{element.label} has no input to join; it is a source")
    return element, next(iter(element.input_ports))


def _resolve(port: PortRef, side: Literal["input", "output"]) -> str:
    block = port.block
    ports, others = block.output_ports, block.input_ports
    if side == "input":
        ports, others = others, ports
    if port.side not in (None, side) or (port.name not in ports and port.name in others):
        where = "start" if side == "output" else "end"
        raise DirectionError(f"{port!r} is no {side}, and the {where} of a connection must be one")
    find_port(block, port.name, side)
    return port.name
