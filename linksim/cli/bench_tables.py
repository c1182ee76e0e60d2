"""The tables of `linksim bench-codec`, as Markdown, with published figures beside."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from linksim.cli.bench_points import (
    DESIGN_SNR_DB,
    FADING_SNRS_DB,
    HIGH_FIRST,
    MIDDLE_RATE,
    RATES,
    REAL_FADING_SNRS_DB,
    SA_OOSC,
    SNRS_DB,
    SYSTEMS,
    WITHOUT_IMPORTANCE,
)

if TYPE_CHECKING:
    import pandas as pd

LEVELS = ("high", "medium", "low", "background", "nonbackground")
PUBLISHED_RATES: Mapping[str, tuple[float | None, ...]] = {
    "DeepJSCC, published": (27.45, 29.97, 31.5, 33.06),
    "WITT, published": (29.34, 31.90, 33.62, 35.02),
    "NTSCC, published": (29.4, 32.3, 34.05, None),
}
"""PSNR in dB on Kodak over AWGN at 10 dB, CBR 1/48 to 1/12: read off the plots of WITT (Yang et al., ICASSP 2023) and
NTSCC (Dai et al., IEEE JSAC 2022), to 0.05 dB."""
PUBLISHED_SNRS: Mapping[str, tuple[float | None, ...]] = {
    "WITT, published": (29.66, 31.31, 32.63, 33.60, 34.29),
    "DeepJSCC, published": (28.15, 29.49, 30.44, 31.52, 32.09),
}
"""The same at CBR 1/16, SNR 1 to 13 dB, off WITT's plots."""
PUBLISHED_REAL_FADING: Mapping[str, tuple[float | None, ...]] = {
    "WITT, published": (29.44, 30.81),
    "DeepJSCC, published": (27.69, 29.18),
}
"""The same over a real gain per symbol that nobody knows, SNR 4 and 10 dB."""


class Found(NamedTuple):
    """A mean over pictures with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if not math.isfinite(self.mean):
            return "-"
        return f"{self.mean:.2f}" + (f" ({self.low:.2f} to {self.high:.2f})" if math.isfinite(self.low) else "")


def look_up(table: "pd.DataFrame", metric: str, **point: Any) -> Found:
    """A metric at one point of a sweep's table, NaN where it is not there."""
    wanted = {"metric": metric, **point}
    for row in table.to_dict("records"):
        if all(row[name] == value for name, value in wanted.items()):
            return Found(float(row["estimate"]), float(row["low"]), float(row["high"]))
    return Found(math.nan, math.nan, math.nan)


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, its first column to the left."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def scene_report(table: "pd.DataFrame") -> str:
    """Street scenes: quality per importance level at 10 dB, against SNR, and over slow fading."""
    return "\n".join(
        (
            "## Street scenes, AWGN 10 dB, everything that is sent within CBR 0.0201",
            "",
            "Patch PSNR in dB by GPT's labels, mean over the pictures that have the level.",
            "",
            _levels(table),
            _gains(table),
            "## Street scenes against SNR, AWGN, CBR 0.0201 in all",
            "",
            "PSNR in dB of non-background patches, of highly important ones, and of the whole picture. Up to 7 dB the",
            "header is coded at rate 1/2, from 10 dB at 0.9.",
            "",
            _scene_snrs(table),
            "## Street scenes over slow Rayleigh fading, known at the receiver, CBR 0.0201 in all",
            "",
            "One fade a picture, mid-grey for a picture whose header is lost.",
            "",
            _fading(table, {}),
        )
    )


def kodak_report(table: "pd.DataFrame") -> str:
    """Kodak: rates at 10 dB, SNRs at 1/16, fading; published figures beside."""
    rates = [("rate", rate, {"rate": rate, "snr_db": DESIGN_SNR_DB}) for rate in RATES]
    snrs = [("SNR", f"{snr:g} dB", {"rate": MIDDLE_RATE, "snr_db": snr}) for snr in SNRS_DB]
    real = [("SNR", f"{snr:g} dB", {"rate": MIDDLE_RATE, "snr_db": snr}) for snr in REAL_FADING_SNRS_DB]
    return "\n".join(
        (
            "## Kodak, AWGN 10 dB, no importance: PSNR in dB by `cbr`, the payload's",
            "",
            _kodak(table, "psnr", "awgn", rates, PUBLISHED_RATES),
            "What the header adds to that:",
            "",
            _kodak(table, "cbr_total", "awgn", rates, {}, digits=4),
            "MS-SSIM in dB, -10 log10(1 - MS-SSIM):",
            "",
            _kodak(table, "ms_ssim", "awgn", rates, {}),
            "## Kodak against SNR, AWGN, `cbr` 1/16: PSNR in dB",
            "",
            _kodak(table, "psnr", "awgn", snrs, PUBLISHED_SNRS),
            "MS-SSIM in dB:",
            "",
            _kodak(table, "ms_ssim", "awgn", snrs, {}),
            "## Kodak over slow Rayleigh fading, known at the receiver, `cbr` 1/16",
            "",
            _fading(table, {"rate": MIDDLE_RATE}),
            "## Kodak over WITT's and SwinJSCC's Rayleigh, `cbr` 1/16: PSNR in dB",
            "",
            "A real gain at every use that nobody knows: another channel, kept apart.",
            "",
            _kodak(table, "psnr", "real rayleigh", real, PUBLISHED_REAL_FADING),
        )
    )


def _levels(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    for system in SYSTEMS:
        point = {"system": system, "channel": "awgn", "snr_db": DESIGN_SNR_DB}
        cells = [look_up(table, f"patch_psnr.{level}", **point) for level in LEVELS]
        costs = [f"{look_up(table, metric, **point).mean:.4f}" for metric in ("cbr", "cbr_total")]
        rows.append([system, *cells, look_up(table, "psnr", **point), *costs])
    return markdown(["", *LEVELS[:-1], "non-background", "picture", "`cbr`", "`cbr_total`"], rows)


def _gains(table: "pd.DataFrame") -> str:
    def high(system: str) -> float:
        point = {"system": system, "channel": "awgn", "snr_db": DESIGN_SNR_DB}
        return look_up(table, "patch_psnr.high", **point).mean

    ours = (SA_OOSC, HIGH_FIRST)
    lines = [
        f"Highly important patches, {name}: "
        + ", ".join(f"{high(name) - high(system):+.2f} dB over {system}" for system in SYSTEMS if system not in ours)
        for name in ours
    ]
    return "; ".join(lines) + ".\n"


def _scene_snrs(table: "pd.DataFrame") -> str:
    metrics = {"non-background": "patch_psnr.nonbackground", "high": "patch_psnr.high", "picture": "psnr"}
    rows = [
        [f"{system}, {name}", *(f"{_mean(table, metric, system, 'awgn', snr_db=snr):.2f}" for snr in SNRS_DB)]
        for system in SYSTEMS
        if system != HIGH_FIRST
        for name, metric in metrics.items()
    ]
    return markdown(["", *(f"{snr:g} dB" for snr in SNRS_DB)], rows)


def _fading(table: "pd.DataFrame", point: Mapping[str, Any]) -> str:
    rows: list[list[object]] = []
    for system in SYSTEMS:
        for snr_db in FADING_SNRS_DB:
            there = {**point, "system": system, "channel": "rayleigh", "snr_db": snr_db}
            everything = look_up(table, "psnr", **there)
            if not math.isfinite(everything.mean):
                continue
            lost = look_up(table, "header_errors.erasures", **there).mean
            cells = [everything, look_up(table, "psnr_delivered", **there)]
            if "rate" not in point:
                cells.append(look_up(table, "patch_psnr.nonbackground", **there))
            rows.append([f"{system}, {snr_db:g} dB", *cells, f"{lost:.0%}"])
    more = [] if "rate" in point else ["non-background"]
    return markdown(["", "picture", "delivered pictures", *more, "lost"], rows)


def _kodak(
    table: "pd.DataFrame",
    metric: str,
    channel: str,
    columns: Sequence[tuple[str, str, Mapping[str, Any]]],
    published: Mapping[str, Sequence[float | None]],
    digits: int = 2,
) -> str:
    def cell(system: str, point: Mapping[str, Any]) -> str:
        value = _mean(table, metric, system, channel, **point)
        return f"{-10 * math.log10(1 - value) if metric == 'ms_ssim' else value:.{digits}f}"

    rows = [[system, *(cell(system, point) for _, _, point in columns)] for system in WITHOUT_IMPORTANCE]
    rows += [[name, *("-" if value is None else f"{value:.2f}" for value in values)]
             for name, values in published.items()]  # fmt: skip
    return markdown([columns[0][0], *(name for _, name, _ in columns)], rows)


def _mean(table: "pd.DataFrame", metric: str, system: str, channel: str, **point: Any) -> float:
    return look_up(table, metric, system=system, channel=channel, **point).mean
