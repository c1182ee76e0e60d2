"""The figures of `linksim bench vlm_csc`: SSQ against the SNR, and against channel uses."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.tables import look_up
from linksim.benches.vlm_csc.points import DESCRIBING, PICTURE_LINKS, SAME_USES, SNRS_DB, USES_SNR_DB
from linksim.benches.vlm_csc.quality import by_uses, quality
from linksim.plot.style import COLOURS, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd


PICTURE_STYLES = (("0.0", "s"), ("0.3", "^"), ("0.5", "D"), ("0.65", "v"))
"""Grey and marker of each picture codec; what sends captions is in colours."""


def draw(out: Path, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
    """One figure for each set of pictures."""
    for name in sorted(set(tables["described"]["name"])):
        here = {part: table.loc[table["name"] == name] for part, table in tables.items()}
        yield _figure(here, name, out / f"vlm_csc_{name}.png")


@styled()
def _figure(tables: Mapping[str, "pd.DataFrame"], name: str, file: Path) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.8), layout="constrained")
    against_snr, against_uses = figure.subplots(1, 2, sharey=True)
    described, coded, same = tables["described"], tables["coded"], tables["coded_snr"]
    for system, colour in zip(DESCRIBING, COLOURS, strict=False):
        found = [quality(described, system=system, snr_db=snr_db) for snr_db in SNRS_DB]
        against_snr.plot(SNRS_DB, [each[0] for each in found], marker="o", label=system, color=colour)
        low, high = ([each[end] for each in found] for end in (1, 2))
        against_snr.fill_between(SNRS_DB, low, high, color=colour, alpha=0.1)
        place = {"system": system, "snr_db": USES_SNR_DB}
        uses = look_up(described, "uses_total", **place).mean
        against_uses.plot([uses], [quality(described, **place)[0]], marker="o", color=colour)
    for system, (grey, marker) in zip(PICTURE_LINKS, PICTURE_STYLES, strict=True):
        line = {"marker": marker, "color": grey, "linestyle": "--"}
        found = [quality(same, system=system, snr_db=snr_db)[0] for snr_db in SNRS_DB]
        against_snr.plot(SNRS_DB, found, label=system, **line)
        against_uses.plot(*zip(*by_uses(coded, system), strict=True), **line)
    title = f"against the SNR; picture codecs: at most {SAME_USES:,} uses"
    against_snr.set(xlabel="Es/N0, dB", ylabel="SSQ", title=title, ylim=(0, 1.1))
    against_uses.set(xlabel="channel uses in all", title=f"against channel uses, {USES_SNR_DB:g} dB", xscale="log")
    for ax in (against_snr, against_uses):
        ax.grid(alpha=0.3)
    figure.legend(*against_snr.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"{name}: how often a judge finds the class, relative to the sender's pictures")
    save_figure(figure, file)
    return file.name
