"""Flowgraphs as YAML files."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from linksim.block import Block
from linksim.catalogue import catalogue, find_block
from linksim.errors import FlowgraphFileError, LinksimError, ParameterError, PortError, nearest
from linksim.faces.plain_yaml import Plain, read_plain_yaml, write_plain_yaml
from linksim.graph import Graph
from linksim.parameters import check_parameters
from linksim.port import BundleSpec, PortRef, Spec, TensorSpec, parse_declared, read_ports, type_name
from linksim.tied import Tied
from linksim.types import PORT_TYPES, Bundle

VERSION = 1
DEEPEST = 8
MAX_BLOCKS = 1000
MAX_PARAMETER_BYTES = 2 << 30

Fields = dict[str, Plain]
Made = TypeVar("Made", bound=Graph)


# -- saving


def save(graph: Graph, path: Path) -> None:
    """Write a flowgraph. Raises `FlowgraphFileError` where a parameter or an input's type cannot be written."""
    graph.validate()
    content: Fields = {"linksim": VERSION, **describe(graph)}
    if graph.state_dict():
        content["weights"] = {"name": graph.weights, "digest": weights_digest(graph)}
    write_plain_yaml(path, content)


def describe(graph: Graph) -> Fields:
    """Blocks, parameters, inputs and connections as plain values; `FlowgraphFileError` where one is not."""
    return _describe(graph, {part: path for path, part in graph.named_modules()})


def _describe(graph: Graph, paths: Mapping[nn.Module, str]) -> Fields:
    blocks: Fields = {}
    for name, block in graph.blocks.items():
        if isinstance(block, Graph):
            blocks[name] = {"flowgraph": _describe(block, paths)}
        elif isinstance(block, Tied):
            blocks[name] = {"tied": _path_of(name, block, paths)}
        else:
            blocks[name] = _describe_block(name, block)
    inputs: Fields = {name: _written_type(name, port.spec) for name, port in graph.input_ports.items()}
    connections: list[Plain] = [
        [_end(e.source, e.source_port), _end(e.target, e.target_port)] for e in graph.connections
    ]
    return {"name": graph.name, "inputs": inputs, "blocks": blocks, "connections": connections}


def _path_of(name: str, block: Tied, paths: Mapping[nn.Module, str]) -> str:
    if block.original not in paths:
        raise FlowgraphFileError(f"'{name}' is tied to a block that does not stand in this flowgraph")
    return paths[block.original]


def _written_type(name: str, spec: Spec) -> str:
    """A type's name, or what a tensor type says of itself where a file of that reads back as the same."""
    if isinstance(spec, BundleSpec):
        return spec.annotation.__name__
    text = type_name(spec)
    if text not in PORT_TYPES:
        try:
            same = parse_declared(text)
        except PortError:
            same = None
        if not isinstance(same, TensorSpec) or same.dtypes != spec.dtypes:
            raise FlowgraphFileError(f"input '{name}' has the type {spec}, which a file cannot hold: give it one of "
                                     "linksim's types, or a tensor's dtype family and dimensions")  # fmt: skip
    return text


def _end(block: str, port: str) -> str:
    return f"{block}.{port}"


def _describe_block(name: str, block: Block) -> Fields:
    default = {key: p.default for key, p in block.parameter_signature().items()}
    settings = {key: value for key, value in block.settings.items() if value != default[key]}
    try:
        plain: Plain = json.loads(json.dumps(settings, allow_nan=False))
    except (TypeError, ValueError):
        raise FlowgraphFileError(f"'{name}': parameters must be plain values to be saved (got {settings})") from None
    described: Fields = {"block": type(block).__name__}
    return {**described, "parameters": plain} if settings else described


def weights_digest(module: nn.Module) -> str:
    """SHA-256 over names, types, shapes and bytes of a module's weights."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


# -- loading


def load(path: Path, blocks: Sequence[type[Block]], kind: type[Made]) -> Made:
    """Build the flowgraph, of the class `kind`, that a file describes: first without memory for weights, to see that it
    fits, then for real."""
    content = _fields(read_plain_yaml(path), f"'{path}'")
    if content.get("linksim") != VERSION:
        raise FlowgraphFileError(
            f"'{path}': no flowgraph file of version {VERSION}: it must begin with 'linksim: {VERSION}'"
        )
    body = {key: value for key, value in content.items() if key not in ("linksim", "weights")}
    graph = build(body, path, blocks, kind)
    try:
        _check_weights(graph, content.get("weights"))
    except LinksimError as error:
        raise type(error)(f"'{path}': {error}") from None
    return graph


def build(body: Plain, path: Path, blocks: Sequence[type[Block]], kind: type[Made]) -> Made:
    """The flowgraph, of the class `kind`, that `describe` gave and a file at that path holds; see `load`."""
    own = {block.__name__: block for block in blocks}
    try:
        fields = _fields(body, "the flowgraph")
        with torch.device("meta"):
            _check_memory(_Reader(own, kind).build(fields, 1))
        graph = _Reader(own, kind).build(fields, 1)
        graph.validate()
    except LinksimError as error:
        raise type(error)(f"'{path}': {error}") from None
    return graph


def _check_memory(graph: Graph) -> None:
    tensors = [*graph.parameters(), *graph.buffers()]
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > MAX_PARAMETER_BYTES:
        raise ParameterError(f"the blocks' weights would take {size} bytes; at most {MAX_PARAMETER_BYTES} are allowed")


def _check_weights(graph: Graph, weights: Plain) -> None:
    if weights is None:
        return
    fields = _fields(weights, "'weights'")
    graph.weights = str(fields.get("name"))
    if graph.state_dict() and fields.get("digest") != weights_digest(graph):
        raise FlowgraphFileError(f"the weights '{graph.weights}' named in the file are not those of the blocks here")


def _fields(value: Plain, what: str) -> Fields:
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


class _Reader(Generic[Made]):
    """Builds one flowgraph from plain values, counting blocks and depth."""

    def __init__(self, own: Mapping[str, type[Block]], kind: type[Made]) -> None:
        self._own, self._kind = own, kind
        self._built: dict[str, Block] = {}

    def build(self, content: Fields, depth: int, path: str = "") -> Made:
        """The flowgraph that stands at a path ending in a dot, "" for the outermost."""
        if depth > DEEPEST:
            raise FlowgraphFileError(f"flowgraphs are nested deeper than {DEEPEST}")
        known = ("name", "inputs", "blocks", "connections")
        strange = next((key for key in content if key not in known), None)
        if strange is not None:
            raise FlowgraphFileError(f"unknown key '{strange}'; {nearest(strange, known)}")
        inputs = {
            name: self._port_type(name, kind) for name, kind in _fields(content.get("inputs", {}), "inputs").items()
        }
        graph = self._kind(str(content.get("name", "flowgraph")), inputs=inputs)
        for name, entry in _fields(content.get("blocks"), "'blocks'").items():
            if not name.isidentifier():
                raise FlowgraphFileError(f"'{name}' cannot name a block: it must be an identifier")
            block = self._block(name, _fields(entry, f"block '{name}'"), depth, path)
            setattr(graph, name, block)
            self._built[f"{path}{name}"] = block
        connections = content.get("connections")
        if not isinstance(connections, list):
            raise FlowgraphFileError("'connections' must be a list of [source.port, target.port]")
        for entry in connections:
            graph.connect(*self._ends(graph, entry))
        return graph

    def _port_type(self, name: str, kind: Plain) -> object:
        try:
            return parse_declared(str(kind)).annotation
        except PortError:
            bundles = {bundle.__name__: bundle for bundle in _bundles({**catalogue(), **self._own}.values())}
            if kind in bundles:
                return bundles[str(kind)]
            raise FlowgraphFileError(
                f"input '{name}' has the unknown type {kind!r}; {nearest(str(kind), [*PORT_TYPES, *bundles])}"
            ) from None

    def _block(self, name: str, entry: Fields, depth: int, path: str) -> Block:
        if len(self._built) >= MAX_BLOCKS:
            raise FlowgraphFileError(f"more than {MAX_BLOCKS} blocks")
        if set(entry) == {"flowgraph"}:
            return self.build(_fields(entry["flowgraph"], f"flowgraph '{name}'"), depth + 1, f"{path}{name}.")
        if set(entry) == {"tied"}:
            if entry["tied"] not in self._built:
                raise FlowgraphFileError(f"block '{name}' is tied to '{entry['tied']}', which does not stand before it")
            return Tied(block=self._built[str(entry["tied"])])
        if "block" not in entry or not set(entry) <= {"block", "parameters"}:
            raise FlowgraphFileError(
                f"block '{name}' must have the keys 'block' and perhaps 'parameters', or 'flowgraph', or 'tied'"
            )
        kind = find_block(str(entry["block"]), self._own)
        parameters = check_parameters(kind, _fields(entry.get("parameters") or {}, f"parameters of '{name}'"))
        try:
            return kind(**parameters)
        except LinksimError as error:
            raise type(error)(f"block '{name}' ({kind.__name__}): {error}") from None
        except Exception as error:
            raise ParameterError(f"block '{name}' ({kind.__name__}) cannot be made: {error}") from None

    @staticmethod
    def _ends(graph: Graph, entry: Plain) -> tuple[PortRef, PortRef]:
        if not (isinstance(entry, list) and len(entry) == 2 and all(isinstance(e, str) and "." in e for e in entry)):
            raise FlowgraphFileError(f"a connection must be [source.port, target.port] (got {entry!r})")
        ends: list[PortRef] = []
        for end, text in zip(("output", "input"), entry, strict=True):
            name, port = str(text).split(".", 1)
            if name and name not in graph.blocks:
                raise FlowgraphFileError(
                    f"connection {entry} names the unknown block '{name}'; {nearest(name, graph.blocks)}"
                )
            block: Any = graph.blocks[name] if name else graph
            ends.append(PortRef(block, port, None if block is graph else end))  # pyright: ignore[reportArgumentType]
        return ends[0], ends[1]
