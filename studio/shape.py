"""The form that the page needs a flowgraph in, whatever stands in the file."""

import json
from typing import Any

from linksim.errors import FlowgraphFileError
from linksim.faces.plain_yaml import Plain
from linksim.faces.reader import DEEPEST, mapping
from linksim.faces.yaml_file import is_coordinate


def shaped(content: Plain, what: str, depth: int = 1) -> dict[str, Any]:
    """A flowgraph with all of its parts: name, inputs, blocks, connections. What a block is and whether a wire fits is
    not looked at. Raises `FlowgraphFileError` where a part is not what it must be."""
    if depth > DEEPEST:
        raise FlowgraphFileError(f"flowgraphs are nested deeper than {DEEPEST}")
    given = mapping(content, what)
    inputs = mapping(given.get("inputs") or {}, f"the inputs of {what}")
    blocks = mapping(given.get("blocks"), f"the blocks of {what}")
    connections = given.get("connections")
    if not isinstance(connections, list) or not all(map(_is_connection, connections)):
        raise FlowgraphFileError(f"the connections of {what} must be a list of [source.port, target.port]")
    strange = next((name for name, kind in inputs.items() if not isinstance(kind, str)), None)
    if strange is not None:
        raise FlowgraphFileError(f"the type of input '{strange}' must be text (got {inputs[strange]!r})")
    return {
        "name": str(given.get("name", "flowgraph")),
        "inputs": inputs,
        "blocks": {name: _entry(name, entry, depth) for name, entry in blocks.items()},
        "connections": connections,
    }


def _is_connection(value: Plain) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(end, str) and "." in end for end in value)


def _entry(name: str, entry: Plain, depth: int) -> dict[str, Any]:
    fields = mapping(entry, f"block '{name}'")
    if "flowgraph" in fields:
        return {"flowgraph": shaped(fields["flowgraph"], f"flowgraph '{name}'", depth + 1)}
    if isinstance(fields.get("tied"), str):
        return {"tied": fields["tied"]}
    if not isinstance(fields.get("block"), str):
        raise FlowgraphFileError(f"block '{name}' must have the key 'block', or 'flowgraph', or 'tied'")
    parameters = mapping(fields.get("parameters") or {}, f"the parameters of '{name}'")
    try:
        json.dumps(parameters, allow_nan=False)
    except ValueError:
        raise FlowgraphFileError(f"block '{name}' has a parameter that is no finite number") from None
    return {"block": fields["block"], "parameters": parameters} if parameters else {"block": fields["block"]}


def layout(content: Plain) -> dict[str, Any]:
    """The places that can be read as such; the page finds places for the others."""
    places = content if isinstance(content, dict) else {}
    return {path: place for path, place in places.items()
            if isinstance(place, list) and len(place) == 2 and all(map(is_coordinate, place))}  # fmt: skip
