"""Tables of a bench's page."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linksim.montecarlo.interval import CONFIDENCE, exact_rate, student_mean

if TYPE_CHECKING:
    import pandas as pd


class Found(NamedTuple):
    """A mean over pictures with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if not math.isfinite(self.mean):
            return "-"
        return f"{self.mean:.2f}" + (f" ({self.low:.2f} to {self.high:.2f})" if math.isfinite(self.low) else "")


def look_up(table: "pd.DataFrame", metric: str, **point: Any) -> Found:
    """A metric at one point of a sweep's table, NaN where it is not there."""
    rows = _rows(table, metric, point)[["estimate", "low", "high"]].to_numpy()
    return Found(*map(float, rows[0])) if len(rows) else Found(math.nan, math.nan, math.nan)


def proportion(table: "pd.DataFrame", metric: str, **point: Any) -> Found:
    """The share of the frames of one point with a metric of 1, all others having 0, with its exact 95 % interval.

    One of Student's t has no width where all frames have the same, and reaches beyond 0..1.
    """
    mean, frames = look_up(table, metric, **point).mean, _rows(table, metric, point)["trials"]
    if not len(frames):
        return Found(math.nan, math.nan, math.nan)
    found = exact_rate(round(mean * int(frames.iloc[0])), int(frames.iloc[0]))
    return Found(found.estimate, found.low, found.high)


def share(found: Found) -> str:
    """A share with its interval; one of Student's t does not know that it lies in 0..1."""
    return f"{found.mean:.3f} ({max(found.low, 0.0):.3f} to {min(found.high, 1.0):.3f})"


def paired_gain(table: "pd.DataFrame", metric: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Found:
    """Mean of our score minus theirs, picture by picture, with its 95 % interval over pictures (Student's t).

    `table` has the scores per case. NaN where no picture has both.
    """

    gains = _scores(table, metric, ours) - _scores(table, metric, theirs)
    gains = gains[~np.isnan(gains)]
    if not len(gains):
        return Found(math.nan, math.nan, math.nan)
    variance = float(gains.var(ddof=1)) / len(gains) if len(gains) > 1 else math.inf
    found = student_mean(float(gains.mean()), variance, len(gains) - 1, "over pictures", CONFIDENCE)
    return Found(found.estimate, found.low, found.high)


def _rows(table: "pd.DataFrame", metric: str, point: Mapping[str, Any]) -> "pd.DataFrame":
    """What a table has of a metric at one point: one row, none, or one for each case."""
    there = table["metric"] == metric
    for name, value in point.items():
        there &= table[name] == value
    return table.loc[there]


def _scores(table: "pd.DataFrame", metric: str, point: Mapping[str, Any]) -> NDArray[np.float64]:
    """By the number of the case, NaN where it has none."""
    found: NDArray[np.float64] = _rows(table, metric, point)[["case", "mean"]].to_numpy(np.float64)
    scores = np.full(int(table["case"].to_numpy().max()) + 1, math.nan)
    scores[found[:, 0].astype(np.int64)] = found[:, 1]
    return scores


def crossing_snr(snrs: Sequence[float], lead: Sequence[float]) -> float | None:
    """The first SNR at which a lead, linear between the SNRs, comes above zero; None where it does not."""
    for place in range(1, len(snrs)):
        before, after = lead[place - 1], lead[place]
        if before <= 0 < after:
            return snrs[place - 1] + (snrs[place] - snrs[place - 1]) * before / (before - after)
    return None


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, its first column to the left."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"
