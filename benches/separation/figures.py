"""The figures of `linksim bench separation`: quality against SNR."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linksim.benches.separation.points import FADING_SNRS_DB, SNRS_DB, SYSTEMS, Digital
from linksim.benches.separation.tables import METRIC
from linksim.benches.tables import look_up
from linksim.plot.style import COLOURS, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TITLES = {
    "scenes": "Street scenes, CBR 0.0201, everything counted: patches that matter",
    "kodak": "Kodak, CBR 1/16, everything counted",
}
CHANNELS = {"awgn": ("AWGN", SNRS_DB), "rayleigh": ("slow Rayleigh fading", FADING_SNRS_DB)}
POINTS = ("s", "^", "D", "v")
LINE = {"SNR": "-", "capacity": ":", "nothing": "--"}


@styled()
def curves(table: "pd.DataFrame", name: str, out: Path) -> str:
    """A panel per channel; the systems that are measured at one SNR alone are points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (channel, (title, snrs_db)) in zip(axes, CHANNELS.items(), strict=True):
        for number, (system, digital) in enumerate(SYSTEMS[name].items()):
            _curve(ax, table, name, system, channel, snrs_db, number, digital)
        ax.set(xlabel="mean Es/N0, dB", title=title)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("PSNR, dB; a lost picture counts as mid-grey")
    axes[0].legend(fontsize=7)
    figure.suptitle(TITLES[name])
    file = f"separation_{name}.png"
    save_figure(figure, out / file)
    return file


def _curve(
    ax: "Axes",
    table: "pd.DataFrame",
    name: str,
    system: str,
    channel: str,
    snrs_db: tuple[float, ...],
    number: int,
    digital: Digital | None,
) -> None:
    found = [look_up(table, METRIC[name], system=system, channel=channel, snr_db=snr).mean for snr in snrs_db]
    known = [(snr, value) for snr, value in zip(snrs_db, found, strict=True) if math.isfinite(value)]
    if not known:
        return
    ax.plot(*zip(*known, strict=True), label=system, **_style(number, digital, alone=len(known) == 1))


def _style(number: int, digital: Digital | None, *, alone: bool) -> dict[str, Any]:
    """Of a curve; where there are more systems than colours, points that stand alone differ by their form."""
    if digital is None:
        return {"color": "black", "linewidth": 2.4, "zorder": 5, "marker": "o", "markersize": 3.5}
    colour = COLOURS[(number - 1) % len(COLOURS)]
    if alone:
        return {"color": colour, "linestyle": "none", "marker": POINTS[number % len(POINTS)], "markersize": 6}
    return {"color": colour, "linestyle": LINE[digital.follows], "linewidth": 1.3, "marker": "o", "markersize": 3.5}
