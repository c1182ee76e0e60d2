"""Where importance comes from, and what each source of it is worth on the link."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from linksim import Flowgraph
from linksim.benches.bench import Part, by_case
from linksim.benches.importance.cases import GPT, SOURCES, LabelledCases
from linksim.benches.judged import judged
from linksim.benches.pictures import SceneBench
from linksim.benches.tables import Found, look_up, markdown, paired_gain
from linksim.blocks import LagrangianRateAllocator
from linksim.blocks.rate import PAPER_CBR
from linksim.flowgraphs import sa_oosc, separation
from linksim.montecarlo import Sweep
from linksim.plot.style import COLOURS, save_figure, styled

if TYPE_CHECKING:
    import pandas as pd

SNR_DB = 10.0
SA_OOSC, AVIF = "SA-OOSC", "AVIF + LDPC, regions twice"
SYSTEMS = (SA_OOSC, AVIF)
LEVELS = ("high", "medium", "low", "background")
HEAD = f"""# Where importance comes from, and what it is worth

Made by `linksim bench importance`. The `val` street scenes over AWGN at {SNR_DB:g} dB, CBR {PAPER_CBR}, everything
counted. A source labels the patches, and the transmitter sees its labels alone: SA-OOSC with its default rates, and
a digital link that spends twice the bytes per pixel on whatever is not background: it does not tell the levels apart,
so all sources that label the same boxes are the same to it. Quality is always counted on
the patches as people labelled them: by the middle label of the three drivers. Patch PSNR in dB, mean over the scenes
that have such patches. "Against GPT" is the gain on highly important patches over the same system with GPT's labels,
picture by picture, with its 95 % interval over pictures.

"""


def link(system: str) -> Flowgraph:
    """A system whose transmitter has one source's labels."""
    if system == SA_OOSC:
        return judged(sa_oosc(rate=LagrangianRateAllocator(target_cbr_total=PAPER_CBR)), given=True)
    inner = separation(codec="avif", region_gain=2.0, target_cbr_total=PAPER_CBR)
    return judged(inner, given=True)


@dataclass(frozen=True, kw_only=True)
class ImportanceBench(SceneBench):
    """Quality of what people call important, by who told the transmitter."""

    about: ClassVar[str] = "what importance labels from people, GPT, the student, rules or nobody are worth"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The source is no axis of a grid, so that all see the same noise."""
        scenes = self.needed_scenes()
        for source in SOURCES:
            cases = LabelledCases(scenes, source)
            for system in SYSTEMS:
                grid = {"snr_db": [SNR_DB]}
                sweep = Sweep(partial(link, system), grid=grid, cases=cases, seed=self.seed, device=self.device)
                yield Part("scenes", {"system": system, "source": source}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        table, rows = tables["scenes"], list[list[object]]()
        for system in SYSTEMS:
            for source in SOURCES:
                at = {"system": system, "source": source}
                metrics = [f"patch_psnr.{level}" for level in LEVELS] + ["psnr"]
                high, *others = (f"{look_up(table, metric, **at).mean:.2f}" for metric in metrics)
                gain = "-" if source == GPT else _over_gpt(tables[by_case("scenes")], system, source)
                cost = f"{look_up(table, 'cbr_total', **at).mean:.4f}"
                rows.append([f"{system}, {source}", high, gain, *others, cost])
        return HEAD + markdown(["importance from", "high", "against GPT", *LEVELS[1:], "picture", "CBR"], rows)

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
        """See `Bench`."""
        yield draw(tables[by_case("scenes")], self.out)


@styled()
def draw(table: "pd.DataFrame", out: Path) -> str:
    """What each source gains over no importance."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.4), layout="constrained")
    ax = figure.subplots()
    for shift, system, colour in zip((-0.12, 0.12), SYSTEMS, COLOURS, strict=False):
        found = [_gain(table, system, source, "none") for source in SOURCES[:-1]]
        places = [place + shift for place in range(len(found))]
        bars = [[f.mean - f.low for f in found], [f.high - f.mean for f in found]]
        ax.errorbar(places, [f.mean for f in found], bars, fmt="D", color=colour, capsize=4, label=system)
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.set_xticks(range(len(SOURCES) - 1), [source.replace(", ", ",\n") for source in SOURCES[:-1]])
    ax.set_ylabel("gain over no importance, dB")
    ax.set_title(f"Patches that people call highly important, AWGN {SNR_DB:g} dB, CBR {PAPER_CBR}; bars: 95 %")
    ax.legend(loc="lower right")
    save_figure(figure, out / "importance.png")
    return "importance.png"


def _gain(table: "pd.DataFrame", system: str, source: str, over: str) -> Found:
    ours, theirs = ({"system": system, "source": name} for name in (source, over))
    return paired_gain(table, "patch_psnr.high", ours, theirs)


def _over_gpt(table: "pd.DataFrame", system: str, source: str) -> str:
    found = _gain(table, system, source, GPT)
    return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
