"""The figures of `linksim bench vlm_csc`: SSQ against the SNR, and against channel uses."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.tables import look_up
from linksim.benches.vlm_csc.points import DESCRIBING, PICTURE_LINKS, SNRS_DB, USES, USES_SNR_DB
from linksim.benches.vlm_csc.tables import coded_uses, quality
from linksim.plot.style import COLOURS, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd


def draw(out: Path, described: "pd.DataFrame", coded: "pd.DataFrame") -> Iterator[str]:
    """One figure for each set of pictures."""
    for name in sorted(set(described["name"])):
        here, beside = described.loc[described["name"] == name], coded.loc[coded["name"] == name]
        yield _figure(here, beside, name, out / f"vlm_csc_{name}.png")


@styled()
def _figure(described: "pd.DataFrame", coded: "pd.DataFrame", name: str, file: Path) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    against_snr, against_uses = figure.subplots(1, 2, sharey=True)
    for number, system in enumerate(DESCRIBING):
        found = [quality(described, system=system, snr_db=snr_db) for snr_db in SNRS_DB]
        against_snr.plot(SNRS_DB, [each[0] for each in found], marker="o", label=system, color=COLOURS[number])
        against_snr.fill_between(
            SNRS_DB, [each[1] for each in found], [each[2] for each in found], color=COLOURS[number], alpha=0.15
        )
        uses = look_up(described, "uses_total", system=system, snr_db=USES_SNR_DB).mean
        against_uses.plot([uses], [found[-1][0]], marker="o", color=COLOURS[number])
    for number, system in enumerate(PICTURE_LINKS, len(DESCRIBING)):
        found = [quality(coded, system=system, uses=uses)[0] for uses in USES]
        spent = [coded_uses(coded, system, uses) for uses in USES]
        against_uses.plot(spent, found, marker="s", label=system, color=(*COLOURS, "0.1")[number])
    against_snr.set(xlabel="Es/N0, dB", ylabel="SSQ", title="captions, against the SNR", ylim=(0, 1.1))
    against_uses.set(xlabel="channel uses in all", title=f"at {USES_SNR_DB:g} dB, against channel uses", xscale="log")
    for ax in (against_snr, against_uses):
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8, loc="lower right")
    figure.suptitle(f"{name}: how often a judge finds the class, relative to the sender's pictures")
    save_figure(figure, file)
    return file.name
