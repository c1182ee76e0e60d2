"""The figures by which a codec's weights are judged, on whole pictures with the real header."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from linksim import Block, Flowgraph
from linksim.benches.bench import Part
from linksim.benches.pictures import PictureBench
from linksim.benches.tables import look_up, markdown
from linksim.blocks import AWGN, EntropyScores, RateAllocator, Rayleigh
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import PictureCases
from linksim.flowgraphs import klt, sa_oosc
from linksim.flowgraphs.parts import Codec
from linksim.montecarlo import Sweep
from linksim.weights import weights_path

if TYPE_CHECKING:
    import pandas as pd

SNRS_DB = (0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 17.5, 20.0)
FADING_SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
FADES = 4
"""Fades per picture and SNR on slow Rayleigh fading."""
DESIGN_SNR_DB = 10.0
RATES = {"1/48": 1 / 48, "1/24": 1 / 24, "1/16": 1 / 16, "1/12": 1 / 12, "1/8": 1 / 8}
ALPHAS = (0.0, 4.0, 8.0, 16.0)
KLT = "klt"
"""The name of the link in closed form among the weights."""
LEVELS = ("background", "low", "medium", "high", "nonbackground")
ENTROPY = {
    **{f"entropy_scores.{level}": f"{level}, bits" for level in LEVELS[:4]},
    "entropy_scores.separates_high": "high against background",
    "entropy_scores.rank_correlation": "rank correlation of k",
}
HEAD = f"""# A codec's weights, judged

Made by `linksim bench evaluation`. The rate is that of SA-OOSC's paper, with alpha, so that weights are compared
without what the rate block adds; the payload has CBR {PAPER_CBR} on street scenes. The header is real. `klt` is the
link in closed form. Means over the pictures; a lost picture counts as mid-grey.

"""


def link(weights: str, alpha: float, *, target_cbr: float = PAPER_CBR, channel: Block | None = None) -> Flowgraph:
    """The link to judge, with the rate of SA-OOSC's paper: SA-OOSC with these weights, or the KLT link."""
    rate = RateAllocator(alpha=alpha, target_cbr=target_cbr)
    if weights == KLT:
        return klt(rate=rate, channel=channel)
    return sa_oosc(codec=Codec(weights, importance_gain_db=0.0), rate=rate, channel=channel)


def scene_link(weights: str, alpha: float) -> Flowgraph:
    """The link with the metrics of the entropy."""
    fg = link(weights, alpha)
    inner = fg.transmitter
    inner.connect(inner.vectorizer["entropy"], inner["entropy"])
    fg.entropy_scores = EntropyScores()
    fg.connect(inner["entropy"], fg.entropy_scores["entropy"])
    fg.connect(inner["lengths"], fg.entropy_scores["lengths"])
    fg.connect(fg.importance, fg.entropy_scores["importance"])
    return fg


def channel_link(weights: str, channel: str) -> Flowgraph:
    """The link without importance in the rate, over AWGN or slow Rayleigh fading."""
    return link(weights, 0.0, channel=Rayleigh() if channel == "rayleigh" else AWGN())


def kodak_link(weights: str, rate: str) -> Flowgraph:
    """The link at a CBR of its payload."""
    return link(weights, 0.0, target_cbr=RATES[rate])


@dataclass(frozen=True, kw_only=True)
class EvaluationBench(PictureBench):
    """Quality by importance, against SNR, and on Kodak, and what the entropy knows of importance.

    Args:
        weights: shipped names, paths of .safetensors files, or "klt".
    """

    weights: tuple[str, ...] = ("light",)

    about: ClassVar[str] = "weights of SA-OOSC's codec: by importance, against SNR, on Kodak"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The weights are no axis of a grid, so that all see the same noise."""
        for name in self.weights:
            if name != KLT:
                weights_path(name, "vectorizer")
        self.check_given()
        make = partial(Sweep, seed=self.seed, device=self.device)
        scenes = PictureCases.scenes(self.scenes) if self.scenes else None
        for name in self.weights:
            column = {"weights": Path(name).stem}
            if scenes is not None:
                grid: dict[str, list[Any]] = {"alpha": list(ALPHAS), "snr_db": [DESIGN_SNR_DB]}
                yield Part("levels", column, make(partial(scene_link, name), grid=grid, cases=scenes))
                for channel, snrs_db in (("awgn", SNRS_DB), ("rayleigh", FADING_SNRS_DB)):
                    frames = len(scenes) * (FADES if channel == "rayleigh" else 1)
                    grid = {"channel": [channel], "snr_db": list(snrs_db)}
                    yield Part("channels", column, make(partial(channel_link, name), grid=grid, cases=scenes,
                                                        stop=f"psnr:frames={frames}"))  # fmt: skip
            if self.kodak:
                grid = {"rate": list(RATES), "snr_db": [DESIGN_SNR_DB]}
                yield Part("kodak", column, make(partial(kodak_link, name), grid=grid, cases=PictureCases(self.kodak)))

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        sections: list[str] = []
        if "levels" in tables:
            sections += [_levels(tables["levels"]), _entropy(tables["levels"]), _channels(tables["channels"])]
        if "kodak" in tables:
            sections.append(_kodak(tables["kodak"]))
        return HEAD + "\n".join(sections)


def _names(table: "pd.DataFrame") -> list[str]:
    return list(dict.fromkeys(map(str, table["weights"])))


def _levels(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    for name in _names(table):
        for alpha in ALPHAS:
            at = {"weights": name, "alpha": alpha}
            cells = [look_up(table, f"patch_psnr.{level}", **at) for level in LEVELS]
            costs = [f"{look_up(table, metric, **at).mean:.5f}" for metric in ("cbr", "cbr_total")]
            rows.append([f"{name}, alpha {alpha:g}", *cells, look_up(table, "psnr", **at), *costs])
    title = f"## Street scenes, AWGN {DESIGN_SNR_DB:g} dB: patch PSNR in dB by importance, with 95 % over pictures\n"
    return f"{title}\n" + markdown(["", *LEVELS[:4], "non-background", "picture", "`cbr`", "`cbr_total`"], rows)


def _entropy(table: "pd.DataFrame") -> str:
    rows = [
        [name, *(f"{look_up(table, metric, weights=name, alpha=ALPHAS[0]).mean:.2f}" for metric in ENTROPY)]
        for name in _names(table)
    ]
    title = (
        '## What the entropy knows of importance, on street scenes\n\nMean entropy of a patch by importance. "High '
        'against background" is the probability that a patch of high\nimportance has more entropy than a background '
        "patch. The last column is the rank correlation of the channel uses\nk with the entropy, where alpha is 0.\n"
    )
    return f"{title}\n" + markdown(["", *ENTROPY.values()], rows)


def _channels(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    metrics = {"psnr": "picture", "psnr_delivered": "delivered pictures", "patch_psnr.nonbackground": "non-background"}
    for name in _names(table):
        for channel, snrs_db in (("awgn", SNRS_DB), ("rayleigh", FADING_SNRS_DB)):
            for snr_db in snrs_db:
                at = {"weights": name, "channel": channel, "snr_db": snr_db}
                cells = [f"{look_up(table, metric, **at).mean:.2f}" for metric in metrics]
                costs = [f"{look_up(table, metric, **at).mean:.5f}" for metric in ("cbr", "cbr_total")]
                lost = f"{look_up(table, 'erased', **at).mean:.1%}"
                rows.append([f"{name}, {channel}, {snr_db:g} dB", *cells, lost, *costs])
    title = f"## Street scenes against SNR, alpha 0: PSNR in dB (Rayleigh: {FADES} fades per picture)\n"
    return f"{title}\n" + markdown(["", *metrics.values(), "lost", "`cbr`", "`cbr_total`"], rows)


def _kodak(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    for name in _names(table):
        for rate in RATES:
            at = {"weights": name, "rate": rate}
            costs = [f"{look_up(table, metric, **at).mean:.5f}" for metric in ("cbr", "cbr_total")]
            lost = f"{look_up(table, 'erased', **at).mean:.1%}"
            rows.append([f"{name}, CBR {rate}", look_up(table, "psnr", **at), lost, *costs])
    title = f"## Kodak, AWGN {DESIGN_SNR_DB:g} dB, no importance: PSNR in dB, with 95 % over pictures\n"
    return f"{title}\n" + markdown(["", "PSNR", "lost", "`cbr`", "`cbr_total`"], rows)
