"""The figures of `linksim bench codecs`: as SA-OOSC's Figs. 4, 5, 6 and 10, and Kodak beside published curves."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from linksim import Result
from linksim.benches.codecs.imported import imported_names, own_rates
from linksim.benches.codecs.points import (
    CURVES,
    DEEPJSCC,
    DESIGN_SNR_DB,
    DESIGNED,
    HIGH_FIRST,
    JOINT,
    LAYERS,
    MIDDLE_RATE,
    NTSCC,
    OOSC,
    RATES,
    RIVAL,
    SA_OOSC,
    SCENE_SNRS_DB,
    SNRS_DB,
    SWINJSCC,
    WITHOUT_IMPORTANCE,
    scene_link,
)
from linksim.benches.codecs.tables import PUBLISHED_RATES, PUBLISHED_SNRS
from linksim.benches.tables import look_up
from linksim.blocks.metrics.patch_psnr import patch_psnr
from linksim.blocks.sources import PictureCases
from linksim.plot.panels import importance_map, picture, rate_map
from linksim.plot.style import COLOURS, IMPORTANCE_NAMES, save_figure, styled
from linksim.types import PATCH

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

BARS = (SA_OOSC, HIGH_FIRST, OOSC, NTSCC, DEEPJSCC, SWINJSCC, RIVAL, LAYERS)
COLOUR: Mapping[str, str] = dict(zip((*BARS, DESIGNED), (*COLOURS, "0.5", "0.1", "0.1"), strict=True))
MARKER: Mapping[str, str] = dict(zip(CURVES, "osD^vxP.", strict=True))
PICTURED = (*JOINT, LAYERS)
"""Systems of which one scene is shown."""
GREY: Mapping[str, str] = dict(zip(PUBLISHED_RATES, ("0.3", "0.5", "0.7"), strict=False))
SHOWN_LEVELS = ("high", "medium", "low", "background")
CROP = 8 * PATCH
"""Edge in pixels of the regions that are shown."""


@styled()
def levels(table: "pd.DataFrame", out: Path) -> str:
    """As Fig. 5: patch PSNR by importance at 10 dB, with intervals over pictures."""
    figure = _figure(9.5, 4.0)
    ax = figure.subplots()
    groups = (*SHOWN_LEVELS, "nonbackground")
    width = 0.8 / len(BARS)
    for number, system in enumerate(BARS):
        point = {"system": system, "channel": "awgn", "snr_db": DESIGN_SNR_DB}
        found = [look_up(table, f"patch_psnr.{level}", **point) for level in groups]
        place = np.arange(len(groups)) + (number - (len(BARS) - 1) / 2) * width
        means = np.array([f.mean for f in found])
        bars = np.array([[f.mean - f.low for f in found], [f.high - f.mean for f in found]])
        cost = look_up(table, "cbr_total", **point).mean
        ax.bar(place, means, width * 0.92, color=COLOUR[system], label=f"{system}, CBR {cost:.4f} in all")
        ax.errorbar(
            place, means, yerr=np.nan_to_num(bars, posinf=0.0), fmt="none", ecolor="0.25", elinewidth=0.8, capsize=2
        )
    ax.set_xticks(np.arange(len(groups)), [*SHOWN_LEVELS, "non-background"])
    shown = [bar.get_height() for bars in ax.containers if hasattr(bars, "patches") for bar in bars]
    # The legend needs room above the highest interval.
    ax.set_ylim(np.floor(np.nanmin(shown)) - 4, np.nanmax(shown) + 6)
    ax.set(ylabel="patch PSNR, dB", title="Street scenes by importance, AWGN 10 dB; bars: 95 % over pictures")
    ax.legend(ncols=2, fontsize=8, loc="upper right")
    return _save(figure, out, "levels.png")


@styled()
def levels_against_snr(table: "pd.DataFrame", out: Path) -> str:
    """As Fig. 6: patch PSNR against SNR, a panel per importance."""
    figure = _figure(11.0, 6.2)
    axes = figure.subplots(2, 2, sharex=True)
    for ax, level in zip(axes.ravel(), SHOWN_LEVELS, strict=True):
        for system in CURVES:
            means = [look_up(table, f"patch_psnr.{level}", system=system, channel="awgn", snr_db=snr).mean
                     for snr in SCENE_SNRS_DB]  # fmt: skip
            style = {"color": COLOUR[system], "marker": MARKER[system], "ls": "--" if system == DESIGNED else "-"}
            ax.plot(SCENE_SNRS_DB, means, markersize=4, label=system, **style)
        ax.set_title(f"{level} importance" if level != "background" else level)
        ax.grid(alpha=0.3)
    for ax in axes[1]:
        ax.set_xlabel("Es/N0 per complex channel use, dB")
    for ax in axes[:, 0]:
        ax.set_ylabel("patch PSNR, dB")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle("Street scenes against SNR, AWGN, CBR 0.0201 in all")
    return _save(figure, out, "levels_against_snr.png")


@styled()
def kodak(table: "pd.DataFrame", out: Path) -> str:
    """PSNR on Kodak over the rate at 10 dB and over the SNR at 1/16, published curves dashed."""
    figure = _figure(11.0, 4.4)
    left, right = figure.subplots(1, 2)
    rates, snrs = list(RATES.values()), list(SNRS_DB)
    styles: dict[str, dict[str, Any]] = {
        system: {"color": COLOUR[system], "marker": MARKER[system]} for system in WITHOUT_IMPORTANCE
    }
    for number, name in enumerate(imported_names(table)):
        styles[name] = {"color": COLOURS[1 + number % 2], "marker": "*Xhd"[number % 4], "ls": "-."}
    for system, style in styles.items():
        at, own = {"system": system, "channel": "awgn"}, own_rates(table, system)
        costs = [look_up(table, "cbr", **at, rate=rate, snr_db=DESIGN_SNR_DB).mean for rate in own]
        over_rate = [look_up(table, "psnr", **at, rate=rate, snr_db=DESIGN_SNR_DB).mean for rate in own]
        # A codec with one rate is measured at that alone.
        there = MIDDLE_RATE if MIDDLE_RATE in own else own[0]
        over_snr = [look_up(table, "psnr", **at, rate=there, snr_db=snr).mean for snr in snrs]
        name = system if there == MIDDLE_RATE else f"{system}, CBR {there}"
        left.plot(costs, over_rate, label=system, markersize=4, **style)
        right.plot(snrs, over_snr, label=name, markersize=4, **style)
    for ax, x, published in ((left, rates, PUBLISHED_RATES), (right, snrs, PUBLISHED_SNRS)):
        for name, values in published.items():
            known = [(a, b) for a, b in zip(x, values, strict=True) if b is not None]
            ax.plot(*zip(*known, strict=True), "--", color=GREY.get(name, "0.5"), linewidth=1.2, label=name)
        ax.grid(alpha=0.3)
        ax.set_ylabel("PSNR, dB")
        ax.legend(fontsize=8)
    left.set(xlabel="CBR, payload", title="Kodak, AWGN 10 dB")
    right.set(xlabel="Es/N0 per complex channel use, dB", title=f"Kodak, AWGN, CBR {MIDDLE_RATE}")
    return _save(figure, out, "kodak.png")


def one_scene(folder: Path, out: Path, seed: int) -> Iterator[str]:
    """As Figs. 4 and 10: rate maps of one scene, and what comes of its regions, at 10 dB."""
    case = _telling_case(folder)
    runs: dict[str, Result] = {}
    for system in PICTURED:
        link = scene_link(system, "awgn")
        inputs = {name: value for name, value in case.items() if name in link.input_ports}
        probe = ["importance.out", "rate.lengths"] if system in JOINT else []
        runs[system] = link.run(**inputs, snr_db=DESIGN_SNR_DB, seed=seed, probe=probe)
    image = case["image"][0]
    yield _save(_rate_maps(image, runs), out, "rate_maps.png")
    yield _save(_regions(image, runs), out, "regions.png")


def _telling_case(folder: Path) -> Mapping[str, Any]:
    """The scene that has most patches of its rarest importance."""
    cases = PictureCases.scenes(folder, detections=True)

    def rarest(index: int) -> int:
        areas = [0, 0, 0]
        boxes = cases.boxes_of(index)
        for corners, label in zip(boxes.corners[0].tolist(), boxes.importance[0].tolist(), strict=True):
            if label:
                areas[label - 1] += int((corners[2] - corners[0]) * (corners[3] - corners[1]))
        return min(areas)

    return cases[max(range(len(cases)), key=rarest)]


@styled()
def _rate_maps(image: Tensor, runs: Mapping[str, Result]) -> "Figure":
    figure = _figure(13.0, 5.6)
    axes = figure.subplots(2, 2)
    size = int(image.shape[1]), int(image.shape[2])
    importance_map(axes[0, 0], image, runs[SA_OOSC]["importance.out"][0], "importance (GPT)")
    for ax, system in zip(axes.ravel()[1:], (SA_OOSC, OOSC, NTSCC), strict=True):
        rate_map(ax, runs[system]["rate.lengths"][0], size, f"{system}, CBR {_cost(runs[system]):.4f} in all")
    figure.suptitle("Channel uses per patch, AWGN 10 dB")
    return figure


@styled()
def _regions(image: Tensor, runs: Mapping[str, Result]) -> "Figure":
    importance = runs[SA_OOSC]["importance.out"][0]
    columns: Sequence[str] = PICTURED
    figure = _figure(15.0, 9.4)
    axes = figure.subplots(len(SHOWN_LEVELS), len(columns) + 1)
    for row, level in zip(axes, SHOWN_LEVELS, strict=True):
        label = IMPORTANCE_NAMES.index(level)
        top, left = _place(importance == label)
        cut = (slice(None), slice(top, top + CROP), slice(left, left + CROP))
        picture(row[0], image[cut], "original")
        row[0].set_ylabel(level)
        for ax, system in zip(row[1:], columns, strict=True):
            shown = runs[system]["image"][0]
            quality = patch_psnr(shown[None], image[None])[0]
            inside = torch.zeros_like(importance, dtype=torch.bool)
            inside[top // PATCH : (top + CROP) // PATCH, left // PATCH : (left + CROP) // PATCH] = True
            mean = float(quality[inside & (importance == label)].mean())
            picture(ax, shown[cut], f"{system} {mean:.2f} dB")
    costs = ", ".join(f"{system} {_cost(runs[system]):.4f}" for system in columns)
    figure.suptitle(f"What arrives, AWGN 10 dB; PSNR of the region's patches of that importance\nCBR in all: {costs}")
    return figure


def _place(wanted: Tensor) -> tuple[int, int]:
    """Corner in pixels of the region with most of the wanted patches."""
    cells = CROP // PATCH
    counts = torch.nn.functional.avg_pool2d(wanted[None, None].float(), cells, 1)[0, 0]
    place = int(counts.argmax())
    return place // counts.shape[1] * PATCH, place % counts.shape[1] * PATCH


def _cost(run: Result) -> float:
    return float(run["cbr_total"].value[0])


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: "Figure", out: Path, name: str) -> str:
    save_figure(figure, out / name)
    return name
