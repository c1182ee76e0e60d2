"""The graph: blocks by name, connections between their ports, and the checks that need no data."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from torch import nn

from linksim.block import Block
from linksim.chain import End, check_edge, name_end, read_chain
from linksim.connection import Connection, data_order
from linksim.errors import (
    AlreadyFedError,
    FlowgraphError,
    LoopError,
    UnconnectedBlockError,
    UnfedInputError,
    UnknownBlockError,
)
from linksim.ownership import check_free, free_name, note_edit, release, take
from linksim.paths import path_hint, whole_path
from linksim.port import Port, PortRef, find_port, parse_spec

RESERVED_INPUTS = ("batch", "seed", "first", "probe")


class Graph(Block):
    """A block made of blocks: what `Flowgraph` runs, saves and draws. Here it is only put together."""

    _edits: int
    _order: list[str] | None

    def __new__(cls, *_positional: object, **_settings: object) -> Self:
        return super().__new__(cls)

    def __init__(self, name: str = "flowgraph", *, inputs: Mapping[str, object] | None = None) -> None:
        super().__init__()
        self._edits, self._order = 0, None
        self.name = name
        self.weights = "built-in"
        """The name of the weights in force; files carry it beside their digest."""
        self.layout: dict[str, tuple[float, float]] = {}
        """Where blocks stand in a drawing, x and y by path; files keep it. An input's path is `.snr_db`, an output's
        `ber.`, in a nested flowgraph `receiver..snr_db` and `receiver.ber.`."""
        self.connections: list[Connection] = []
        self._declared: dict[str, Port] = {}
        for port, kind in (inputs or {}).items():
            if port in RESERVED_INPUTS or not port.isidentifier():
                raise FlowgraphError(f"'{port}' cannot name an input of '{name}'; it must be an identifier, not "
                                     f"one of {', '.join(RESERVED_INPUTS)}")  # fmt: skip
            self._declared[port] = Port(port, parse_spec(kind))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # The blocks of a copy stand in the copy.
        for name, block in self.blocks.items():
            take(self, name, block)

    @classmethod
    def parameter_signature(cls) -> dict[str, Any]:
        """None: what a graph is made of are its blocks."""
        return {}

    # -- names

    @property
    def blocks(self) -> dict[str, Block]:
        """The blocks and nested flowgraphs by name."""
        return self._modules  # pyright: ignore[reportReturnType]

    @property
    def label(self) -> str:
        """The name in the flowgraph around it, or its own."""
        return self._label or self.name

    @property
    def default_name(self) -> str:
        """What a flowgraph around it names it by, where it is given no name."""
        stem = self.name.replace("-", "_").replace(" ", "_")
        return stem if stem.isidentifier() else "flowgraph"

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(value, nn.Module):
            if name in self.__dict__.get("_modules", ()):
                raise FlowgraphError(f"'{name}' must be a Block or a Flowgraph (got {value!r})")
            super().__setattr__(name, value)
            return
        if not isinstance(value, Block):
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
        self._note_edit()

    def __delattr__(self, name: str) -> None:
        block = self.blocks.get(name)
        super().__delattr__(name)
        if block is not None:
            self.connections[:] = [edge for edge in self.connections if name not in (edge.source, edge.target)]
            release(block)
            self._note_edit()

    def _check_replacement(self, name: str, block: Block) -> None:
        block._label = name
        for edge in self.connections:
            if name in (edge.source, edge.target):
                source = block if edge.source == name else self._named(edge.source)
                target = block if edge.target == name else self._named(edge.target)
                check_edge(self, self._declared, (source, edge.source_port), (target, edge.target_port))

    def _named(self, name: str) -> Block:
        return self.blocks[name] if name else self

    def _note_edit(self) -> None:
        note_edit(self)
        self._order = None

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

    @property
    def is_source(self) -> bool:
        """Whether a block inside asks for the batch size."""
        return any(block.is_source for block in self.blocks.values())

    def __getitem__(self, name: str) -> PortRef:
        return PortRef(self, name)

    def dissolve(self) -> None:
        """Let all blocks go, at every depth: each can stand in another flowgraph, and this one is empty."""
        for name, block in list(self.blocks.items()):
            if isinstance(block, Graph):
                block.dissolve()
            delattr(self, name)

    # -- paths

    def find(self, path: str) -> tuple[str, Block]:
        """The block at a path, as `receiver.equalizer`, and its whole path. Names of flowgraphs at the front may be
        left out where one block alone is meant: `equalizer`.

        Raises `UnknownBlockError` where there is no such block, or several.
        """
        blocks = {name: part for name, part in self.named_modules() if name and isinstance(part, Block)}
        whole = whole_path(path, blocks)
        if whole is None:
            raise UnknownBlockError(f"no block '{path}' in '{self.name}'; {path_hint(path, blocks)}")
        return whole, blocks[whole]

    # -- connections

    def connect(self, *chain: Block | PortRef) -> None:
        """Join a chain: the first output of each element to the first input of the next.

        A port, `block["port"]`, may stand at either end. `self["x"]` is the flowgraph's own input at the start of a
        chain; at the end it declares the output x. Nothing is joined unless the whole chain is right.

        Raises `ChainError`, `UnknownPortError`, `DirectionError`, `AlreadyFedError`, `OwnershipError`, `DTypeError`,
        `RankError` or `DimensionError`.
        """
        edges = read_chain(self, self._declared, chain)
        fed = {(id(self._named(edge.target)), edge.target_port) for edge in self.connections}
        for source, target in edges:
            check_edge(self, self._declared, source, target)
            key = (id(target[0]), target[1])
            if key in fed:
                raise AlreadyFedError(f"{name_end(self, target)} is already fed; a port has one source")
            fed.add(key)
        new = self._new_blocks(chain, edges)
        for block in new:
            check_free(self, block.label, block)
        for block in new:
            setattr(self, free_name(block, self.blocks), block)
        self.connections += [Connection(*self._by_name(source), *self._by_name(target)) for source, target in edges]
        self._note_edit()

    def _new_blocks(self, chain: tuple[Block | PortRef, ...], edges: list[tuple[End, End]]) -> list[Block]:
        """What the chain brings, in the order in which it is named: first what stands in it whole."""
        whole = [element for element in chain if isinstance(element, Block)]
        ends = [block for edge in edges for block, _ in edge]
        known = {id(block) for block in (self, *self.blocks.values())}
        return [block for block in dict.fromkeys([*whole, *ends]) if id(block) not in known]

    def _by_name(self, end: End) -> tuple[str, str]:
        return next((name for name, known in self.blocks.items() if known is end[0]), ""), end[1]

    # -- checks

    def order(self) -> list[str]:
        """The blocks' names in an order in which data can flow. Raises `LoopError`."""
        if self._order is None:
            self._order = data_order(self.name, self.blocks, self.connections)
        return self._order

    def validate(self) -> None:
        """Check the whole flowgraph, nested ones included.

        Raises `UnconnectedBlockError`, `UnfedInputError` or `LoopError`.
        """
        for _, _, error in self.faults():
            raise error

    def faults(self) -> Iterator[tuple[str, str, FlowgraphError]]:
        """All that is wrong with the whole flowgraph, nested ones included: path of the block, port, error."""
        tied = {name for edge in self.connections for name in (edge.source, edge.target)}
        fed = {(edge.target, edge.target_port) for edge in self.connections}
        if not self.blocks:
            yield "", "", FlowgraphError(f"'{self.name}' has no blocks")
        for name, block in self.blocks.items():
            if name not in tied:
                deeper = [path for path, _ in self.named_modules() if path.endswith(f".{name}")]
                hint = f" (a block of that name stands at '{deeper[0]}')" if deeper else ""
                message = f"'{name}' in '{self.name}' is tied to nothing; connect it or remove it{hint}"
                yield name, "", UnconnectedBlockError(message)
            for port in block.input_ports.values():
                if not port.optional and (name, port.name) not in fed:
                    yield name, port.name, UnfedInputError(f"{name}.{port} has no source")
            if isinstance(block, Graph):
                for path, port_name, error in block.faults():
                    yield f"{name}.{path}" if path else name, port_name, error
        try:
            self.order()
        except LoopError as error:
            yield "", "", error
