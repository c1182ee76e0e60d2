"""The figures of `linksim bench generative`: fidelity and looks against the SNR, and against the rate."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.generative.points import CAPTION_TESTS, CBRS, LATENT, MIDDLE, SNRS_DB, SYSTEMS, where
from linksim.benches.generative.tables import named
from linksim.benches.tables import Found, look_up
from linksim.plot.style import curve_style, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SHOWN = {
    "psnr": "PSNR, dB", "salient_psnr": "PSNR of the salient pixels, dB",
    "hed": "distance on HED's features (lower is better)", "brisque": "BRISQUE (lower is better)",
}  # fmt: skip
LOW_SNR_DB = 4.0
"""The SNR at which rates are compared."""
DRAWN = [system for system in SYSTEMS if system not in (*CAPTION_TESTS, LATENT)]


@styled()
def draw(out: Path, table: "pd.DataFrame") -> str:
    """Four metrics over AWGN against the SNR, a column for each rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 13), layout="constrained")
    axes = figure.subplots(len(SHOWN), len(CBRS), sharex=True, sharey="row", squeeze=False)
    for across, cbr in enumerate(CBRS):
        for down, (metric, label) in enumerate(SHOWN.items()):
            ax = axes[down, across]
            for system in (each for each in DRAWN if ("awgn", cbr) in where(each)):
                found = [look_up(table, metric, **_at(system, cbr, snr_db)) for snr_db in SNRS_DB]
                _curve(ax, system, SNRS_DB, found)
            ax.set(ylabel=label if across == 0 else None, title=f"CBR {named(cbr)}" if down == 0 else None)
            ax.grid(alpha=0.3)
        axes[-1, across].set_xlabel("Es/N0, dB")
    # All systems are there at the middle rate.
    handles = axes[0, list(CBRS).index(MIDDLE)].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, fontsize=8)
    save_figure(figure, out / "generative.png")
    return "generative.png"


@styled()
def draw_rates(out: Path, table: "pd.DataFrame") -> str:
    """The same metrics at one SNR, against everything that was sent."""
    from matplotlib.figure import Figure

    snr_db = min(SNRS_DB, key=lambda each: abs(each - LOW_SNR_DB))
    figure = Figure(figsize=(12, 8), layout="constrained")
    figure.suptitle(f"AWGN, {snr_db:g} dB")
    axes = figure.subplots(2, 2, sharex=True)
    for ax, (metric, label) in zip(axes.flat, SHOWN.items(), strict=True):
        for system in DRAWN:
            rates = [cbr for channel, cbr in where(system) if channel == "awgn"]
            points = [_at(system, cbr, snr_db) for cbr in rates]
            spent = [look_up(table, "cbr_total", **point).mean for point in points]
            _curve(ax, system, spent, [look_up(table, metric, **point) for point in points])
        ax.set(ylabel=label, xscale="log")
        ax.grid(alpha=0.3)
    for ax in axes[-1]:
        ax.set_xlabel("channel bandwidth ratio of everything that was sent")
    axes[0, 0].legend(fontsize=7)
    save_figure(figure, out / "generative_rates.png")
    return "generative_rates.png"


def _at(system: str, cbr: float, snr_db: float) -> dict[str, object]:
    return {"channel": "awgn", "system": system, "cbr": cbr, "snr_db": snr_db}


def _curve(ax: "Axes", system: str, places: Sequence[float], found: Sequence[Found]) -> None:
    """A system's means with their intervals, in its own colour and kind of line in every panel."""
    style, low, high = curve_style(DRAWN.index(system)), [each.low for each in found], [each.high for each in found]
    ax.plot(places, [each.mean for each in found], marker="o", ms=4, label=system, **style)
    ax.fill_between(places, low, high, color=style["color"], alpha=0.1)
