"""`linksim plot`: a figure from a store."""

from functools import partial
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from linksim.cli.results import pick_sweep
from linksim.errors import ParameterError, SweepError
from linksim.montecarlo.reading import table_of
from linksim.montecarlo.store import Store
from linksim.plot import quality, stacked_cbr, waterfall
from linksim.plot.style import STYLE
from linksim.theory import bit_error_rate

MAPPERS = {"BPSKMapper": "bpsk", "QPSKMapper": "qpsk"}
QAM = {2: "qpsk", 4: "16qam", 6: "64qam", 8: "256qam"}
FADES = {"AWGN": float("inf"), "Rayleigh": None}


def run_plot(path: Path, x: str | None, y: str, out: Path | None, theory: bool, number: int | None) -> None:
    """The command."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    store = Store(path, read_only=True)
    sweep = pick_sweep(store, number)
    table = table_of(store, sweep)
    forms = closed_forms(store, sweep.points) if theory else {}
    store.close()
    if table.empty:
        raise SweepError(f"store '{path}' holds no finished chunk of this sweep yet")
    axis = x or sweep.settings["curve"]
    with mpl.rc_context(cast(Any, STYLE)):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        ax = figure.subplots()
        if y == "ledger":
            stacked_cbr(ax, table, x=axis)
        elif table.loc[table["metric"] == y, "errors"].count() > 0:
            waterfall(ax, table, x=axis, y=y, theory=forms)
        else:
            quality(ax, table, x=axis, y=y)
        ax.set_title(f"{sweep.settings['source']}, {_noted(table)}".rstrip(", "))
        target = out or path.with_suffix(".png")
        try:
            figure.savefig(target)
        except ValueError as error:
            raise ParameterError(f"--out '{target}': {error}") from None
    Console(stderr=True).print(f"the figure is in {target}", soft_wrap=True, markup=False)


def _noted(table: Any) -> str:
    return "; ".join(sorted(set(table["labels"]) - {""}))


def closed_forms(store: Store, points: Any) -> dict[str, Any]:
    """The closed forms that fit the sweep's links, by name. Raises `SweepError` where none does."""
    known = store.points()
    found: dict[str, Any] = {}
    for digest in dict.fromkeys(known[point][1] for point in points):
        blocks = {each.get("block", ""): each.get("parameters", {}) for each in store.link(digest)["blocks"].values()}
        modulation = next((name for mapper, name in MAPPERS.items() if mapper in blocks), None)
        if "QAMMapper" in blocks:
            modulation = QAM[blocks["QAMMapper"].get("bits_per_symbol", 4)]
        channel = next((name for name in (*FADES, "Rician") if name in blocks), None)
        if modulation is None or channel is None:
            continue
        k = blocks["Rician"].get("k_factor_db") if channel == "Rician" else FADES[channel]
        found[f"{modulation.upper()} on {channel}, theory"] = partial(
            bit_error_rate, modulation=modulation, k_factor_db=k
        )
    if not found:
        raise SweepError(
            "--theory knows uncoded BPSK, QPSK and QAM over AWGN, Rayleigh and Rician; this link is another"
        )
    return found
