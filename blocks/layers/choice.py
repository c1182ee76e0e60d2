"""How each level of a picture is coded within the channel uses that there are."""

from collections.abc import Sequence

from linksim.blocks.layers.allocation import Point, allocate
from linksim.blocks.layers.layout import uses_for
from linksim.blocks.layers.region import Region
from linksim.blocks.picture_codecs.codecs import find_codec
from linksim.blocks.picture_codecs.fitting import LENGTH_BYTES, counted

TRIED = {0: (0.2, 0.4, 0.6, 0.8), 1: (0.3, 0.6)}
"""Where a level's error is measured first, by scale, as shares of the codec's range of qualities."""
STEPS = (0.1, 0.05, 0.02)
"""How far around the choice it is measured next."""


class LevelCoder:
    """One level of a picture, and what it costs and shows at any quality.

    Args:
        codec: the picture codec.
        region: the level's patches.
        scheme: the level's modulation and coding scheme.
        weight: of its squared error.
        unsent: its squared error where it is not sent.
    """

    def __init__(self, codec: str, region: Region, scheme: int, weight: float, unsent: float) -> None:
        self._codec, self._region, self._scheme, self._weight = codec, region, scheme, weight
        self._qualities = find_codec(codec).qualities
        self.points = {Point(0, weight * unsent)}
        for scale, shares in TRIED.items():
            for share in shares:
                self._measure(scale, round(share * (len(self._qualities) - 1)))

    def _measure(self, scale: int, place: int) -> None:
        quality = self._qualities[min(max(place, 0), len(self._qualities) - 1)]
        error = self._weight * self._region.error(self._codec, scale, quality)
        self.points.add(Point(self._uses(scale, quality), error, scale, quality))

    def _uses(self, scale: int, quality: int) -> int:
        return uses_for(LENGTH_BYTES + len(self._region.stream(self._codec, scale, quality)), self._scheme)

    def measure_around(self, point: Point, step: float) -> None:
        """Measure the qualities below and above a point, by a share of the range."""
        if point.quality >= 0:
            place, by = self._qualities.index(point.quality), max(round(step * len(self._qualities)), 1)
            for near in (place - by, place + by):
                self._measure(point.scale, near)

    def best_within(self, point: Point, budget: int) -> Point:
        """The same scale at the highest quality of at most so many channel uses."""
        if point.quality < 0:
            return point
        low, high = self._qualities.index(point.quality), len(self._qualities) - 1
        while low < high:
            middle = (low + high + 1) // 2
            fits = self._uses(point.scale, self._qualities[middle]) <= budget
            low, high = (middle, high) if fits else (low, middle - 1)
        quality = self._qualities[low]
        return point._replace(uses=self._uses(point.scale, quality), quality=quality)

    def packed(self, point: Point) -> bytes:
        """The level's bytes; none where it is not sent."""
        return b"" if point.quality < 0 else counted(self._region.stream(self._codec, point.scale, point.quality))


def choose(coders: Sequence[LevelCoder], budget: int) -> list[Point]:
    """How to code each level for the least sum of weighted errors within so many channel uses."""
    chosen = allocate([list(coder.points) for coder in coders], budget)
    for step in STEPS:
        for coder, point in zip(coders, chosen, strict=True):
            coder.measure_around(point, step)
        chosen = allocate([list(coder.points) for coder in coders], budget)
    # What the last step left over goes where the error is largest.
    for i in sorted(range(len(chosen)), key=lambda i: -chosen[i].error):
        left = budget - sum(point.uses for point in chosen)
        chosen[i] = coders[i].best_within(chosen[i], chosen[i].uses + left)
    return chosen
