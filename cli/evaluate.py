"""`linksim evaluate`: the figures by which a codec is judged, on whole pictures with the real header."""

import json
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table
from torch import Tensor

from linksim import Block, Boxes, Flowgraph, Result
from linksim.blocks import AWGN, RateAllocator, Rayleigh
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.rate.allocator import DEFAULT_ALPHA
from linksim.blocks.sources import read_picture, readable_pictures, street_scenes
from linksim.cli.console import PlainConsole, noting
from linksim.cli.links import pick_device
from linksim.cli.progress import tracked
from linksim.errors import ParameterError, nearest
from linksim.flowgraphs import klt, sa_oosc
from linksim.flowgraphs.parts import Codec, Header, IdealHeader, RobustHeader
from linksim.weights import weights_path

SNRS_DB = (0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 17.5, 20.0)
FADING_SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
FADES = 4
"""Runs per picture and SNR on slow Rayleigh fading."""
RATES = ("1/48", "1/24", "1/16", "1/12", "1/8")
ALPHAS = (0.0, 4.0, 8.0, 16.0)
LEVELS = ("background", "low", "medium", "high")
KLT = "klt"
"""The name of the link in closed form among the weights."""


@dataclass(frozen=True)
class Sent:
    """A picture with its boxes, ready to send."""

    image: Tensor
    boxes: Boxes | None


def build(
    weights: str,
    *,
    alpha: float = DEFAULT_ALPHA,
    target_cbr: float | None = None,
    channel: Block | None = None,
    header: Header | None = None,
) -> Flowgraph:
    """The link to judge, with the rate of SA-OOSC's paper: SA-OOSC with these weights, or the KLT link."""
    rate, header = RateAllocator(alpha=alpha, target_cbr=target_cbr), header or RobustHeader(code_rate=0.5)
    if weights == KLT:
        return klt(rate=rate, header=header, channel=channel)
    return sa_oosc(codec=Codec(weights, importance_gain_db=0.0), rate=rate, header=header, channel=channel)


def send(link: Flowgraph, pictures: Sequence[Sent], snr_db: float, seed: int = 1) -> list[Result]:
    """One run per picture, probed for labels, lengths and entropy."""
    link.to(pictures[0].image.device)
    probe = ["importance.out", "rate.lengths", "vectorizer.entropy"]
    return [link.run(image=p.image, boxes=p.boxes, snr_db=snr_db, seed=seed, probe=probe) for p in pictures]


def mean_of(runs: Iterable[Result], name: str) -> float:
    """Mean over the pictures that have a value."""
    return float(torch.stack([run[name].value[0] for run in runs]).nanmean())


def summary(runs: Sequence[Result]) -> dict[str, float | None]:
    """PSNR over all and over delivered pictures, share of erasures, cost."""
    delivered = [run for run in runs if not bool(run["erased"][0])]
    return {
        "psnr_db": mean_of(runs, "psnr"),
        "delivered_db": mean_of(delivered, "psnr") if delivered else None,
        "erased": 1 - len(delivered) / len(runs),
        "cbr": mean_of(runs, "cbr"),
        "cbr_total": mean_of(runs, "cbr_total"),
    }


def classes(runs: Sequence[Result]) -> dict[str, float | None]:
    """Patch PSNR per importance class, and of the high class minus all other patches."""
    found: dict[str, float | None] = {name: mean_of(runs, f"patch_psnr.{name}") for name in (*LEVELS, "nonbackground")}
    found["high_minus_others"] = float(torch.tensor([_gap(run) for run in runs]).nanmean())
    return found


def _gap(run: Result) -> float:
    counts = torch.bincount(run["importance.out"].flatten().cpu(), minlength=4).double()
    parts = [(float(run[f"patch_psnr.{name}"].value[0]), float(n)) for name, n in zip(LEVELS, counts, strict=True)]
    others = [(value, n) for value, n in parts[:3] if n > 0]
    return parts[3][0] - sum(value * n for value, n in others) / sum(n for _, n in others) if others else math.nan


# -- the tables: one row per case


def quality_rows(
    weights: Sequence[str], scenes: Sequence[Sent], alphas: Sequence[float], seed: int
) -> list[Callable[[], dict[str, Any]]]:
    """Street scenes at 10 dB and CBR 0.0201: what alpha does to each class."""

    def row(name: str, alpha: float) -> dict[str, Any]:
        runs = send(build(name, alpha=alpha), scenes, 10.0, seed)
        return {"weights": name, "alpha": alpha, **classes(runs), **summary(runs)}

    return [partial(row, name, alpha) for name in weights for alpha in alphas]


def sweep_rows(weights: Sequence[str], scenes: Sequence[Sent], seed: int) -> list[Callable[[], dict[str, Any]]]:
    """Street scenes against SNR, AWGN and slow Rayleigh fading with known channel, CBR 0.0201, alpha 0."""

    def row(name: str, channel: str, snr_db: float) -> dict[str, Any]:
        fading = channel == "rayleigh"
        link = build(name, alpha=0.0, channel=Rayleigh() if fading else AWGN())
        # Every picture needs fades of its own: a seed fixes the fade.
        runs = (
            [run for i in range(FADES * len(scenes)) for run in send(link, [scenes[i % len(scenes)]], snr_db, seed + i)]
            if fading
            else send(link, scenes, snr_db, seed)
        )
        return {"weights": name, "channel": channel, "snr_db": snr_db,
                "nonbackground": mean_of(runs, "patch_psnr.nonbackground"), **summary(runs)}  # fmt: skip

    cases = [("awgn", snr) for snr in SNRS_DB] + [("rayleigh", snr) for snr in FADING_SNRS_DB]
    return [partial(row, name, channel, snr) for name in weights for channel, snr in cases]


def kodak_rows(weights: Sequence[str], pictures: Sequence[Sent], seed: int) -> list[Callable[[], dict[str, Any]]]:
    """The Kodak pictures at 10 dB without importance, at five rates."""

    def row(name: str, rate: str) -> dict[str, Any]:
        numerator, denominator = rate.split("/")
        runs = send(build(name, target_cbr=int(numerator) / int(denominator)), pictures, 10.0, seed)
        return {"weights": name, "rate": rate, **summary(runs)}

    return [partial(row, name, rate) for name in weights for rate in RATES]


def entropy_rows(weights: Sequence[str], scenes: Sequence[Sent], seed: int) -> list[Callable[[], dict[str, Any]]]:
    """What the entropy knows of importance, and k of the entropy; nothing is tuned by alpha here."""

    def row(name: str) -> dict[str, Any]:
        runs = send(build(name, alpha=0.0, header=IdealHeader(code_rate=0.5)), scenes, 10.0, seed)
        return {"weights": name, **entropy_figures(runs)}

    return [partial(row, name) for name in weights]


def entropy_figures(runs: Sequence[Result]) -> dict[str, float]:
    """Mean e per class in bits, area under the curve of high against background by e, rank correlation of k with e.

    Each is found within a picture, then averaged over the pictures that have the classes.
    """
    from scipy.stats import mannwhitneyu, spearmanr

    rows: list[list[float]] = []
    for run in runs:
        labels, entropy = run["importance.out"][0].cpu(), run["vectorizer.entropy"][0].cpu().double()
        means = [float(entropy[labels == level].mean()) for level in range(4)]
        high, background = entropy[labels == 3], entropy[labels == 0]
        area = math.nan
        if len(high) and len(background):
            area = float(mannwhitneyu(high, background)[0]) / (len(high) * len(background))
        lengths = run["rate.lengths"][0].cpu().flatten()
        rows.append([*means, area, _correlation(spearmanr(lengths, entropy.flatten()))])
    values = torch.tensor(rows).nanmean(0).tolist()
    return dict(zip((*(f"e_{level}" for level in LEVELS), "auc_high", "rank_k_e"), values, strict=True))


def _correlation(found: Any) -> float:
    return float(found.statistic)


TABLES = ("quality", "sweep", "kodak", "entropy")
TITLES = {
    "quality": f"street scenes, AWGN 10 dB, CBR {PAPER_CBR}, patch PSNR in dB",
    "sweep": f"street scenes against SNR, CBR {PAPER_CBR}, alpha 0 (Rayleigh: {FADES} fades a picture)",
    "kodak": "Kodak, AWGN 10 dB, no importance",
    "entropy": "street scenes: entropy e in bits per patch, by importance",
}


@dataclass(frozen=True)
class Evaluation:
    """What the user asked for."""

    weights: tuple[str, ...]
    tables: tuple[str, ...]
    scenes: Path | None
    kodak: Path | None
    alphas: tuple[float, ...]
    seed: int
    device: str

    def rows(self, table: str, scenes: Sequence[Sent], kodak: Sequence[Sent]) -> list[Callable[[], dict[str, Any]]]:
        """The rows of one table, each still to be measured."""
        if table == "quality":
            return quality_rows(self.weights, scenes, self.alphas or ALPHAS, self.seed)
        if table == "kodak":
            return kodak_rows(self.weights, kodak, self.seed)
        return (sweep_rows if table == "sweep" else entropy_rows)(self.weights, scenes, self.seed)

    def check_used(self, tables: Sequence[str]) -> None:
        """Say which options no table asked for makes use of."""
        of = {"scenes": ("quality", "sweep", "entropy"), "kodak": ("kodak",), "alphas": ("quality",)}
        for name, users in of.items():
            if getattr(self, name) and not set(users) & set(tables):
                option = name.removesuffix("s") if name == "alphas" else name
                warnings.warn(f"--{option} is not used: it is for the table {' or '.join(users)}", stacklevel=2)

    def pictures(self) -> tuple[list[Sent], list[Sent]]:
        """The street scenes and the Kodak pictures, on the device."""
        device = pick_device(self.device)
        scenes: list[Sent] = []
        for scene in street_scenes(self.scenes) if self.scenes else []:
            boxes = scene.boxes()
            moved = boxes.to(device)
            scenes.append(Sent(read_picture(scene.picture)[None].to(device), moved))
        kodak = readable_pictures(self.kodak) if self.kodak else ()
        return scenes, [Sent(image[None].to(device), None) for _, image in kodak]


def run_evaluate(asked: Evaluation, as_json: bool) -> None:
    """The command."""
    for name in asked.weights:
        if name != KLT:
            weights_path(name, "vectorizer")
    tables = asked.tables or tuple(t for t in TABLES if (asked.kodak if t == "kodak" else asked.scenes))
    for table in tables:
        if table not in TABLES:
            raise ParameterError(f"no table '{table}'; {nearest(table, TABLES)}")
        if (asked.kodak if table == "kodak" else asked.scenes) is None:
            raise ParameterError(f"the table '{table}' needs --{'kodak' if table == 'kodak' else 'scenes'}")
    if not tables:
        raise ParameterError("give --scenes, a folder with split.json, or --kodak, a folder of pictures, or both")
    # Several threads on cores that others use wait for each other longer than they work.
    torch.set_num_threads(1)
    with noting():
        asked.check_used(tables)
        scenes, kodak = asked.pictures()
    found: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        rows = asked.rows(table, scenes, kodak)
        found[table] = [_plain(row()) for row in tracked(rows, len(rows), table)]
        if not as_json:
            _show(table, found[table], len(kodak) if table == "kodak" else len(scenes))
    if as_json:
        print(json.dumps(found, allow_nan=False))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def _show(table: str, rows: Sequence[Mapping[str, Any]], pictures: int) -> None:
    shown = Table(
        title=f"{TITLES[table]}; {pictures} pictures", title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    for name in rows[0]:
        heading = name.removesuffix("_db").replace("nonbackground", "non-bg").replace("background", "backgr.")
        shown.add_column(heading.replace("_", " "), justify="left" if name in ("weights", "channel") else "right")
    for row in rows:
        shown.add_row(*(_cell(name, value) for name, value in row.items()))
    console = PlainConsole()
    console.width = max(console.width, 150)
    console.print(shown)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return Path(value).stem if value.endswith(".safetensors") else value
    if name == "erased":
        return f"{value:.1%}"
    if name in ("alpha", "snr_db"):
        return f"{value:g}"
    return (
        f"{value:.5f}"
        if name.startswith("cbr")
        else f"{value:.3f}"
        if name in ("auc_high", "rank_k_e")
        else f"{value:.2f}"
    )
