"""What a worker of the studio does. Every task is given plain values and says what it finds as plain values."""

import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from PIL import Image

from linksim import Flowgraph
from linksim.errors import FlowgraphFileError, LinksimError, nearest
from linksim.faces.diagram import svg
from linksim.faces.plain_yaml import plain_text, plain_values
from linksim.faces.reader import mapping
from linksim.faces.yaml_file import VERSION, Examined, describe, examine
from linksim.flowgraphs import FLOWGRAPHS
from linksim.port import Port, type_name
from linksim.studio.failures import failure
from linksim.studio.limits import ForbiddenError, confine, paths_named
from linksim.studio.replay import replay
from linksim.studio.run import decoded_picture, run
from linksim.studio.shape import layout, shaped
from linksim.studio.sweeps import listed, stored, sweep
from linksim.studio.views import pixels_of

NAME = "the flowgraph"


def examined(text: bytes) -> dict[str, Any]:
    """All that is wrong with a flowgraph, and the ports of its blocks by path; "" is the flowgraph itself."""
    found = look_at(text)
    ports = {path: {"inputs": _ports(inputs), "outputs": _ports(outputs)}
             for path, (inputs, outputs) in found.ports.items()}  # fmt: skip
    return {"faults": [vars(fault) for fault in found.faults], "ports": ports}


def look_at(text: bytes) -> Examined:
    """What `examine` finds, and the paths that blocks name."""
    named = paths_named(plain_values(text, NAME))
    # A block that would read a file is not made.
    return Examined(named, {}) if named else examine(text, NAME, (), Flowgraph)


def built(text: bytes) -> Flowgraph:
    """The flowgraph. Raises what `Flowgraph.load` raises, and `ForbiddenError` where a block names a path."""
    named = paths_named(plain_values(text, NAME))
    if named:
        raise ForbiddenError(named[0].message)
    return Flowgraph.from_yaml(text.decode(errors="surrogatepass"))


def _ports(ports: Mapping[str, Port]) -> dict[str, Any]:
    return {name: {"type": type_name(port.spec), "optional": port.optional} for name, port in ports.items()}


def ready(name: str) -> dict[str, Any]:
    """A ready flowgraph as plain values."""
    if name not in FLOWGRAPHS:
        raise LinksimError(f"no ready flowgraph '{name}'; {nearest(name, FLOWGRAPHS)}")
    return {"graph": {"linksim": VERSION, **describe(FLOWGRAPHS[name]())}}


def opened(text: bytes) -> dict[str, Any]:
    """A flowgraph file's text as plain values, without the digest of weights, which is worked out again."""
    content = mapping(plain_values(text, NAME), NAME)
    if content.get("linksim") != VERSION:
        raise FlowgraphFileError(f"this is no flowgraph file of version {VERSION}: it must begin with 'linksim: 1'")
    places = layout(content.get("layout"))
    return {"graph": {"linksim": VERSION, **shaped(content, NAME), **({"layout": places} if places else {})}}


def written(text: bytes, form: str) -> dict[str, Any]:
    """A flowgraph as the text of a file: YAML, Python or SVG. One that is not finished can be kept as YAML."""
    if form == "yaml" and look_at(text).faults:
        return {"text": plain_text(opened(text)["graph"])}
    graph = built(text)
    forms: Mapping[str, Callable[[Flowgraph], str]] = {"yaml": Flowgraph.to_yaml, "python": Flowgraph.to_python,
                                                       "svg": svg}  # fmt: skip
    return {"text": forms[form](graph)}


def decoded(picture: bytes) -> dict[str, Any]:
    """A picture's file as the PNG file of what linksim reads in it."""
    stream = io.BytesIO()
    Image.fromarray(pixels_of(decoded_picture(picture)[0])).save(stream, "png")
    return {"png": stream.getvalue()}


def run_task(channel: Connection, text: bytes, asked: Mapping[str, Any], picture: bytes | None) -> None:
    """Run a flowgraph, then answer questions about its wires; see `run`."""
    run(channel, built(text), asked, picture)


def store(path: str, number: int | None) -> dict[str, Any]:
    """What a store holds; see `stored`."""
    return stored(Path(path), number)


SHORT: Mapping[str, Callable[..., dict[str, Any]]] = {
    "examined": examined,
    "ready": ready,
    "opened": opened,
    "written": written,
    "decoded": decoded,
    "stores": listed,
    "store": store,
}
"""Tasks with one answer."""


LONG: Mapping[str, Callable[..., None]] = {"run": run_task, "sweep": sweep, "replay": replay}
"""Tasks that tell how far they are."""


def work(
    channel: Connection, task: str, arguments: tuple[Any, ...], folder: str, memory_bytes: int, more: tuple[str, ...]
) -> None:
    """The whole life of a worker process: one task. What goes wrong is the last thing it says."""
    try:
        confine(Path(folder), memory_bytes, more)
        if task in LONG:
            LONG[task](channel, *arguments)
        else:
            channel.send({"event": "done", **SHORT[task](*arguments)})
    except Exception as error:
        # Where the server has ended, nobody listens.
        with suppress(OSError):
            channel.send(failure(error))
