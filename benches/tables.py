"""Tables of a bench's page."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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
    there = table["metric"] == metric
    for name, value in point.items():
        there &= table[name] == value
    rows = table.loc[there, ["estimate", "low", "high"]].to_numpy()
    return Found(*map(float, rows[0])) if len(rows) else Found(math.nan, math.nan, math.nan)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, its first column to the left."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"
