"""Results as a table: one row per point and metric."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from linksim.montecarlo.fold import Fold
from linksim.montecarlo.point import show_value

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("metric", "estimate", "low", "high", "trials", "errors", "seconds", "stopped_by", "interval", "labels")
UNFINISHED = "unfinished"


def make_table(
    names: Sequence[str], rows: Iterable[tuple[Mapping[str, Any], Fold, Mapping[str, str]]]
) -> "pd.DataFrame":
    """The table of points in the order given: (values, sums, labels). Points without a single chunk that came through
    have no row.

    Columns: the grid's names, then `COLUMNS`. `interval` says what low and high are: "exact", "by frame", "over noise",
    "over pictures", "upper bound" (no errors seen: `high` bounds the rate from above), or "unreliable" (not enough
    errors for an interval that can be trusted).
    """
    import pandas as pd

    content: list[list[Any]] = []
    for values, fold, labels in rows:
        shown = [show_value(values[name]) for name in names]
        noted = "; ".join(f"{name}: {label}" for name, label in sorted(labels.items()))
        if fold.failures:
            noted = "; ".join(filter(None, (noted, f"chunks failed: {len(fold.failures)}")))
        stopped = fold.stopped_by or UNFINISHED
        for metric, tally in fold.tallies.items():
            found = tally.interval(fold.rules.over, fold.rules.confidence)
            content.append([*shown, metric, found.estimate, found.low, found.high, tally.trials, tally.errors,
                            fold.seconds, stopped, found.kind, noted])  # fmt: skip
    table = pd.DataFrame(content, columns=[*names, *COLUMNS])
    return table.astype({"trials": "int64", "errors": "Int64", "seconds": "float64", "estimate": "float64",
                         "low": "float64", "high": "float64"})  # fmt: skip


def records(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows of a table as JSON can hold them, every figure with all its digits. What is missing or not finite is
    None: JSON has no such numbers."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    import pandas as pd

    return None if pd.isna(value) or (isinstance(value, float) and math.isinf(value)) else value
