"""What the page asks of sweeps and their stores, which lie in the folder in which the studio was started."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from linksim.files import write_whole
from linksim.montecarlo.store import store_files
from linksim.randomness import whole_seed
from linksim.studio.sessions import Studio, plain_json, read_mapping
from linksim.studio.sweeps import ENDING

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
PICTURE = "picture.png"
SWEEP_FACTOR = 12
"""A sweep may take so much longer than a run; it can be gone on with afterwards."""


async def sweep(studio: Studio, request: Request) -> Response:
    """Begin a sweep, or go on with it. The flowgraph is written beside the store, as `linksim sweep` needs it."""
    asked = await read_mapping(request)
    name, graph = _checked_name(asked.get("store")), asked.get("graph")
    if not isinstance(graph, dict):
        raise HTTPException(400, "a sweep needs a 'graph'")
    # Places in the drawing are no part of what is swept.
    content = plain_json({key: value for key, value in graph.items() if key != "layout"})
    checked = await studio.result("examined", content)
    if checked["faults"]:
        raise HTTPException(400, f"{checked['faults'][0]['block']}: {checked['faults'][0]['message']}")
    text = (await studio.result("written", content, "yaml"))["text"].encode()
    source, store = studio.folder / f"{name}.yaml", studio.folder / f"{name}{ENDING}"
    if store.is_symlink():
        raise HTTPException(409, f"{store.name} leads to another place; give the sweep another name")
    pictures = await _pictures(studio, asked, name)
    _keep(source, text)
    texts = {key: _texts(asked, key) for key in ("grid", "stop", "inputs")}
    named = {"flowgraph": str(source), "store": str(store), "pictures": pictures}
    plain = {**named, **texts, "seed": whole_seed(asked.get("seed", 0))}
    more = (str(source), *([pictures] if pictures else []), *map(str, store_files(store)))
    key = await studio.begin("sweep", (plain, str(studio.folder)), SWEEP_FACTOR * studio.run_seconds, more)
    return JSONResponse({"run": key})


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise HTTPException(400, "name the store by letters, digits, - and _, at most 60")
    return name


def _existing(studio: Studio, request: Request) -> Path:
    """A store of the folder, by its name. Raises `HTTPException` where there is none."""
    name = f"{request.path_params['name']}{ENDING}"
    found = next((path for path in studio.folder.glob(f"*{ENDING}") if path.name == name), None)
    if found is None:
        raise HTTPException(404, f"there is no store '{name}' in the folder of the studio")
    return found


def _texts(asked: Mapping[str, Any], key: str) -> list[str]:
    values = asked.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise HTTPException(400, f"'{key}' must be a list of texts, as linksim sweep takes them")
    return values


async def _pictures(studio: Studio, asked: Mapping[str, Any], name: str) -> str | None:
    """The folder of the pictures that every point sends: a copy of the one chosen on the page."""
    key = asked.get("picture")
    if key is None:
        return None
    if not isinstance(key, str) or key not in studio.pictures:
        raise HTTPException(404, "this picture is no longer kept; choose it again")
    folder = studio.folder / f"{name}_pictures"
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or set(os.listdir(folder)) - {PICTURE})):
        # A folder of the user's own would be swept as a whole.
        raise HTTPException(409, f"there is another {folder.name} in the folder; give the sweep another name")
    folder.mkdir(exist_ok=True)
    _keep(folder / PICTURE, (await studio.result("decoded", studio.pictures[key]))["png"])
    return str(folder)


def _keep(path: Path, content: bytes) -> None:
    """Write a file where there is none; nothing is ever overwritten."""
    if path.is_symlink() or (path.exists() and path.read_bytes() != content):
        raise HTTPException(409, f"there is another {path.name} in the folder; give the sweep another name")
    if not path.exists():
        write_whole(path, content)


async def stores(studio: Studio, _request: Request) -> Response:
    """The stores of the folder."""
    return await studio.task("stores", str(studio.folder), more=(str(studio.folder),))


async def replay(studio: Studio, request: Request) -> Response:
    """Run the worst chunk of a store again; its wires can be looked into, like those of a run."""
    asked = await read_mapping(request)
    path = _existing(studio, request)
    number, metric = asked.get("sweep"), asked.get("metric")
    if not isinstance(metric, str) or not (number is None or type(number) is int):
        raise HTTPException(400, "a replay needs a 'metric', and perhaps the number of a 'sweep'")
    arguments = (str(path), number, metric, str(studio.folder))
    return JSONResponse({"run": await studio.begin("replay", arguments, studio.run_seconds, (str(studio.folder),))})


async def store(studio: Studio, request: Request) -> Response:
    """What a store holds of a sweep."""
    path = _existing(studio, request)
    number = request.query_params.get("sweep", "")
    if number and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise HTTPException(400, "the sweep must be a number from 1")
    return await studio.task("store", str(path), int(number) if number else None, more=(str(studio.folder),))
