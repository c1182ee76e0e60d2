"""Adaptive models of the rate maps: each level is predicted from its neighbours that are already known."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

PRIOR_WEIGHT = 2.0
MAX_COUNTS = 255.0
LEARNING_RATE = 0.5
FORGETTING = 0.02
SHIFT_WEIGHT, SHIFT_WIDTH = 1.0, 0.3

Floats = NDArray[np.float64]


@cache
def _prior(levels: int) -> Floats:
    """Initial counts of all contexts: Laplace-shaped about the mean of the neighbours that define the context."""
    level = np.arange(levels)

    def laplace(centre: Floats, width: Floats | float) -> Floats:
        weight = np.exp(-np.abs(level - centre[..., None]) / np.asarray(width)[..., None])
        return (PRIOR_WEIGHT * weight / weight.sum(-1, keepdims=True)).reshape(-1, levels)

    means = np.arange(6 * levels - 5) / 6
    busyness = 0.5 + 0.2 * np.arange(4, dtype=np.float64)
    smooth = laplace(np.repeat(means[:, None], 4, 1), np.tile(busyness, (len(means), 1)))
    pairs = (level[:, None] + level[None, :]) / 2
    crossed = laplace(pairs, 0.8)
    trending = laplace(np.repeat(pairs[..., None], 3, -1), 0.8)
    return np.concatenate([smooth, crossed, trending])


class ContextModel:
    """A mixture of three count-based predictors, weighted by how well each has predicted so far.

    Contexts: the weighted mean of four neighbours with their busyness; west and north; west and north-east with the
    vertical trend. Encoder and decoder run the same steps on the same numbers, so their models stay equal.
    """

    def __init__(self, rows: int, cols: int, levels: int) -> None:
        self.levels = levels
        self.rows, self.cols = rows, cols
        self._counts = _prior(levels).copy()
        self._totals = self._counts.sum(1)
        self._weights = np.full(3, 1 / 3)
        self._offsets = (0, 4 * (6 * levels - 5), 4 * (6 * levels - 5) + levels * levels)
        self._map = [[0] * cols for _ in range(rows)]
        self._active = np.zeros(3, dtype=np.intp)
        self._parts = np.zeros((3, levels))

    def predict(self, row: int, col: int) -> Floats:
        """The probabilities of the levels at this place, float64 [levels]."""
        contexts = self._contexts(row, col)
        self._active[:] = contexts
        self._parts = self._counts[self._active] / self._totals[self._active, None]
        return self._weights @ self._parts

    def update(self, row: int, col: int, level: int) -> None:
        """Learn the level that stood there; call once after each `predict`."""
        self._map[row][col] = level
        weights = self._weights * self._parts[:, level] ** LEARNING_RATE
        self._weights = (1 - FORGETTING) * weights / weights.sum() + FORGETTING / 3
        self._counts[self._active, level] += 1.0
        self._totals[self._active] += 1.0
        for context in self._active:
            if self._totals[context] > MAX_COUNTS:
                self._counts[context] *= 0.5
                self._totals[context] *= 0.5

    def _contexts(self, row: int, col: int) -> tuple[int, int, int]:
        here = self._map[row]
        above = self._map[row - 1] if row else here
        west = here[col - 1] if col else (above[col] if row else self.levels // 2)
        north = above[col] if row else west
        north_east = above[col + 1] if row and col + 1 < self.cols else north
        north_west = above[col - 1] if row and col else north
        north_north = self._map[row - 2][col] if row > 1 else north
        total = 2 * west + 2 * north + north_east + north_west
        busy = abs(west - north_west) + abs(north - north_west) + abs(north - north_east)
        busyness = 0 if busy == 0 else 1 if busy <= 2 else 2 if busy <= 4 else 3
        trend = max(0, min(2, north_north - north + 1))
        first, second, third = self._offsets
        return (
            first + 4 * total + busyness,
            second + west * self.levels + north,
            third + (west * self.levels + north_east) * 3 + trend,
        )


class ShiftModel:
    """Counts for a level given what the content alone would get there, and which neighbours got more or less than that.

    Importance comes in areas: a patch whose neighbours to the west, north and north-east got what their content asks
    for almost surely gets the same. Encoder and decoder run the same steps on the same numbers.
    """

    def __init__(self, base_rate: NDArray[np.int64], levels: int) -> None:
        self._base_rate = base_rate
        rows, cols = base_rate.shape
        self._signs = np.zeros((rows + 1, cols + 2), dtype=np.int64)
        self._counts = _shift_prior(levels).copy()
        self._active: tuple[int, ...] = ()

    def predict(self, row: int, col: int) -> Floats:
        """The probabilities of the levels at this place, float64 [levels]."""
        signs = self._signs
        neighbours = (signs[row + 1, col], signs[row, col + 1], signs[row, col + 2])
        self._active = (int(self._base_rate[row, col]), *(int(sign) + 1 for sign in neighbours))
        counts = self._counts[self._active]
        return counts / counts.sum()

    def update(self, row: int, col: int, level: int) -> None:
        """Learn the level that stood there; call once after each `predict`."""
        self._signs[row + 1, col + 1] = np.sign(level - self._base_rate[row, col])
        counts = self._counts[self._active]
        counts[level] += 1.0
        if counts.sum() > MAX_COUNTS:
            counts *= 0.5


@cache
def _shift_prior(levels: int) -> Floats:
    """Initial counts [levels, 3, 3, 3, levels]: Laplace-shaped about the content's level plus the neighbours' trend."""
    level = np.arange(levels)
    sign = np.arange(-1.0, 2.0)
    trend = (2 * sign[:, None, None] + 2 * sign[:, None] + sign) / 5
    centre = level[:, None, None, None] + trend
    weight = np.exp(-np.abs(level - centre[..., None]) / SHIFT_WIDTH)
    return SHIFT_WEIGHT * weight / weight.sum(-1, keepdims=True)
