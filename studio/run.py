"""A run in a worker of the studio: what each block takes, what crossed each wire."""

import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import nn

from linksim import Block, Flowgraph
from linksim.blocks.sources import read_picture
from linksim.errors import LinksimError, RunError
from linksim.graph import Graph
from linksim.port import Spec, type_name
from linksim.result import Result
from linksim.studio.failures import failure
from linksim.studio.views import summary, view
from linksim.types import Text

PICTURE = "picture"
PICTURE_FILE = "picture"
"""In the worker's own folder."""


def run(channel: Connection, graph: Flowgraph, asked: Mapping[str, Any], picture: bytes | None) -> None:
    """Run once and say what happens; then answer questions about the wires until nobody asks.

    `asked`: "seed"; "batch", the frames where no input is a picture or a text; "inputs" by name: a number, a text, or
    {"picture": anything} for the picture whose file is given.

    Messages: {"event": "begins", "blocks"}, their number; {"event": "block", "path", "seconds"} after each; then
    {"event": "done", "outputs", "labels", "seconds"}, or {"event": "error", "block", "error", "message"}. A question is
    (path of a port, frame), its answer {"event": "wire", "view"} or an error.
    """
    watch = Watch(channel.send, graph)
    channel.send({"event": "begins", "blocks": len(watch.blocks)})
    start = time.perf_counter()
    try:
        values = _inputs(graph, asked["inputs"], picture)
        numbers_only = all(isinstance(value, float) for value in values.values())
        batch = int(asked["batch"]) if numbers_only else None
        result = graph.run(seed=asked["seed"], batch=batch, probe=list(ports_of(graph)), **values)
    except Exception as error:
        return channel.send(failure(error, watch.place_of(error)))
    seconds = time.perf_counter() - start
    channel.send({"event": "done", "outputs": outputs_of(graph, result), "labels": result.labels, "seconds": seconds})
    return answer(channel, graph, result, values)


def outputs_of(graph: Flowgraph, result: Result) -> dict[str, Any]:
    """The outputs of a run by name, each in a few words."""
    return {name: {"type": type_name(port.spec), "text": summary(result[name])}
            for name, port in graph.output_ports.items()}  # fmt: skip


class Watch:
    """Says after each block how long it took, and knows which one is at work."""

    def __init__(self, say: Callable[[Any], None], graph: Flowgraph) -> None:
        self._say = say
        self._at_work: list[tuple[str, float]] = []
        """Path and beginning; a block inside a twin, which works in the twin's name, has no path."""
        self.blocks = dict(_leaves(graph, ""))
        for path, block in self.blocks.items():
            block.register_forward_pre_hook(self._begins(path))
            block.register_forward_hook(self._ends)

    def _begins(self, path: str) -> Callable[[nn.Module, object], None]:
        def begins(_block: nn.Module, _arguments: object) -> None:
            self._at_work.append(("" if self._at_work else path, time.perf_counter()))

        return begins

    def _ends(self, _block: nn.Module, _arguments: object, _result: object) -> None:
        path, start = self._at_work.pop()
        if path:
            self._say({"event": "block", "path": path, "seconds": time.perf_counter() - start})

    def place_of(self, error: Exception) -> str:
        """The block in which an error was, or of whose ports it speaks: then the message begins with its path."""
        named = [path for path in self.blocks if str(error).startswith((f"{path}.", f"{path}:"))]
        inside = self._at_work[0][0] if self._at_work else ""
        return inside or max(named, key=len, default="")


def _leaves(graph: Graph, prefix: str) -> Iterator[tuple[str, Block]]:
    """The blocks that are no flowgraphs, by path; parts of a block are not looked into."""
    for name, block in graph.blocks.items():
        if isinstance(block, Graph):
            yield from _leaves(block, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", block


def ports_of(graph: Graph, prefix: str = "") -> Iterator[str]:
    """All outputs of blocks and nested flowgraphs, by path."""
    for name, block in graph.blocks.items():
        yield from (f"{prefix}{name}.{port}" for port in block.output_ports)
        if isinstance(block, Graph):
            yield from ports_of(block, f"{prefix}{name}.")


def _inputs(graph: Flowgraph, given: Mapping[str, Any], picture: bytes | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in graph.input_ports:
            raise RunError(f"'{graph.name}' has no input '{name}'")
        if isinstance(value, Mapping):
            values[name] = decoded_picture(picture)
        elif isinstance(value, str):
            values[name] = Text.of([value])
        elif isinstance(value, int | float):
            values[name] = float(value)
        else:
            raise RunError(f"input '{name}' must be a number, a text or a picture")
    return values


def decoded_picture(picture: bytes | None) -> torch.Tensor:
    """What a picture's file holds, [1, 3, height, width]. Raises `FileError`, and `RunError` where there is none."""
    if picture is None:
        raise RunError("no picture was given")
    path = Path(PICTURE_FILE)
    path.write_bytes(picture)
    return read_picture(path)[None]


def answer(channel: Connection, graph: Flowgraph, result: Result, values: Mapping[str, Any]) -> None:
    """Answer questions about the wires of a run, whose inputs were `values`, until nobody asks."""
    while True:
        try:
            path, frame = channel.recv()
        except EOFError:
            return
        try:
            channel.send({"event": "wire", "view": _wire(graph, result, values, path, frame)})
        except Exception as error:
            channel.send({**failure(error), "event": "wire"})


def _wire(graph: Flowgraph, result: Result, values: Mapping[str, Any], path: str, frame: int) -> dict[str, Any]:
    source = source_of(graph, path)
    name = source.removeprefix(".")
    if source.startswith("."):
        if name not in values:
            raise LinksimError(f"nothing was given for the input '{name}'")
        return view(_as_tensor(values[name]), graph.input_ports[name].spec, frame)
    return view(result[source], _spec(graph, source), frame)


def _as_tensor(value: Any) -> Any:
    return torch.tensor([float(value)]) if isinstance(value, int | float) else value


def _spec(graph: Graph, source: str) -> Spec:
    path, _, port = source.rpartition(".")
    return graph.find(path)[1].output_ports[port].spec


def source_of(graph: Graph, path: str) -> str:
    """The output from which a wire comes: that of a block, or ".snr_db", an input of the whole flowgraph. `path` may
    also be an input of a nested flowgraph, "receiver..snr_db". Raises `LinksimError` where nothing feeds it."""
    inner, dot, port = path.partition("..")
    if not dot:
        return path
    outer, _, name = inner.rpartition(".")
    around = graph.find(outer)[1] if outer else graph
    assert isinstance(around, Graph)
    for edge in around.connections:
        if (edge.target, edge.target_port) == (name, port):
            above = f"{outer}." if outer else ""
            return source_of(graph, f"{above}{edge.source}.{edge.source_port}")
    raise LinksimError(f"nothing feeds the input '{port}' of '{inner}'")
