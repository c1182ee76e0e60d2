"""Channel uses between layers, by the measured slopes of their weighted errors."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Point(NamedTuple):
    """What a layer costs and what error it leaves: channel uses, weighted squared error, how it is coded."""

    uses: int
    error: float
    scale: int = 0
    quality: int = -1
    """-1: not sent."""


def lower_hull(points: Sequence[Point]) -> list[Point]:
    """Those of the points that the lower convex hull of error against uses passes, by rising uses and falling error."""
    hull: list[Point] = []
    for point in sorted(points):
        if hull and point.error >= hull[-1].error:
            continue
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) <= _slope(hull[-2], point):
            hull.pop()
        hull.append(point)
    return hull


def _slope(first: Point, second: Point) -> float:
    """How much error falls per channel use from one point to another."""
    return (first.error - second.error) / max(second.uses - first.uses, 1)


def allocate(layers: Sequence[Sequence[Point]], budget: int) -> list[Point]:
    """One point of each layer, of least total error within the budget.

    Each layer's points must have one of 0 uses. Steps along the hulls are taken by falling slope, which is optimal up
    to the last step that no longer fits.
    Source: Shoham and Gersho, IEEE Trans. Acoust., Speech, Signal Process. 36(9), 1988.
    """
    hulls = [lower_hull(points) for points in layers]
    chosen = [hull[0] for hull in hulls]
    steps = sorted(
        ((_slope(a, b), layer, b) for layer, hull in enumerate(hulls) for a, b in pairwise(hull)),
        key=lambda step: -step[0],
    )
    spent, closed = 0, set[int]()
    for _, layer, point in steps:
        more = point.uses - chosen[layer].uses
        if layer in closed or spent + more > budget:
            closed.add(layer)
            continue
        chosen[layer], spent = point, spent + more
    return chosen
