"""The digital link in layers beside digital links without them, and beside SA-OOSC."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from linksim import Flowgraph
from linksim.benches.bench import Part, by_case
from linksim.benches.judged import judged
from linksim.benches.pictures import SceneBench
from linksim.benches.separation.tables import LEVELS
from linksim.benches.tables import look_up, markdown, paired_gain
from linksim.blocks import LagrangianRateAllocator, Rayleigh
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import PictureCases
from linksim.flowgraphs import sa_oosc, semantic_separation, separation
from linksim.flowgraphs.semantic_separation import FOR_10_DB
from linksim.montecarlo import Sweep
from linksim.plot.style import COLOURS, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd

DESIGN_SNR_DB = 10.0
SNRS_DB = (0.0, 5.0, 7.0, 8.0, 10.0, 15.0, 20.0)
FADING_SNRS_DB, FADES = (3.0, 10.0, 20.0), 3
"""Mean SNRs over slow Rayleigh fading, and fades for each picture."""
SA_OOSC, LAYERS, DESIGNED, REGIONS = "SA-OOSC", "layers", "layers, designed for 10 dB", "AVIF, regions twice"
FIXED = "AVIF, regions twice, designed for 10 dB"


def _sa_oosc(**parts: Any) -> Flowgraph:
    return sa_oosc(rate=LagrangianRateAllocator(target_cbr_total=PAPER_CBR), **parts)


LINKS: Mapping[str, tuple[Callable[..., Flowgraph], tuple[float, ...]]] = {
    LAYERS: (semantic_separation, (DESIGN_SNR_DB,)),
    "layers, not enhanced": (partial(semantic_separation, enhancer=None), (DESIGN_SNR_DB,)),
    REGIONS: (partial(separation, region_gain=2.0), (DESIGN_SNR_DB,)),
    "AVIF, regions twice, enhanced": (partial(separation, region_gain=2.0, enhancer="enhancer"), (DESIGN_SNR_DB,)),
    "AVIF, regions four times": (partial(separation, region_gain=4.0), (DESIGN_SNR_DB,)),
    "AVIF": (separation, (DESIGN_SNR_DB,)),
    "AVIF, enhanced": (partial(separation, enhancer="enhancer"), (DESIGN_SNR_DB,)),
    DESIGNED: (partial(semantic_separation, protection=FOR_10_DB), SNRS_DB),
    FIXED: (partial(separation, region_gain=2.0, design_snr_db=DESIGN_SNR_DB), SNRS_DB),
    SA_OOSC: (_sa_oosc, SNRS_DB),
}
"""What each link is made by, and the SNRs at which it is measured."""
WITHOUT_FEEDBACK = (DESIGNED, FIXED, SA_OOSC)
"""Those that do not know the SNR of a frame, or serve all SNRs with the same codec."""
LOOKS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"color": COLOURS[i], "marker": "o", "markersize": 4} for i, name in enumerate(WITHOUT_FEEDBACK)},
    **{name: {"color": COLOURS[3 + i % 3], "marker": "sD^vP*X"[i], "linestyle": "none", "markersize": 7}
       for i, name in enumerate(name for name in LINKS if name not in WITHOUT_FEEDBACK)},
}  # fmt: skip
"""In the figure: curves for what does not know the SNR, points at 10 dB for the others."""
HEAD = f"""# The digital link in layers

Made by `linksim bench layers`: street scenes of the part `val` with the labels of the benchmark, AWGN, CBR
{PAPER_CBR} with everything counted, means over the pictures. All links know the same importance. "Layers" is
`semantic_separation`: each importance level is coded apart by AVIF, and the bytes are spread by measured slopes of
weighted error. It follows the SNR of each frame, as the AVIF links without layers do. "Designed for 10 dB" is the same
without feedback: the levels that matter are protected for 6.8 dB, the background for 7.6 dB, and a coarse picture of
the whole for -1.2 dB. Layers are enhanced at the receiver by `PictureEnhancer` unless the row says otherwise; AVIF
without layers is enhanced only where the row says so.

"""


def judged_link(name: str) -> Flowgraph:
    """A link of `LINKS`, with metrics around it."""
    return judged(LINKS[name][0]())


def faded_link(name: str) -> Flowgraph:
    """The same over slow Rayleigh fading: one fade a frame."""
    return judged(LINKS[name][0](channel=Rayleigh()))


@dataclass(frozen=True, kw_only=True)
class LayersBench(SceneBench):
    """Every link at 10 dB by importance; what does not follow the SNR, against the SNR."""

    about: ClassVar[str] = "the digital link in layers beside links without them, and beside SA-OOSC"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The link is no axis of a grid, so that all links see the same noise."""
        cases = PictureCases.scenes(self.needed_scenes())
        for name, (_, snrs_db) in LINKS.items():
            sweep = Sweep(partial(judged_link, name), grid={"snr_db": list(snrs_db)}, cases=cases,
                          stop=f"psnr:frames={len(cases)}", seed=self.seed, device=self.device)  # fmt: skip
            yield Part("scenes", {"link": name}, sweep)
        for name in WITHOUT_FEEDBACK:
            sweep = Sweep(partial(faded_link, name), grid={"snr_db": list(FADING_SNRS_DB)}, cases=cases,
                          stop=f"psnr:frames={FADES * len(cases)}", seed=self.seed, device=self.device)  # fmt: skip
            yield Part("fading", {"link": name}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        table, cases = tables["scenes"], tables[by_case("scenes")]
        rows: list[list[object]] = []
        for name in LINKS:
            at = {"link": name, "snr_db": DESIGN_SNR_DB}
            cells = [look_up(table, metric, **at) for metric in LEVELS.values()]
            rows.append([name, *cells, f"{look_up(table, 'cbr_total', **at).mean:.4f}"])
        title = "## At 10 dB: patch PSNR in dB by importance, with 95 % intervals over pictures\n"
        sections = [HEAD, title, markdown(["", *LEVELS, "CBR"], rows), *_gains(cases)]
        return "\n".join([*sections, *_against_snr(table), *_faded(tables["fading"])])

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        yield _curves(tables["scenes"], self)


def _gains(cases: "pd.DataFrame") -> Iterator[str]:
    """What layers gain, picture by picture."""
    ours = {"link": LAYERS, "snr_db": DESIGN_SNR_DB}
    rows = [
        [
            name,
            *(paired_gain(cases, metric, ours, {"link": name, "snr_db": DESIGN_SNR_DB}) for metric in LEVELS.values()),
        ]
        for name in LINKS
        if name != LAYERS
    ]
    yield "What layers that follow the SNR gain at 10 dB, picture by picture, in dB (negative: the other is better):\n"
    yield markdown(["over", *LEVELS], rows)


def _against_snr(table: "pd.DataFrame") -> Iterator[str]:
    """What does not follow the SNR, by metric."""
    yield "## Against the SNR, without feedback: PSNR in dB\n"
    rows: list[list[object]] = []
    for level in ("high", "non-background", "picture"):
        for name in WITHOUT_FEEDBACK:
            found = [look_up(table, LEVELS[level], link=name, snr_db=snr_db).mean for snr_db in SNRS_DB]
            rows.append([f"{level}: {name}", *(f"{value:.2f}" for value in found)])
    yield markdown(["", *(f"{snr_db:g} dB" for snr_db in SNRS_DB)], rows)


def _faded(table: "pd.DataFrame") -> Iterator[str]:
    """The same over slow fading, lost pictures counted as mid-grey."""
    yield (
        f"## Over slow Rayleigh fading, known at the receiver: PSNR in dB\n\nOne fade a frame, {FADES} frames of each "
        "picture, the same fades for all. A lost picture counts as mid-grey.\n"
    )
    metrics = {**{level: LEVELS[level] for level in ("high", "non-background", "picture")}, "lost": "erased"}
    rows: list[list[object]] = []
    for level, metric in metrics.items():
        for name in WITHOUT_FEEDBACK:
            found = [look_up(table, metric, link=name, snr_db=snr_db).mean for snr_db in FADING_SNRS_DB]
            rows.append([f"{level}: {name}", *(f"{v:.0%}" if level == "lost" else f"{v:.2f}" for v in found)])
    yield markdown(["", *(f"{snr_db:g} dB" for snr_db in FADING_SNRS_DB)], rows)


@styled()
def _curves(table: "pd.DataFrame", bench: LayersBench) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.0), layout="constrained")
    for ax, level in zip(figure.subplots(1, 2, sharey=True), ("non-background", "picture"), strict=True):
        for name, (_, snrs_db) in LINKS.items():
            found = [look_up(table, LEVELS[level], link=name, snr_db=snr_db).mean for snr_db in snrs_db]
            ax.plot(snrs_db, found, label=name, **LOOKS[name])
        ax.set(xlabel="Es/N0, dB", title=f"Street scenes: {level}")
        ax.grid(alpha=0.3)
    figure.axes[0].set_ylabel("PSNR, dB")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    save_figure(figure, bench.out / "layers.png")
    return "layers.png"
