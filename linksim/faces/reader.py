"""Flowgraphs from plain values, as a file holds them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from linksim.block import Block
from linksim.catalogue import catalogue, find_block
from linksim.errors import FlowgraphFileError, LinksimError, ParameterError, PortError, nearest
from linksim.faces.plain_yaml import Plain
from linksim.graph import Graph
from linksim.parameters import check_parameters
from linksim.port import BundleSpec, Port, PortRef, parse_declared, read_ports
from linksim.tied import Tied
from linksim.types import PORT_TYPES, Bundle

DEEPEST = 8
MAX_BLOCKS = 1000

Fields = dict[str, Plain]
Made = TypeVar("Made", bound=Graph)


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place: the block's path, "" for the whole flowgraph; the port, "" for the whole block; the
    error's name; what it says."""

    block: str
    port: str
    error: str
    message: str


def mapping(value: Plain, what: str) -> Fields:
    """The value, which must be a mapping. Raises `FlowgraphFileError`."""
    if not isinstance(value, dict):
        raise FlowgraphFileError(f"{what} must be a mapping (got {type(value).__name__})")
    return value


def _bundles(kinds: Iterable[type[Block]]) -> Iterator[type[Bundle]]:
    """The bundles that blocks of these classes take or give, as far as their signatures say."""
    for kind in kinds:
        try:
            ports = read_ports(kind.forward)
        except PortError:
            # A block that is told its ports when it is made.
            continue
        for port in (*ports[0].values(), *ports[1].values()):
            if isinstance(port.spec, BundleSpec):
                yield port.spec.annotation


class Reader(Generic[Made]):
    """Builds one flowgraph from plain values, counting blocks and depth.

    With a list for `faults` it notes there what is wrong, leaves it out and goes on; without it raises.
    """

    def __init__(self, own: Mapping[str, type[Block]], kind: type[Made], faults: list[Fault] | None = None) -> None:
        self._own, self._kind, self._faults = own, kind, faults
        self._built: dict[str, Block] = {}
        self._named: set[str] = set()
        self._lost: set[tuple[str, str]] = set()
        """Inputs and outputs of flowgraphs that could not be made."""
        self.fed: set[tuple[str, str]] = set()
        """Targets of connections, block's path and port, whether they could be joined or not."""
        self.wired: set[str] = set()
        """Blocks that a connection names, likewise."""

    def ports(self) -> dict[str, tuple[Mapping[str, Port], Mapping[str, Port]]]:
        """Inputs and outputs of the blocks and flowgraphs that could be made, by path."""
        return {path: (block.input_ports, block.output_ports) for path, block in self._built.items()}

    @contextmanager
    def _noted(self, block: str, port: str = "") -> Iterator[None]:
        try:
            yield
        except LinksimError as error:
            if self._faults is None:
                raise
            self._faults.append(Fault(block, port, type(error).__name__, str(error)))

    def build(self, content: Fields, depth: int, path: str = "") -> Made:
        """The flowgraph that stands at a path ending in a dot, "" for the outermost."""
        if depth > DEEPEST:
            raise FlowgraphFileError(f"flowgraphs are nested deeper than {DEEPEST}")
        known = ("name", "inputs", "blocks", "connections")
        strange = next((key for key in content if key not in known), None)
        here = path.removesuffix(".")
        with self._noted(here):
            if strange is not None:
                raise FlowgraphFileError(f"unknown key '{strange}'; {nearest(strange, known)}")
        inputs: dict[str, object] = {}
        for name, text in mapping(content.get("inputs", {}), "inputs").items():
            self._lost.add((here, name))
            with self._noted(here, name):
                kind = self._port_type(name, text)
                # A name that no input may have is refused here, by itself.
                self._kind(inputs={name: kind})
                inputs[name] = kind
                self._lost.remove((here, name))
        graph = self._kind(str(content.get("name", "flowgraph")), inputs=inputs)
        for name, entry in mapping(content.get("blocks"), "'blocks'").items():
            self._named.add(f"{path}{name}")
            with self._noted(f"{path}{name}"):
                if not name.isidentifier():
                    raise FlowgraphFileError(f"'{name}' cannot name a block: it must be an identifier")
                block = self._block(name, mapping(entry, f"block '{name}'"), depth, path)
                setattr(graph, name, block)
                self._built[f"{path}{name}"] = block
        connections = content.get("connections")
        if not isinstance(connections, list):
            raise FlowgraphFileError("'connections' must be a list of [source.port, target.port]")
        for entry in connections:
            self._connect(graph, entry, path)
        return graph

    def _connect(self, graph: Graph, entry: Plain, path: str) -> None:
        pairs = [end.partition(".") for end in _ends_of(entry)]
        ends = [(f"{path}{name}".removesuffix("."), port) for name, _, port in pairs]
        self.wired.update(f"{path}{name}" for name, _, _ in pairs if name)
        self.fed.update(ends[1:])
        missing = {f"{path}{name}" for name, _, _ in pairs if name} & self._named - self._built.keys()
        if self._faults is not None and (missing or self._lost.intersection(ends)):
            # What is missing has its own fault.
            self._lost.update(ends[1:])
            return
        before = len(self._faults or ())
        with self._noted(*(ends[-1] if ends else (path.removesuffix("."), ""))):
            graph.connect(*self._ends(graph, entry))
        if len(self._faults or ()) > before and pairs and not pairs[1][0]:
            self._lost.update(ends[1:])

    def _port_type(self, name: str, kind: Plain) -> object:
        if not isinstance(kind, str):
            raise FlowgraphFileError(f"the type of input '{name}' must be text (got {kind!r})")
        try:
            return parse_declared(kind).annotation
        except PortError:
            bundles = {bundle.__name__: bundle for bundle in _bundles({**catalogue(), **self._own}.values())}
            if kind in bundles:
                return bundles[kind]
            raise FlowgraphFileError(
                f"input '{name}' has the unknown type {kind!r}; {nearest(kind, [*PORT_TYPES, *bundles])}"
            ) from None

    def _block(self, name: str, entry: Fields, depth: int, path: str) -> Block:
        if len(self._built) >= MAX_BLOCKS:
            raise FlowgraphFileError(f"more than {MAX_BLOCKS} blocks")
        if set(entry) == {"flowgraph"}:
            return self.build(mapping(entry["flowgraph"], f"flowgraph '{name}'"), depth + 1, f"{path}{name}.")
        if set(entry) == {"tied"}:
            if not isinstance(entry["tied"], str) or entry["tied"] not in self._built:
                raise FlowgraphFileError(f"block '{name}' is tied to '{entry['tied']}', which does not stand before it")
            return Tied(block=self._built[entry["tied"]])
        if "block" not in entry or not set(entry) <= {"block", "parameters"}:
            raise FlowgraphFileError(
                f"block '{name}' must have the keys 'block' and perhaps 'parameters', or 'flowgraph', or 'tied'"
            )
        kind = find_block(str(entry["block"]), self._own)
        parameters = check_parameters(kind, mapping(entry.get("parameters") or {}, f"parameters of '{name}'"))
        try:
            return kind(**parameters)
        except LinksimError as error:
            raise type(error)(f"block '{name}' ({kind.__name__}): {error}") from None
        except Exception as error:
            raise ParameterError(f"block '{name}' ({kind.__name__}) cannot be made: {error}") from None

    @staticmethod
    def _ends(graph: Graph, entry: Plain) -> tuple[PortRef, PortRef]:
        if not (texts := _ends_of(entry)):
            raise FlowgraphFileError(f"a connection must be [source.port, target.port] (got {entry!r})")
        ends: list[PortRef] = []
        for end, text in zip(("output", "input"), texts, strict=True):
            name, port = text.split(".", 1)
            if name and name not in graph.blocks:
                raise FlowgraphFileError(
                    f"connection {entry} names the unknown block '{name}'; {nearest(name, graph.blocks)}"
                )
            block: Any = graph.blocks[name] if name else graph
            ends.append(PortRef(block, port, None if block is graph else end))  # pyright: ignore[reportArgumentType]
        return ends[0], ends[1]


def _ends_of(entry: Plain) -> list[str]:
    """The two ends of a connection, block.port each; none where it is no connection."""
    ends = [end for end in entry if isinstance(end, str) and "." in end] if isinstance(entry, list) else []
    return ends if isinstance(entry, list) and len(ends) == len(entry) == 2 else []
