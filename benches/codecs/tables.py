"""The tables of `linksim bench codecs`, as Markdown, with published figures beside."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from linksim.benches.codecs.imported import imported_names
from linksim.benches.codecs.points import (
    ALPHA,
    ALPHA_RULE,
    CURVES,
    DESIGN_SNR_DB,
    FADING,
    FADING_SNRS_DB,
    HIGH_FIRST,
    MIDDLE_RATE,
    RATES,
    REAL_FADING_SNRS_DB,
    SA_OOSC,
    SCENE_SNRS_DB,
    SNRS_DB,
    SYSTEMS,
    WEIGHTS,
    WITHOUT_IMPORTANCE,
)
from linksim.benches.limits import CLASSES
from linksim.benches.tables import look_up, markdown
from linksim.blocks.rate import PAPER_CBR
from linksim.flowgraphs.parts.codec import IMPORTANCE_GAIN_DB

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
    "WITT, published": (30.81,),
    "DeepJSCC, published": (29.18,),
}
"""The same over a real gain per symbol that nobody knows, SNR 10 dB."""


def scene_report(table: "pd.DataFrame", limits: Mapping[str, Sequence[float]]) -> str:
    """Street scenes: quality per importance level at 10 dB, against SNR, and over slow fading; `limits` in dB at 10
    dB."""
    return "\n".join(
        (
            "## Street scenes, AWGN 10 dB, everything that is sent within CBR 0.0201",
            "",
            fill(_about_levels(), 118),
            "",
            _levels(table),
            fill(_about_limits(limits), 118) + "\n",
            _gains(table),
            _lost(table, "awgn", (DESIGN_SNR_DB,)),
            "## Street scenes against SNR, AWGN, CBR 0.0201 in all",
            "",
            "PSNR in dB of non-background patches, of highly important ones, and of the whole picture.",
            "",
            _scene_snrs(table),
            _lost(table, "awgn", SCENE_SNRS_DB),
            "## Street scenes over slow Rayleigh fading, known at the receiver, CBR 0.0201 in all",
            "",
            "One fade a picture, the same for all systems; mid-grey for a picture whose header is lost.",
            "",
            _fading(table, {}),
        )
    )


def _about_levels() -> str:
    return (
        "Patch PSNR in dB by GPT's labels, mean over pictures that have the level. SA-OOSC and OOSC set the rate by "
        f"equal slopes of an error weighted {_weights(SA_OOSC)} for background, low, medium and high patches, as each "
        f'calls them; "high first" by {_weights(HIGH_FIRST)}. What gets more than its content asks for is sent with '
        f'{IMPORTANCE_GAIN_DB:g} dB more power. "alpha {ALPHA:g}" is the rule of the paper. NTSCC follows the entropy. '
        "Where the rate follows entropy or alpha the map is smoothed by a half, which spares header. AVIF with 5G LDPC "
        "and QAM is a digital link that knows the SNR and chooses modulation and code rate for it. With regions, tiles "
        "that matter by the same labels get two or four times the bytes per pixel; it shows nothing below the SNR that "
        'it counts on. "Layers" codes each level apart, spreads the bytes by measured slopes, and takes artefacts out '
        'at the receiver; "designed for 10 dB" does not know the SNR. [Which link when](../systems/which_link.md) says '
        "what that means."
    )


def _about_limits(limits: Mapping[str, Sequence[float]]) -> str:
    found = ", ".join(f"{values[0]:.2f} dB ({name})" for name, values in limits.items())
    return (
        f"How far from any limit: were the coefficients of a 16x16 KLT Gaussian, with {CLASSES} classes of patches "
        f"that nobody pays for, whole pictures could have {found} at this rate and SNR. Real coefficients are not "
        "Gaussian, so that a good picture codec passes the first figure."
    )


def kodak_report(
    table: "pd.DataFrame", by_rate: Mapping[str, Sequence[float]], by_snr: Mapping[str, Sequence[float]]
) -> str:
    """Kodak: rates at 10 dB, SNRs at 1/16, fading; published figures and limits, by rate and by SNR, beside."""
    rates = [(rate, {"rate": rate, "snr_db": DESIGN_SNR_DB}) for rate in RATES]
    snrs = [(f"{snr:g} dB", {"rate": MIDDLE_RATE, "snr_db": snr}) for snr in SNRS_DB]
    real = [(f"{snr:g} dB", {"rate": MIDDLE_RATE, "snr_db": snr}) for snr in REAL_FADING_SNRS_DB]
    return "\n".join(
        (
            "## Kodak, AWGN 10 dB, no importance: PSNR in dB by `cbr`",
            "",
            "SA-OOSC's codec without importance. Published figures are read off plots, to 0.05 dB. The limits",
            f"are those of Gaussian coefficients of a 16x16 KLT in {CLASSES} classes of patches: by any code, and by",
            "linear coding. A codec with a better transform passes them.",
            "",
            _kodak(table, "psnr", "awgn", rates, {**PUBLISHED_RATES, **by_rate}),
            "`cbr_total`, the header included:",
            "",
            _kodak(table, "cbr_total", "awgn", rates, {}, digits=4),
            "MS-SSIM in dB, -10 log10(1 - its mean):",
            "",
            _kodak(table, "ms_ssim", "awgn", rates, {}),
            _lost(table, "awgn", (DESIGN_SNR_DB,)),
            "## Kodak against SNR, AWGN, `cbr` 1/16: PSNR in dB",
            "",
            _kodak(table, "psnr", "awgn", snrs, {**PUBLISHED_SNRS, **by_snr}),
            "MS-SSIM in dB:",
            "",
            _kodak(table, "ms_ssim", "awgn", snrs, {}),
            _lost(table, "awgn", SNRS_DB),
            "## Kodak over slow Rayleigh fading, known at the receiver, `cbr` 1/16",
            "",
            "One fade a picture, the same for all systems; mid-grey for a picture whose header is lost.",
            "",
            _fading(table, {"rate": MIDDLE_RATE}),
            "## Kodak over WITT's and SwinJSCC's Rayleigh, `cbr` 1/16: PSNR in dB",
            "",
            "A real gain at every use that nobody knows: another channel, kept apart. No system was trained for it.",
            "",
            _kodak(table, "psnr", "real rayleigh", real, PUBLISHED_REAL_FADING),
            _lost(table, "real rayleigh", REAL_FADING_SNRS_DB),
        )
    )


def _weights(system: str) -> str:
    return ", ".join(f"{weight:g}" for weight in WEIGHTS[system])


def _levels(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    for system in SYSTEMS:
        point = {"system": system, "channel": "awgn", "snr_db": DESIGN_SNR_DB}
        cells = [look_up(table, f"patch_psnr.{level}", **point) for level in LEVELS]
        total = look_up(table, "cbr_total", **point).mean
        # In a small picture the least of a system's rates may be too much.
        over = " (over)" if total > PAPER_CBR else ""
        costs = [f"{look_up(table, 'cbr', **point).mean:.4f}", f"{total:.4f}{over}"]
        rows.append([system, *cells, look_up(table, "psnr", **point), *costs])
    return markdown(["", *LEVELS[:-1], "non-background", "picture", "`cbr`", "`cbr_total`"], rows)


def _gains(table: "pd.DataFrame") -> str:
    def high(system: str) -> float:
        point = {"system": system, "channel": "awgn", "snr_db": DESIGN_SNR_DB}
        return look_up(table, "patch_psnr.high", **point).mean

    ours = (SA_OOSC, HIGH_FIRST, ALPHA_RULE)
    lines = [
        f"- {name}: "
        + ", ".join(f"{high(name) - high(system):+.2f} dB over {system}" for system in SYSTEMS if system not in ours)
        for name in ours
    ]
    return "Highly important patches gain\n\n" + "\n".join(lines) + "\n"


def _lost(table: "pd.DataFrame", channel: str, snrs_db: Sequence[float]) -> str:
    """Which systems lost headers, and what everything cost."""
    lost: list[str] = []
    chosen = [
        row
        for row in table.to_dict("records")
        if row["channel"] == channel and row["snr_db"] in snrs_db and row["metric"] == "erased"
    ]
    for row in chosen:
        if row["estimate"] > 0:
            at = f"{row['snr_db']:g} dB" + (f", {row['rate']}" if "rate" in row else "")
            lost.append(f"{row['system']} at {at}: {row['estimate']:.0%}")
    return "Pictures lost: " + ("; ".join(lost) or "none") + ".\n"


def _scene_snrs(table: "pd.DataFrame") -> str:
    metrics = {"non-background": "patch_psnr.nonbackground", "high": "patch_psnr.high", "picture": "psnr"}
    rows = [
        [f"{system}, {name}", *(f"{_mean(table, metric, system, 'awgn', snr_db=snr):.2f}" for snr in SCENE_SNRS_DB)]
        for system in CURVES
        for name, metric in metrics.items()
    ]
    rows += [
        [
            f"{system}, `cbr_total`",
            *(f"{_mean(table, 'cbr_total', system, 'awgn', snr_db=snr):.4f}" for snr in SCENE_SNRS_DB),
        ]
        for system in CURVES
    ]
    return markdown(["", *(f"{snr:g} dB" for snr in SCENE_SNRS_DB)], rows)


def _fading(table: "pd.DataFrame", point: Mapping[str, Any]) -> str:
    rows: list[list[object]] = []
    for system in (*FADING, *imported_names(table)):
        for snr_db in FADING_SNRS_DB:
            there = {**point, "system": system, "channel": "rayleigh", "snr_db": snr_db}
            everything = look_up(table, "psnr", **there)
            if not math.isfinite(everything.mean):
                continue
            lost = look_up(table, "erased", **there).mean
            cells = [everything, look_up(table, "psnr_delivered", **there)]
            if "rate" not in point:
                cells.append(look_up(table, "patch_psnr.nonbackground", **there))
            costs = [f"{look_up(table, metric, **there).mean:.4f}" for metric in ("cbr", "cbr_total")]
            rows.append([f"{system}, {snr_db:g} dB", *cells, f"{lost:.0%}", *costs])
    more = [] if "rate" in point else ["non-background"]
    return markdown(["", "picture", "delivered pictures", *more, "lost", "`cbr`", "`cbr_total`"], rows)


def _kodak(
    table: "pd.DataFrame",
    metric: str,
    channel: str,
    columns: Sequence[tuple[str, Mapping[str, Any]]],
    published: Mapping[str, Sequence[float | None]],
    digits: int = 2,
) -> str:
    def cell(system: str, point: Mapping[str, Any]) -> str:
        value = _mean(table, metric, system, channel, **point)
        if metric == "ms_ssim":
            value = -10 * math.log10(max(1 - value, 1e-10)) if math.isfinite(value) else value
        return f"{value:.{digits}f}" if math.isfinite(value) else "-"

    rows = [
        [system, *(cell(system, point) for _, point in columns)]
        for system in (*WITHOUT_IMPORTANCE, *imported_names(table))
    ]
    rows += [[name, *("-" if value is None else f"{value:.2f}" for value in values)]
             for name, values in published.items()]  # fmt: skip
    return markdown(["", *(name for name, _ in columns)], rows)


def _mean(table: "pd.DataFrame", metric: str, system: str, channel: str, **point: Any) -> float:
    return look_up(table, metric, system=system, channel=channel, **point).mean
