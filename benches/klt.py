"""The KLT link's quality: Kodak beside the closed-form floor, and what importance does on street scenes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from linksim import Flowgraph
from linksim.benches.bench import Part
from linksim.benches.pictures import PictureBench
from linksim.benches.tables import look_up, markdown
from linksim.blocks import RateAllocator
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import PictureCases
from linksim.flowgraphs import klt
from linksim.flowgraphs.parts import KLTCodec
from linksim.montecarlo import Sweep

if TYPE_CHECKING:
    import pandas as pd

SNRS_DB = (1.0, 4.0, 7.0, 10.0, 13.0)
FLOOR_DB: Mapping[str, tuple[float, ...]] = {
    "1/48": (20.99, 22.31, 23.66, 24.82, 25.67),
    "1/16": (23.12, 24.67, 26.42, 28.06, 29.40),
}
"""PSNR in dB on Kodak of a KLT and LMMSE codec of fixed length in closed form, by CBR, at `SNRS_DB`."""
RATES = {"1/48": 1 / 48, "1/16": 1 / 16}
SCENE_SNR_DB = 10.0
SETTINGS: Mapping[str, tuple[float, float, float]] = {
    "alpha 0, equal weights": (0.0, 0.0, 0.0),
    "alpha 8, equal weights": (8.0, 0.0, 0.0),
    "alpha 0": (0.0, 2.0, 0.0),
    "alpha 4": (4.0, 2.0, 0.0),
    "alpha 8": (8.0, 2.0, 0.0),
    "alpha 16": (16.0, 2.0, 0.0),
    "alpha 0, equal weights, smoothing 0.25": (0.0, 0.0, 0.25),
    "alpha 0, equal weights, smoothing 0.5": (0.0, 0.0, 0.5),
    "alpha 0, equal weights, smoothing 1": (0.0, 0.0, 1.0),
}
"""Name to alpha of the rate, exponent of the weights in the codec's power allocation, and map smoothing."""
LEVELS = ("high", "medium", "low", "background", "nonbackground")
HEAD = """# The link in closed form

Made by `linksim bench klt`. The KLT link has no trained part. Its header is real.

"""


def kodak_link(rate: str) -> Flowgraph:
    """The link at a CBR of its payload."""
    return klt(rate=RateAllocator(target_cbr=RATES[rate]))


def scene_link(setting: str) -> Flowgraph:
    """The link for street scenes, with one of the settings."""
    alpha, exponent, smoothing = SETTINGS[setting]
    rate = RateAllocator(target_cbr=PAPER_CBR, alpha=alpha, map_smoothing=smoothing)
    return klt(codec=KLTCodec(importance_exponent=exponent), rate=rate)


@dataclass(frozen=True, kw_only=True)
class KLTBench(PictureBench):
    """Quality on Kodak by rate and SNR, and on street scenes by importance."""

    about: ClassVar[str] = "the KLT link beside the closed-form floor, and by importance"

    def parts(self) -> Iterator[Part]:
        """See `Bench`."""
        self.check_given()
        make = partial(Sweep, seed=self.seed, device=self.device)
        if self.kodak:
            grid: dict[str, list[Any]] = {"rate": list(RATES), "snr_db": list(SNRS_DB)}
            yield Part("kodak", {}, make(kodak_link, grid=grid, cases=PictureCases(self.kodak)))
        if self.scenes:
            grid = {"setting": list(SETTINGS), "snr_db": [SCENE_SNR_DB]}
            yield Part("scenes", {}, make(scene_link, grid=grid, cases=PictureCases.scenes(self.scenes)))

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        pages = {"kodak": _kodak, "scenes": _scenes}
        return HEAD + "\n".join(pages[name](tables[name]) for name in pages if name in tables)


def _kodak(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    for rate, floors in FLOOR_DB.items():
        for snr_db, floor in zip(SNRS_DB, floors, strict=True):
            at = {"rate": rate, "snr_db": snr_db}
            psnr = look_up(table, "psnr", **at).mean
            costs = [f"{look_up(table, metric, **at).mean:.5f}" for metric in ("cbr", "cbr_total")]
            lost = f"{look_up(table, 'erased', **at).mean:.1%}"
            rows.append(
                [f"CBR {rate}, {snr_db:g} dB", f"{psnr:.2f}", f"{floor:.2f}", f"{psnr - floor:+.2f}", *costs, lost]
            )
    title = (
        "## Kodak, AWGN: PSNR in dB\n\nThe floor is a KLT and LMMSE codec of fixed length in closed form. It sends no "
        "header.\nA lost picture counts as mid-grey.\n"
    )
    return f"{title}\n" + markdown(["", "PSNR", "floor", "above it", "`cbr`", "`cbr_total`", "lost"], rows)


def _scenes(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    for setting in SETTINGS:
        at = {"setting": setting, "snr_db": SCENE_SNR_DB}
        cells = [f"{look_up(table, f'patch_psnr.{level}', **at).mean:.2f}" for level in LEVELS]
        costs = [f"{look_up(table, metric, **at).mean:.5f}" for metric in ("cbr", "cbr_total")]
        rows.append([setting, *cells, f"{look_up(table, 'psnr', **at).mean:.2f}", *costs])
    title = (
        f"## Street scenes, AWGN {SCENE_SNR_DB:g} dB, payload of CBR {PAPER_CBR}: patch PSNR in dB\n\nAlpha gives "
        "important patches more channel uses. Unless the weights are equal, the power\nallocation of the codec weighs "
        "the error of a patch by 4 to the power of its importance.\n"
    )
    return f"{title}\n" + markdown(["", *LEVELS[:-1], "non-background", "picture", "`cbr`", "`cbr_total`"], rows)
