"""The figure of `linksim bench intent`: quality against the SNR."""

from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.intent.points import CHANNELS, GREY, SNRS_DB, SWINJSCC, SYSTEMS
from linksim.benches.intent.tables import CHANNEL_NAMES
from linksim.benches.tables import look_up
from linksim.plot.style import curve_style, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {"region_psnr": "PSNR of the region, dB", "psnr": "PSNR, black background included, dB"}


@styled()
def draw(out: Path, table: "pd.DataFrame") -> str:
    """PSNR of the region and of the whole masked picture, over both channels; of systems whose background is grey the
    region alone."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    for across, channel in enumerate(CHANNELS):
        for down, (metric, label) in enumerate(SHOWN.items()):
            ax = axes[down, across]
            for number, system in enumerate(SYSTEMS):
                if metric == "psnr" and system in (GREY, SWINJSCC):
                    continue
                found = [look_up(table, metric, channel=channel, system=system, snr_db=snr_db) for snr_db in SNRS_DB]
                style, low, high = curve_style(number), [each.low for each in found], [each.high for each in found]
                ax.plot(SNRS_DB, [each.mean for each in found], marker="o", ms=4, label=system, **style)
                ax.fill_between(SNRS_DB, low, high, color=style["color"], alpha=0.1)
            ax.set(ylabel=label, title=CHANNEL_NAMES[channel] if down == 0 else None)
            ax.grid(alpha=0.3)
        axes[1, across].set_xlabel("Es/N0, dB")
    axes[0, 0].legend(fontsize=8)
    save_figure(figure, out / "intent.png")
    return "intent.png"
