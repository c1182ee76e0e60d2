"""The studio's server: the page, and what it asks for."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from linksim.catalogue import catalogue
from linksim.errors import LinksimError
from linksim.faces.described_block import describe_block
from linksim.faces.plain_yaml import MAX_BYTES
from linksim.flowgraphs import FLOWGRAPHS
from linksim.randomness import whole_seed
from linksim.studio.guard import Guard
from linksim.studio.samples import SAMPLES, sample_picture
from linksim.studio.sessions import Studio, plain_json, read_mapping
from linksim.studio.stores import replay, store, stores, sweep
from linksim.types import PORT_TYPES
from linksim.version import __version__

STATIC = Path(__file__).parent / "static"
FORMS = ("yaml", "python", "svg")


def studio_app(studio: Studio, token: str, port: int) -> Guard:
    """The application: `token` is asked for with every request, `port` is where the server listens on loopback."""

    def route(path: str, answer: Callable[[Studio, Request], Awaitable[Response]], *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            return await answer(studio, request)

        return Route(path, endpoint, methods=methods or ("GET",))

    routes = [
        Route("/", _page),
        # An editable install is made of links.
        Mount("/static", StaticFiles(directory=STATIC, follow_symlink=True)),
        Route("/api/catalogue", _catalogue),
        route("/api/flowgraphs/{name}", _ready),
        route("/api/check", _check, "POST"),
        route("/api/open", _open, "POST"),
        route("/api/write/{form}", _write, "POST"),
        route("/api/pictures", _picture, "POST"),
        route("/api/samples/{name}", _sample, "POST"),
        route("/api/runs", _run, "POST"),
        route("/api/runs/{key}", _messages),
        route("/api/runs/{key}", _stop, "DELETE"),
        route("/api/runs/{key}/wire", _wire),
        route("/api/sweeps", sweep, "POST"),
        route("/api/stores", stores),
        route("/api/stores/{name}", store),
        route("/api/stores/{name}/replay", replay, "POST"),
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        # The first worker waits until linksim is loaded; the next ones do not.
        warm = asyncio.create_task(studio.task("ready", "bpsk"))
        yield
        warm.cancel()
        studio.close()

    handlers = {HTTPException: _refused, LinksimError: _wrong, ClientDisconnect: _gone}
    return Guard(Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers), token, port)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"event": "error", "message": error.detail}, error.status_code)


async def _wrong(_request: Request, error: Exception) -> Response:
    return JSONResponse({"event": "error", "message": str(error)}, 400)


async def _gone(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"event": "error", "message": "too much was sent"}, 413)


async def _page(_request: Request) -> Response:
    return HTMLResponse((STATIC / "index.html").read_text("utf-8"))


async def _catalogue(_request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(_described))


def _described() -> dict[str, Any]:
    """All blocks, the names of the ready flowgraphs, and the types that an input can have."""
    blocks = [describe_block(kind) for kind in catalogue().values()]
    summaries = {name: (make.__doc__ or "").strip().split("\n")[0] for name, make in FLOWGRAPHS.items()}
    return {
        "blocks": blocks,
        "flowgraphs": summaries,
        "types": list(PORT_TYPES),
        "samples": list(SAMPLES),
        "version": __version__,
    }


async def _ready(studio: Studio, request: Request) -> Response:
    return await studio.task("ready", request.path_params["name"])


async def _text(request: Request) -> bytes:
    """A flowgraph, JSON or YAML, no larger than a file may be."""
    text = await request.body()
    if len(text) > MAX_BYTES:
        raise HTTPException(413, f"a flowgraph has at most {MAX_BYTES} bytes")
    return text


async def _check(studio: Studio, request: Request) -> Response:
    return await studio.task("examined", await _text(request))


async def _open(studio: Studio, request: Request) -> Response:
    return await studio.task("opened", await _text(request))


async def _write(studio: Studio, request: Request) -> Response:
    form = request.path_params["form"]
    if form not in FORMS:
        raise HTTPException(404, f"a flowgraph is written as one of {', '.join(FORMS)}")
    return await studio.task("written", await _text(request), form)


async def _picture(studio: Studio, request: Request) -> Response:
    """Keep the bytes of a picture's file; a worker decodes them."""
    data = await request.body()
    if not data:
        raise HTTPException(400, "the file is empty")
    return JSONResponse({"picture": studio.keep(data)})


async def _sample(studio: Studio, request: Request) -> Response:
    name = request.path_params["name"]
    if name not in SAMPLES:
        raise HTTPException(404, f"no picture '{name}' ships; there are {', '.join(SAMPLES)}")
    return JSONResponse({"picture": studio.keep(await run_in_threadpool(sample_picture, name))})


async def _run(studio: Studio, request: Request) -> Response:
    asked = await read_mapping(request)
    graph, inputs = asked.get("graph"), asked.get("inputs")
    if not isinstance(graph, dict) or not isinstance(inputs, dict):
        raise HTTPException(400, "a run needs a 'graph' and 'inputs'")
    seed, batch = whole_seed(asked.get("seed", 0)), asked.get("batch", 1)
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise HTTPException(400, f"frames must be a whole number of at least 1 (got {batch!r})")
    picture = _picture_asked(studio, inputs)
    text = plain_json(graph)
    if len(text) > MAX_BYTES:
        raise HTTPException(413, f"a flowgraph has at most {MAX_BYTES} bytes")
    arguments = (text, {"inputs": inputs, "seed": seed, "batch": batch}, picture)
    return JSONResponse({"run": await studio.begin("run", arguments, studio.run_seconds)})


def _picture_asked(studio: Studio, inputs: Mapping[str, Any]) -> bytes | None:
    keys = [value.get("picture") for value in inputs.values() if isinstance(value, dict)]
    if not keys:
        return None
    if len(keys) > 1 or not isinstance(keys[0], str) or keys[0] not in studio.pictures:
        raise HTTPException(404, "this picture is no longer kept; choose it again" if len(keys) == 1 else
                            "a run takes one picture")  # fmt: skip
    return studio.pictures[keys[0]]


async def _messages(studio: Studio, request: Request) -> Response:
    """The run's messages from the first on, one JSON object a line, while it works."""
    run = studio.run(request)

    async def lines() -> AsyncIterator[str]:
        async for message in run.follow(0):
            yield json.dumps(message) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def _stop(studio: Studio, request: Request) -> Response:
    studio.run(request).stop()
    return JSONResponse({"event": "stopped"})


async def _wire(studio: Studio, request: Request) -> Response:
    run, frame = studio.run(request), request.query_params.get("frame", "0")
    if not run.over:
        raise HTTPException(409, "the run is not done yet")
    if not (frame.isascii() and frame.isdigit() and len(frame) < 10):
        raise HTTPException(400, "the frame must be a number from 0")
    answer = await run.wire(request.query_params.get("port", ""), int(frame))
    return JSONResponse(answer, 200 if "view" in answer else 400)
