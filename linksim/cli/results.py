"""`linksim results`: what a store holds, printed or exported."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from linksim.errors import SweepError
from linksim.montecarlo.reading import table_of
from linksim.montecarlo.store import Store, StoredSweep

if TYPE_CHECKING:
    import pandas as pd


def pick_sweep(store: Store, number: int | None) -> StoredSweep:
    """A sweep of a store by its number, from 1; the last one where None. Raises `SweepError` where there is none."""
    sweeps = store.sweeps()
    if not sweeps:
        raise SweepError(f"store '{store.path}' holds no sweep")
    if number is not None and not 1 <= number <= len(sweeps):
        raise SweepError(f"store '{store.path}' holds {len(sweeps)} sweeps (got --sweep {number})")
    return sweeps[-1 if number is None else number - 1]


def run_results(path: Path, number: int | None, exports: dict[str, Path | None]) -> None:
    """The command."""
    store = Store(path, read_only=True)
    sweep = pick_sweep(store, number)
    count = len(store.sweeps())
    table = table_of(store, sweep)
    store.close()
    written = [export(table, kind, target) for kind, target in exports.items() if target is not None]
    notes = Console(stderr=True)
    if written:
        notes.print(f"written: {', '.join(written)}", soft_wrap=True, markup=False)
        return
    if count > 1:
        notes.print(f"the last of {count} sweeps in {path}; --sweep N shows another", soft_wrap=True, markup=False)
    print_table(table, sweep.settings["names"])


def export(table: "pd.DataFrame", kind: str, path: Path) -> str:
    """Write a table as csv, parquet or json. Raises `SweepError` where a library for it is missing."""
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "json":
        table.to_json(path, orient="records", double_precision=15, indent=1)
    else:
        try:
            table.to_parquet(path, index=False)
        except ImportError:
            raise SweepError("--parquet needs pyarrow: pip install 'linksim[parquet]'") from None
    return str(path)


def print_table(table: "pd.DataFrame", names: Sequence[str]) -> None:
    """The rows on standard output, one line each."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = (*names, "metric", "estimate", "low", "high", "trials", "errors", "seconds", "stopped_by", "interval")
    for column in columns:
        text = column in ("metric", "stopped_by", "interval")
        shown.add_column(column, justify="left" if text else "right", overflow="fold")
    for row in table.to_dict("records"):
        shown.add_row(*[_cell(column, row[column]) for column in columns])
    console = Console()
    if console.is_terminal:
        console.print(shown)
    else:
        Console(width=max(200, 20 * len(columns))).print(shown)
    noted = sorted(set(table["labels"]) - {""})
    if noted:
        console.print(f"results made with {'; or with '.join(noted)}", soft_wrap=True, markup=False)


def _cell(column: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) == "<NA>":
        return "-"
    if column in ("trials", "errors"):
        return f"{int(value):,}"
    if column == "seconds":
        return f"{value:.2f}"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
