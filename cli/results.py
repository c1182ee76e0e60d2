"""`linksim results`: what a store holds, printed or exported."""

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from linksim.cli.console import PlainConsole
from linksim.errors import SweepError
from linksim.files import check_outputs, write_whole
from linksim.montecarlo.reading import failures_of, table_of
from linksim.montecarlo.store import Store, StoredSweep, store_files
from linksim.montecarlo.table import records

SHOWN_FAILURES = 3

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
    check_outputs({f"--{kind}": target for kind, target in exports.items()}, store_files(path))
    store = Store(path, read_only=True)
    sweep = pick_sweep(store, number)
    count = len(store.sweeps())
    table, failures = table_of(store, sweep), failures_of(store, sweep)
    store.close()
    written = [export(table, kind, target) for kind, target in exports.items() if target is not None]
    notes = PlainConsole(stderr=True)
    if written:
        notes.print(f"written: {', '.join(written)}", soft_wrap=True)
    elif count > 1 and number is None:
        notes.print(f"the last of {count} sweeps in {path}; --sweep N shows another", soft_wrap=True)
    if not written:
        print_table(table, sweep.settings["names"])
    for line in failures[:SHOWN_FAILURES]:
        notes.note(f"failed: {line}")
    if len(failures) > SHOWN_FAILURES:
        notes.note(f"{len(failures) - SHOWN_FAILURES} more chunks failed")


def export(table: "pd.DataFrame", kind: str, path: Path) -> str:
    """Write a table as csv, parquet or json. Raises `SweepError` where a library for it is missing."""
    table = uniform(table)
    if kind == "csv":
        content = table.to_csv(index=False).encode("utf-8", "replace")
    elif kind == "json":
        content = json.dumps(records(table), indent=1).encode()
    else:
        buffer = io.BytesIO()
        try:
            table.to_parquet(buffer, index=False)
        except ImportError:
            raise SweepError("--parquet needs pyarrow: pip install 'linksim[parquet]'") from None
        content = buffer.getvalue()
    write_whole(path, content)
    return str(path)


def uniform(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with one type in each column: an axis whose values are of several, or too large, is text."""
    mixed = [name for name in table.columns if table[name].dtype == object and not _is_one_type(table[name].tolist())]
    return table.assign(**{name: [None if v is None else str(v) for v in table[name]] for name in mixed})


def _is_one_type(values: Sequence[Any]) -> bool:
    kinds = {type(value) for value in values if value is not None}
    return len(kinds) <= 1 and not (kinds == {int} and max(map(abs, values), default=0) >= 1 << 63)


def print_table(table: "pd.DataFrame", names: Sequence[str]) -> None:
    """The rows on standard output, one line each."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = (*names, "metric", "estimate", "low", "high", "trials", "errors", "seconds", "stopped_by", "interval")
    for column in columns:
        text = column in ("metric", "stopped_by", "interval")
        shown.add_column(column, justify="left" if text else "right", overflow="fold")
    for row in table.to_dict("records"):
        shown.add_row(*[_cell(column, row[column]) for column in columns])
    console = PlainConsole()
    if console.is_terminal:
        console.print(shown)
    else:
        PlainConsole(width=max(200, 20 * len(columns))).print(shown)
    noted = sorted(set(table["labels"]) - {""})
    if noted:
        console.print(f"results made with {'; or with '.join(noted)}", soft_wrap=True)


def _cell(column: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) == "<NA>":
        return "-"
    if column in ("trials", "errors"):
        return f"{int(value):,}"
    if column == "seconds":
        return f"{value:.2f}"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
