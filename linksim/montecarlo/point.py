"""The points of a sweep: plain values by name, in one canonical form."""

import json
import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import product
from typing import Any

from linksim.errors import ParameterError, require
from linksim.flowgraph import Flowgraph
from linksim.montecarlo.identity import by_content

Point = dict[str, Any]
MAX_POINTS = 1_000_000
EXACT = 2.0**53
"""Below it floats tell all whole numbers apart."""


def grid_points(grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]) -> list[Point]:
    """All combinations of the grid's values, the last name varying fastest; or the points as listed.

    Raises `ParameterError` where there is no point, two are alike, or names differ from point to point.
    """
    if isinstance(grid, Mapping):
        count = math.prod(len(_listed(name, given)) for name, given in grid.items())
        require(count <= MAX_POINTS, "grid", f"1 to {MAX_POINTS} points", count)
        values = {name: [normal(value) for value in _listed(name, given)] for name, given in grid.items()}
        points = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    elif (
        isinstance(grid, str | bytes) or not hasattr(grid, "__iter__") or not all(isinstance(p, Mapping) for p in grid)
    ):
        raise ParameterError(f"'grid' must map names to lists of values, or list points (got {grid!r})")
    else:
        points = [{name: normal(value) for name, value in point.items()} for point in grid]
    require(0 < len(points) <= MAX_POINTS, "grid", f"1 to {MAX_POINTS} points", len(points))
    names = list(points[0])
    strange = next((point for point in points if list(point) != names), None)
    if strange is not None:
        raise ParameterError(f"all points must have the names {', '.join(names)} in this order (got {list(strange)})")
    seen: set[str] = set()
    for point in points:
        key = canonical(point)
        if key in seen:
            raise ParameterError(f"the point {show_point(point)} is there twice")
        seen.add(key)
    return points


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        raise ParameterError(f"grid '{name}' must be a list of values (got {values!r})")
    return list(values)


def normal(value: Any) -> Any:
    """A number as Python's own, whole ones as int, whatever library it came from; all else as it is."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < EXACT else value


def plain(value: Any) -> Any:
    """A grid's value as JSON can hold it: whole floats as whole numbers, blocks by class and parameters.

    Raises `ParameterError` where it is nothing of the kind.
    """
    if isinstance(value, Flowgraph):
        raise ParameterError(
            f"the flowgraph '{value.name}' cannot be a grid's value, because its parameters do not tell it from others;"
            " sweep over an argument of a function that makes the link"
        )
    if hasattr(value, "parameter_signature"):
        default = {name: parameter.default for name, parameter in value.parameter_signature().items()}
        parameters = {name: plain(given) for name, given in value.settings.items() if given != default[name]}
        return {"block": type(value).__name__, "parameters": parameters}
    value = normal(value)
    if isinstance(value, str) and not value.isprintable() and value != value.encode("utf-8", "replace").decode():
        raise ParameterError(f"a grid's text must be Unicode (got {value!r})")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict) and set(value) == {"block", "parameters"}:
        return value
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    raise ParameterError(f"a grid's values must be numbers, text, lists of them, or blocks (got {value!r})")


def canonical(point: Mapping[str, Any]) -> str:
    """The one text that stands for a point's values, whatever their order."""
    values = {name: plain(value) for name, value in point.items()}
    try:
        return json.dumps(values, sort_keys=True, allow_nan=False)
    except ValueError:
        raise ParameterError(f"a grid's values must be finite (got {dict(point)!r})") from None


def identity(point: Mapping[str, Any]) -> str:
    """As `canonical`, with what files hold in the place of their paths."""
    return json.dumps(by_content(json.loads(canonical(point))), sort_keys=True)


def point_seed(seed: int, point: Mapping[str, Any], chunk: int) -> int:
    """A 63-bit seed from the sweep's seed, the point's values (never its place in the grid) and the chunk's number."""
    digest = blake2b(f"{seed}/{identity(point)}/{chunk}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def show_value(value: Any) -> Any:
    """A grid's value as a table shows it: blocks as text."""
    kept = plain(value)
    if isinstance(kept, dict) and set(kept) == {"block", "parameters"}:
        settings = ", ".join(f"{name}={setting!r}" for name, setting in kept["parameters"].items())
        return f"{kept['block']}({settings})" if settings else kept["block"]
    return str(kept) if isinstance(kept, list) else kept


def show_point(point: Mapping[str, Any]) -> str:
    """A point on one line."""
    return ", ".join(f"{name}={show_value(value)}" for name, value in point.items())
