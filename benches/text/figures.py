"""The figures of `linksim bench text`: BLEU-1 against the SNR."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.tables import look_up
from linksim.benches.text.points import CAPTION_SYSTEMS, FREE_SYSTEMS, LEARNED, SNRS_DB, SYSTEMS
from linksim.plot.style import COLOURS, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd

TITLES = {"awgn": "AWGN", "rayleigh": "slow Rayleigh fading"}
PALETTE = (*COLOURS, "0.1")
TRAINED_ON = "Captions that were trained on, 2 uses per word"
OTHERS = "Captions that were not trained on, 2 uses per word"


def draw(out: Path, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
    """A figure for the sentences, one for the captions that were trained on, and one for the others."""
    if "sentences" in tables:
        yield _curves(
            tables["sentences"], SYSTEMS, "Sentences of Europarl, 8 uses per word", out / "text_sentences.png"
        )
    if "captions" in tables:
        seen = tables["captions"]["seen"].astype(bool)
        for some, title, file in ((seen, TRAINED_ON, "text_known_captions.png"), (~seen, OTHERS, "text_captions.png")):
            yield _curves(tables["captions"].loc[some], CAPTION_SYSTEMS, title, out / file)


@styled()
def _curves(table: "pd.DataFrame", systems: Sequence[str], title: str, file: Path) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    for ax, (channel, snrs) in zip(figure.subplots(1, 2, sharey=True), SNRS_DB.items(), strict=True):
        for number, system in enumerate(systems):
            found = [look_up(table, "bleu_1", channel=channel, system=system, snr_db=snr_db) for snr_db in snrs]
            style = {"color": PALETTE[number], "linestyle": "--" if system in FREE_SYSTEMS else "-"}
            width = 2.4 if system == LEARNED else 1.4
            ax.plot(snrs, [each.mean for each in found], marker="o", markersize=4, label=system, lw=width, **style)
            ax.fill_between(snrs, [e.low for e in found], [e.high for e in found], color=style["color"], alpha=0.15)
        ax.set(xlabel="Es/N0, dB", title=TITLES[channel], ylim=(0, 1.03))
        ax.grid(alpha=0.3)
    figure.axes[0].set_ylabel("BLEU-1; a lost sentence counts 0")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(title)
    save_figure(figure, file)
    return file.name
