"""Flowgraphs as YAML files."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, TypeVar

import torch
from torch import nn

from linksim.block import Block
from linksim.errors import (
    FlowgraphFileError,
    LinksimError,
    LoopError,
    ParameterError,
    PortError,
    UnconnectedBlockError,
    UnfedInputError,
)
from linksim.faces.plain_yaml import Plain, plain_text, plain_values, read_bytes, write_plain_yaml
from linksim.faces.reader import Fault, Fields, Reader, mapping
from linksim.graph import Graph
from linksim.port import BundleSpec, Port, Spec, TensorSpec, parse_declared, type_name
from linksim.tied import Tied
from linksim.types import PORT_TYPES

VERSION = 1
MAX_PARAMETER_BYTES = 2 << 30
FARTHEST = 1e9
"""A place in a drawing, in pixels from its origin."""

Made = TypeVar("Made", bound=Graph)


# -- saving


def save(graph: Graph, path: Path) -> None:
    """Write a flowgraph. Raises `FlowgraphFileError` where a parameter or an input's type cannot be written."""
    write_plain_yaml(path, _content(graph))


def text_of(graph: Graph) -> str:
    """What `save` writes. Raises as that does."""
    return plain_text(_content(graph))


def _content(graph: Graph) -> Fields:
    graph.validate()
    content: Fields = {"linksim": VERSION, **describe(graph)}
    if graph.layout:
        content["layout"] = {block: list(place) for block, place in graph.layout.items()}
    if graph.state_dict():
        content["weights"] = {"name": graph.weights, "digest": weights_digest(graph)}
    return content


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
    """The flowgraph, of the class `kind`, that a file describes; see `load_text`."""
    return load_text(read_bytes(path), path, blocks, kind)


def load_text(data: bytes, path: Path | str, blocks: Sequence[type[Block]], kind: type[Made]) -> Made:
    """Build the flowgraph, of the class `kind`, that a file's text describes: first without memory for weights, to see
    that it fits, then for real. `path` names it in messages."""
    body, beside = _parts(data, path)
    graph = build(body, path, blocks, kind)
    try:
        _check_weights(graph, beside.get("weights"))
        graph.layout = _layout(beside.get("layout"), graph)
    except LinksimError as error:
        raise type(error)(f"'{path}': {error}") from None
    return graph


def _parts(data: bytes, path: Path | str) -> tuple[Fields, Fields]:
    """The flowgraph that a file speaks of, and what stands beside it."""
    content = mapping(plain_values(data, path), f"'{path}'")
    if content.get("linksim") != VERSION:
        raise FlowgraphFileError(
            f"'{path}': no flowgraph file of version {VERSION}: it must begin with 'linksim: {VERSION}'"
        )
    beside = {key: content.pop(key) for key in ("weights", "layout") if key in content}
    del content["linksim"]
    return content, beside


def _layout(given: Plain, graph: Graph) -> dict[str, tuple[float, float]]:
    """Where things stand in a drawing. What is said of those that are no longer there is left out."""
    if given is None:
        return {}
    known = _drawn(graph)
    places: dict[str, tuple[float, float]] = {}
    for path, place in mapping(given, "'layout'").items():
        numbers = [x for x in place if is_coordinate(x)] if isinstance(place, list) else []
        if not isinstance(place, list) or len(place) != 2 or len(numbers) != 2:
            raise FlowgraphFileError(
                f"the layout of '{path}' must be two numbers, [x, y], of at most {FARTHEST:g} (got {place!r})"
            )
        if path in known:
            places[path] = (float(numbers[0]), float(numbers[1]))
    return places


def _drawn(graph: Graph) -> set[str]:
    """The paths of all that a drawing shows: see `Graph.layout`."""
    paths: set[str] = set()
    for path, part in graph.named_modules():
        if isinstance(part, Graph):
            inside = f"{path}." if path else ""
            paths.update(f"{inside}{name}" for name in part.blocks)
            paths.update(f"{inside}.{name}" for name in part.input_ports)
            paths.update(f"{inside}{name}." for name in part.output_ports)
    return paths


def is_coordinate(value: Plain) -> TypeGuard[float]:
    """Whether it is a number that a drawing can use; NaN is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST


@dataclass(frozen=True)
class Examined:
    """What is wrong with a flowgraph, and the ports of the blocks that could be made, by path: inputs, outputs. The
    path "" stands for the flowgraph itself."""

    faults: list[Fault]
    ports: dict[str, tuple[Mapping[str, Port], Mapping[str, Port]]]


def faults_in(path: Path, blocks: Sequence[type[Block]], kind: type[Graph]) -> list[Fault]:
    """All that is wrong with the flowgraph in a file; see `examine`. Where that finds nothing, the weights that the
    file names are compared too."""
    data = read_bytes(path)
    faults = examine(data, path, blocks, kind).faults
    if not faults:
        try:
            load_text(data, path, blocks, kind)
        except LinksimError as error:
            return [Fault("", "", type(error).__name__, str(error))]
    return faults


def examine(data: bytes, path: Path | str, blocks: Sequence[type[Block]], kind: type[Graph]) -> Examined:
    """All that is wrong with the flowgraph in a file's text, each fault where it is, without memory for weights.

    What follows from a fault, as an input without a source where the wire to it does not fit, is not told again. Raises
    `FlowgraphFileError` where it is no flowgraph file.
    """
    body, beside = _parts(data, path)
    faults: list[Fault] = []
    reader = Reader({block.__name__: block for block in blocks}, kind, faults)
    try:
        with torch.device("meta"):
            graph = reader.build(body, 1)
        _check_memory(graph)
        if beside.get("weights") is not None:
            mapping(beside["weights"], "'weights'")
        _layout(beside.get("layout"), graph)
    except LinksimError as error:
        return Examined([*faults, Fault("", "", type(error).__name__, str(error))], reader.ports())
    for block, port, error in graph.faults():
        if not _follows(block, port, error, faults, reader):
            faults.append(Fault(block, port, type(error).__name__, str(error)))
    return Examined(faults, {"": (graph.input_ports, graph.output_ports), **reader.ports()})


def _follows(block: str, port: str, error: LinksimError, faults: Sequence[Fault], reader: Reader[Graph]) -> bool:
    """Whether one of the faults is the cause of this one."""
    if isinstance(error, UnfedInputError):
        alone = any(fault.block == block and fault.error == UnconnectedBlockError.__name__ for fault in faults)
        return (block, port) in reader.fed or alone
    if isinstance(error, UnconnectedBlockError):
        return block in reader.wired
    # A flowgraph none of whose blocks could be made has no blocks.
    inside = not block or any(f"{fault.block}.".startswith(f"{block}.") for fault in faults)
    return bool(faults) and inside and not isinstance(error, LoopError)


def build(body: Plain, path: Path | str, blocks: Sequence[type[Block]], kind: type[Made]) -> Made:
    """The flowgraph, of the class `kind`, that `describe` gave and a file at that path holds; see `load`."""
    own = {block.__name__: block for block in blocks}
    try:
        fields = mapping(body, "the flowgraph")
        with torch.device("meta"):
            _check_memory(Reader(own, kind).build(fields, 1))
        graph = Reader(own, kind).build(fields, 1)
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
    fields = mapping(weights, "'weights'")
    graph.weights = str(fields.get("name"))
    if graph.state_dict() and fields.get("digest") != weights_digest(graph):
        raise FlowgraphFileError(f"the weights '{graph.weights}' named in the file are not those of the blocks here")
