"""The figure of `linksim bench generative`: fidelity and looks against the SNR."""

from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.generative.points import CAPTION_TESTS, CBRS, SNRS_DB, SYSTEMS, where
from linksim.benches.generative.tables import named
from linksim.benches.tables import look_up
from linksim.plot.style import COLOURS, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {
    "psnr": "PSNR, dB", "salient_psnr": "PSNR of the salient pixels, dB",
    "hed": "distance on HED's features (lower is better)", "brisque": "BRISQUE (lower is better)",
}  # fmt: skip


@styled()
def draw(out: Path, table: "pd.DataFrame") -> str:
    """Four metrics over AWGN, a column for each rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 13), layout="constrained")
    axes = figure.subplots(len(SHOWN), len(CBRS), sharex=True, sharey="row", squeeze=False)
    for across, cbr in enumerate(CBRS):
        for down, (metric, label) in enumerate(SHOWN.items()):
            ax = axes[down, across]
            for number, system in enumerate(each for each in SYSTEMS if ("awgn", cbr) in where(each)):
                if system in CAPTION_TESTS:
                    continue
                point = {"channel": "awgn", "system": system, "cbr": cbr}
                found = [look_up(table, metric, snr_db=snr_db, **point) for snr_db in SNRS_DB]
                colour = COLOURS[number % len(COLOURS)]
                ax.plot(SNRS_DB, [each.mean for each in found], marker="o", ms=4, label=system, color=colour)
                ax.fill_between(
                    SNRS_DB, [each.low for each in found], [each.high for each in found], color=colour, alpha=0.1
                )
            ax.set(ylabel=label if across == 0 else None, title=f"CBR {named(cbr)}" if down == 0 else None)
            ax.grid(alpha=0.3)
        axes[-1, across].set_xlabel("Es/N0, dB")
    axes[0, 0].legend(fontsize=8)
    save_figure(figure, out / "generative.png")
    return "generative.png"
