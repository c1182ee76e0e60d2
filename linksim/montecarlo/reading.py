"""Reading results back from a store."""

import gc
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from linksim.montecarlo.fold import Fold, Rules
from linksim.montecarlo.point import canonical, show_point, show_value
from linksim.montecarlo.stop import Stop
from linksim.montecarlo.store import Store, StoredSweep
from linksim.montecarlo.table import make_table
from linksim.montecarlo.tally import ScoreTally

if TYPE_CHECKING:
    import pandas as pd


def folds_of(store: Store, points: Sequence[int], rules: Rules, *, failures: bool = True) -> list[Fold]:
    """The sums of each point's chunks under these rules, in the order given; without `failures`, those are missing."""
    folds: list[Fold] = []
    with _no_garbage():
        chunks = store.chunks(points)
        for point in points:
            fold = Fold(rules)
            fold.add([chunk for chunk in chunks[point] if failures or chunk.error is None])
            folds.append(fold)
    return folds


@contextmanager
def _no_garbage() -> Generator[None]:
    """Of thousands of small objects that all stay, the collector would find none to collect, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def rules_of(sweep: StoredSweep) -> Rules:
    """The rules that a sweep was run with."""
    settings = sweep.settings
    stop = tuple(Stop(**rule) for rule in settings["stop"])
    # Stores of earlier versions counted frames, of which a chunk of pictures had one.
    most = settings.get("most_chunks", settings.get("most_frames"))
    return Rules(stop, settings["over"], settings["confidence"], most)


def failures_of(store: Store, sweep: StoredSweep) -> list[str]:
    """What went wrong in a sweep, a line for each chunk that failed. Raises `StoreError` where the store is damaged."""
    with store.telling():
        known = store.points()
        lines: list[str] = []
        for point, fold in zip(sweep.points, folds_of(store, sweep.points, rules_of(sweep)), strict=True):
            for chunk in fold.failures:
                what = (chunk.error or "").partition("\n")[0]
                lines.append(f"chunk {chunk.number} of {show_point(known[point][0])}: {what}")
        return lines


def table_of(store: Store, sweep: StoredSweep) -> "pd.DataFrame":
    """The table of a sweep. Points that a floor cut off are left out, also where another sweep simulated them.

    Raises `StoreError` where the store is damaged.
    """
    with store.telling():
        return _table_of(store, sweep)


def by_case_of(store: Store, sweep: StoredSweep) -> "pd.DataFrame":
    """The scores of a sweep per case: the grid's names, metric, case, frames, mean.

    Raises `StoreError` where the store is damaged.
    """
    import pandas as pd

    names = sweep.settings["names"]
    content: list[list[Any]] = []
    with store.telling():
        known = store.points()
        for point, fold in zip(sweep.points, folds_of(store, sweep.points, rules_of(sweep)), strict=True):
            shown = [show_value(known[point][0][name]) for name in names]
            for metric, tally in fold.tallies.items():
                if isinstance(tally, ScoreTally):
                    content += [[*shown, metric, *row] for row in tally.by_picture()]
    return pd.DataFrame(content, columns=[*names, "metric", "case", "frames", "mean"])


def _table_of(store: Store, sweep: StoredSweep) -> "pd.DataFrame":
    settings, known = sweep.settings, store.points()
    folds = folds_of(store, sweep.points, rules_of(sweep))
    ended: set[str] = set()
    rows = []
    for point, fold in zip(sweep.points, folds, strict=True):
        values, _, labels = known[point]
        curve = canonical({name: value for name, value in values.items() if name != settings["curve"]})
        if curve in ended:
            continue
        rows.append((values, fold, labels))
        if fold.stopped_by is not None and fold.below_floor:
            ended.add(curve)
    return make_table(settings["names"], rows)
