"""The edges of a flowgraph, and the order of work that they allow."""

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from linksim.errors import LoopError


@dataclass(frozen=True)
class Connection:
    """One edge by names; an empty block name stands for the flowgraph's own input or output."""

    source: str
    source_port: str
    target: str
    target_port: str

    def __str__(self) -> str:
        return f"{self.source}.{self.source_port} -> {self.target}.{self.target_port}"


def data_order(graph: str, blocks: Iterable[str], connections: Iterable[Connection]) -> list[str]:
    """The blocks' names in an order in which data can flow. Raises `LoopError` naming the loop of the graph."""
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(blocks, ()))
    for edge in connections:
        if edge.source and edge.target:
            sorter.add(edge.target, edge.source)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise LoopError(f"'{graph}' has a loop: {' -> '.join(reversed(error.args[1]))}") from None
