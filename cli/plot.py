"""`linksim plot`: a figure from a store."""

from functools import partial
from pathlib import Path
from typing import Any

from linksim.cli.console import PlainConsole
from linksim.cli.results import pick_sweep
from linksim.errors import ParameterError, SweepError
from linksim.files import check_outputs
from linksim.montecarlo.reading import table_of
from linksim.montecarlo.store import Store, store_files
from linksim.plot import quality, stacked_cbr, waterfall
from linksim.plot.style import figure_path, save_figure, styled
from linksim.text import figure_text
from linksim.theory import bit_error_rate

STACKED, ERROR_RATE = ("cbr", "ledger"), "ber"
MAPPERS = {"BPSKMapper": "bpsk", "QPSKMapper": "qpsk"}
QAM = {2: "qpsk", 4: "16qam", 6: "64qam", 8: "256qam"}
FADES = {"AWGN": float("inf"), "Rayleigh": None}


def run_plot(path: Path, x: str | None, y: str, out: Path | None, theory: bool, number: int | None) -> None:
    """The command."""
    from matplotlib.figure import Figure

    target = figure_path(out or path.with_suffix(".png"))
    check_outputs({"--out": target}, store_files(path))
    if theory and y != ERROR_RATE:
        raise ParameterError(f"--theory draws bit error rates: give --y {ERROR_RATE} (got '{y}')")
    store = Store(path, read_only=True)
    sweep = pick_sweep(store, number)
    table = table_of(store, sweep)
    forms = closed_forms(store, sweep.points) if theory else {}
    store.close()
    if table.empty:
        raise SweepError(f"store '{path}' holds no finished chunk of this sweep yet")
    axis = x or sweep.settings["curve"]
    with styled():
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        ax = figure.subplots()
        if y in STACKED and has_ledger(table):
            stacked_cbr(ax, table, x=axis)
        elif table.loc[table["metric"] == y, "errors"].count() > 0:
            waterfall(ax, table, x=axis, y=y, theory=forms)
        else:
            quality(ax, table, x=axis, y=y)
        ax.set_title(figure_text(f"{sweep.settings['source']}, {_noted(table)}".rstrip(", ")))
    save_figure(figure, target)
    PlainConsole(stderr=True).print(f"the figure is in {target}", soft_wrap=True)


def has_ledger(table: Any) -> bool:
    """Whether what was sent is known in its parts."""
    return "ledger.payload" in set(table["metric"])


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
