"""How a flowgraph is put together: names, connections, and the checks that need no data."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from torch import nn

from linksim.block import Block
from linksim.checks import check_joint
from linksim.errors import (
    AlreadyFedError,
    ChainError,
    DirectionError,
    FlowgraphError,
    LoopError,
    UnconnectedBlockError,
    UnfedInputError,
    UnknownPortError,
    nearest,
)
from linksim.ownership import check_free, free_name, note_edit, release, take
from linksim.port import Port, Ported, PortRef, find_port, parse_spec

if TYPE_CHECKING:
    from linksim.flowgraph import Flowgraph

RESERVED_INPUTS = ("batch", "seed", "probe")


@dataclass(frozen=True)
class Connection:
    """One edge by names; an empty block name stands for the flowgraph's own input or output."""

    source: str
    source_port: str
    target: str
    target_port: str

    def __str__(self) -> str:
        return f"{self.source}.{self.source_port} -> {self.target}.{self.target_port}"


class Wiring(nn.Module, Ported):
    """The composing half of `Flowgraph`: blocks by name and connections between their ports."""

    def __init__(self, name: str = "flowgraph", *, inputs: Mapping[str, object] | None = None) -> None:
        super().__init__()
        self.name = name
        self.connections: list[Connection] = []
        self._declared: dict[str, Port] = {}
        for port, kind in (inputs or {}).items():
            if port in RESERVED_INPUTS or not port.isidentifier():
                raise FlowgraphError(f"'{port}' cannot name an input of '{name}'; it must be an identifier, not "
                                     f"one of {', '.join(RESERVED_INPUTS)}")  # fmt: skip
            self._declared[port] = Port(port, parse_spec(kind))

    # -- names

    @property
    def blocks(self) -> "dict[str, Block | Flowgraph]":
        """The blocks and nested flowgraphs by name."""
        return self._modules  # pyright: ignore[reportReturnType]

    @property
    def label(self) -> str:
        """The name in the flowgraph around it, or its own."""
        return self.__dict__.get("_label") or self.name

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, nn.Module):
            if name in self.__dict__.get("_modules", ()):
                raise FlowgraphError(f"'{name}' must be a Block or a Flowgraph (got {value!r})")
            super().__setattr__(name, value)
            return
        if not isinstance(value, Block | Wiring):
            raise FlowgraphError(f"'{name}' must be a Block or a Flowgraph (got {type(value).__name__})")
        taken = name not in self.blocks and hasattr(self, name)
        if "." in name or name.startswith("_") or taken:
            raise FlowgraphError(f"'{name}' cannot name a block: a flowgraph has an attribute of that name")
        if not name.isidentifier():
            raise FlowgraphError(f"{name!r} cannot name a block: it must be an identifier")
        check_free(self, name, value)
        if name in self.blocks:
            self._check_replacement(name, value)
            release(self.blocks[name])
        super().__setattr__(name, value)
        take(self, name, value)
        value.train(self.training)
        self._edited()

    def __delattr__(self, name: str) -> None:
        block = self._modules.get(name)
        super().__delattr__(name)
        if block is not None:
            self.connections[:] = [edge for edge in self.connections if name not in (edge.source, edge.target)]
            release(block)
            self._edited()

    def _check_replacement(self, name: str, block: "Block | Wiring") -> None:
        block.__dict__["_label"] = name
        for edge in self.connections:
            if name in (edge.source, edge.target):
                source = block if edge.source == name else self._named(edge.source)
                target = block if edge.target == name else self._named(edge.target)
                self._check_edge(source, edge.source_port, target, edge.target_port)

    def _named(self, name: str) -> "Block | Wiring":
        return self.blocks[name] if name else self

    def _edited(self) -> None:
        note_edit()
        self.__dict__.pop("_order", None)

    # -- ports

    @property
    def input_ports(self) -> Mapping[str, Port]:
        """The declared inputs; one that feeds optional ports only is optional."""
        needed = {
            edge.source_port
            for edge in self.connections
            if not edge.source and not (edge.target and self._port(edge.target, edge.target_port).optional)
        }
        return {name: Port(name, port.spec, name not in needed) for name, port in self._declared.items()}

    def _port(self, block: str, name: str) -> Port:
        return find_port(self.blocks[block], name, "input")

    @property
    def output_ports(self) -> Mapping[str, Port]:
        """The declared outputs."""
        ports: dict[str, Port] = {}
        for edge in self.connections:
            if not edge.target:
                source = self.blocks[edge.source].output_ports if edge.source else self._declared
                ports[edge.target_port] = Port(edge.target_port, source[edge.source_port].spec)
        return ports

    def __getitem__(self, name: str) -> PortRef:
        return PortRef(self, name)

    # -- connections

    def connect(self, *chain: "Block | Flowgraph | PortRef") -> None:
        """Join a chain: the first output of each element to the first input of the next.

        A port, `block["port"]`, may stand at either end. `self["x"]` is the flowgraph's own input at the start of a
        chain; at the end it declares the output x. Nothing is joined unless the whole chain is right.

        Raises `ChainError`, `UnknownPortError`, `DirectionError`, `AlreadyFedError`, `OwnershipError`, `DTypeError`,
        `RankError` or `DimensionError`.
        """
        if len(chain) < 2:
            raise ChainError(f"a chain needs two elements or more (got {len(chain)})")
        for position, element in enumerate(chain):
            self._check_element(element, at_end=position in (0, len(chain) - 1))
        edges = [(self._source(a), self._target(b)) for a, b in pairwise(chain)]
        fed = {(id(self._named(edge.target)), edge.target_port) for edge in self.connections}
        for (source, source_port), (target, target_port) in edges:
            self._check_edge(source, source_port, target, target_port)
            key = (id(target), target_port)
            if key in fed:
                raise AlreadyFedError(f"{_label(target, self)}{target_port} is already fed; a port has one source")
            fed.add(key)
        for element in chain:
            if not isinstance(element, PortRef):
                self._adopt(element)
        for (source, source_port), (target, target_port) in edges:
            self._adopt(source)
            self._adopt(target)
            self.connections.append(Connection(self._name_of(source), source_port, self._name_of(target), target_port))
        self._edited()

    def _check_element(self, element: object, at_end: bool) -> None:
        if isinstance(element, PortRef):
            if not at_end:
                raise ChainError(f"{element!r} stands in the middle of a chain; a port may stand only at its ends")
            block: object = element.block
        else:
            block = element
            if block is self:
                raise ChainError(f"'{self.name}' stands in its own chain; name a port of it: fg['x']")
        if not isinstance(block, Block | Wiring):
            raise ChainError(f"a chain joins blocks, flowgraphs and their ports (got {type(block).__name__})")
        if block is not self and not any(block is known for known in self.blocks.values()):
            check_free(self, block.label, block)

    def _source(self, element: "Block | Flowgraph | PortRef") -> "tuple[Block | Wiring, str]":
        if isinstance(element, PortRef):
            block: Any = element.block
            if block is self:
                if element.name not in self._declared:
                    raise UnknownPortError(f"flowgraph '{self.name}' has no input '{element.name}'; "
                                           f"{nearest(element.name, self._declared)}")  # fmt: skip
                return self, element.name
            return block, _resolve(element, "output")
        if not element.output_ports:
            raise ChainError(f"{element.label} has no output to join")
        return element, next(iter(element.output_ports))

    def _target(self, element: "Block | Flowgraph | PortRef") -> "tuple[Block | Wiring, str]":
        if isinstance(element, PortRef):
            block: Any = element.block
            return (self, element.name) if block is self else (block, _resolve(element, "input"))
        if not element.input_ports:
            raise ChainError(f"{element.label} has no input to join; it is a source")
        return element, next(iter(element.input_ports))

    def _check_edge(self, source: "Block | Wiring", out: str, target: "Block | Wiring", into: str) -> None:
        spec = self._declared[out].spec if source is self else find_port(source, out, "output").spec
        if target is not self:
            expected = find_port(target, into, "input").spec
            check_joint(f"{_label(source, self)}{out}", spec, f"{_label(target, self)}{into}", expected)

    def _adopt(self, block: "Block | Wiring") -> None:
        if block is self or any(block is known for known in self.blocks.values()):
            return
        setattr(self, free_name(block, self.blocks), block)

    def _name_of(self, block: "Block | Wiring") -> str:
        return next((name for name, known in self.blocks.items() if known is block), "")

    # -- checks

    def order(self) -> list[str]:
        """The blocks' names in an order in which data can flow. Raises `LoopError`."""
        if "_order" not in self.__dict__:
            sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(self.blocks, ()))
            for edge in self.connections:
                if edge.source and edge.target:
                    sorter.add(edge.target, edge.source)
            try:
                self.__dict__["_order"] = list(sorter.static_order())
            except CycleError as error:
                raise LoopError(f"'{self.name}' has a loop: {' -> '.join(reversed(error.args[1]))}") from None
        return self.__dict__["_order"]

    def validate(self) -> None:
        """Check the whole flowgraph, nested ones included.

        Raises `UnconnectedBlockError`, `UnfedInputError`, `LoopError` or `OwnershipError`.
        """
        tied = {name for edge in self.connections for name in (edge.source, edge.target)}
        fed = {(edge.target, edge.target_port) for edge in self.connections}
        if not self.blocks:
            raise FlowgraphError(f"'{self.name}' has no blocks")
        for name, block in self.blocks.items():
            check_free(self, name, block)
            take(self, name, block)
            if name not in tied:
                raise UnconnectedBlockError(f"'{name}' in '{self.name}' is tied to nothing; connect it or remove it")
            for port in block.input_ports.values():
                if not port.optional and (name, port.name) not in fed:
                    raise UnfedInputError(f"{name}.{port} has no source")
            if isinstance(block, Wiring):
                block.validate()
        self.order()


def _resolve(port: PortRef, side: str) -> str:
    block = port.block
    ports = block.output_ports if side == "output" else block.input_ports
    others = block.input_ports if side == "output" else block.output_ports
    wrong_side = port.side not in (None, side) or (port.name not in ports and port.name in others)
    if wrong_side:
        where = "start" if side == "output" else "end"
        raise DirectionError(f"{port!r} is no {side}, and the {where} of a connection must be one")
    find_port(block, port.name, "output" if side == "output" else "input")
    return port.name


def _label(block: "Block | Wiring", graph: Wiring) -> str:
    return "the flowgraph's " if block is graph else f"{block.label}."
