"""The page of `linksim bench intent`."""

from typing import TYPE_CHECKING

from linksim.benches.intent.points import (
    CHANNELS,
    DEEPJSCC,
    GREY,
    OURS,
    PERCEPTUAL_POINTS,
    PICTURES,
    PUBLISHED,
    SA_OOSC,
    SNRS_DB,
    SWINJSCC,
    SYSTEMS,
    TOLD,
)
from linksim.benches.tables import look_up, markdown, paired_gain

if TYPE_CHECKING:
    import pandas as pd

METRICS = {
    "region_psnr": ("PSNR of the region of interest alone, dB", 2),
    "psnr": ("PSNR of the whole masked picture, its background black, dB", 2),
    "masked_again_psnr": ("PSNR with all but the region blackened at the receiver, which would have to know it, dB", 2),
    "ssim": ("SSIM of the whole masked picture", 3),
    "cbr_total": ("Channel bandwidth ratio of everything that was sent", 4),
}
PERCEPTUAL = {"hed": "whole", "region_hed": "region"}
CHANNEL_NAMES = {"awgn": "AWGN", "rayleigh": "slow Rayleigh fading, one fade a picture, known at the receiver"}
HEAD = f"""# The part of a picture that is asked for

Made by `linksim bench intent` from the shipped weights: the largest object of {PICTURES} test pictures, CBR 1/12, 95 %
intervals over pictures. All systems see the same masked pictures, noise and fades, and send the same robust header.
SNRs are Es/N0 per complex use. A lost header is a mid-grey picture.

The black background decides the PSNR of the whole picture, so there are three. The receiver is not told the mask, as in
the paper; but "patches told" sends the patches that the mask touches in the rate map, which the header pays for, and
takes fewer channel uses. "{PUBLISHED}" has the five convolutions of its paper, trained on masked pictures at 10 dB.
"{DEEPJSCC}" has a larger network, which was trained on whole pictures at 10 dB. "{GREY}" sends mid-grey where the mask
leaves out, without training: its background is grey, so that only its region and the third PSNR say something.
"{SWINJSCC}" knows the SNR as well. "{SA_OOSC}" sends the masked picture by SA-OOSC's codec with the same rate map as
"{TOLD}".

"""


def page(table: "pd.DataFrame", cases: "pd.DataFrame", perceptual: "pd.DataFrame") -> str:
    """All of it but the figure."""
    parts = [_headline(cases), _perceptual(perceptual), *(_section(table, channel) for channel in CHANNELS)]
    return HEAD + "\n".join(parts)


def _headline(cases: "pd.DataFrame") -> str:
    """What UIDSC gains over each rival, picture by picture."""
    rows: list[list[str]] = []
    for system in SYSTEMS:
        if system in (OURS, TOLD):
            continue
        cells: list[str] = []
        for channel, snr_db in PERCEPTUAL_POINTS:
            for metric in ("psnr", "region_psnr"):
                point = {"channel": channel, "snr_db": snr_db}
                gain = paired_gain(cases, metric, {"system": OURS, **point}, {"system": system, **point})
                unfair = metric == "psnr" and system in (GREY, SWINJSCC)
                cells.append("-" if unfair else f"{gain.mean:+.2f} ({gain.low:+.2f} to {gain.high:+.2f})")
        rows.append([system, *cells])
    head = ["", *(f"{_named(point)}, {what}" for point in PERCEPTUAL_POINTS for what in ("whole", "region"))]
    return (
        f"## What {OURS} gains\n\nPSNR of {OURS} less that of each rival, dB, mean over pictures of the difference "
        f"with its 95 % interval:\n\n{markdown(head, rows)}"
    )


def _perceptual(table: "pd.DataFrame") -> str:
    """The perceptual distance."""
    rows = [
        [system, *(_distance(table, system, point, metric) for point in PERCEPTUAL_POINTS for metric in PERCEPTUAL)]
        for system in SYSTEMS
    ]
    head = ["", *(f"{_named(point)}, {what}" for point in PERCEPTUAL_POINTS for what in PERCEPTUAL.values())]
    return (
        "## Perceptual distance\n\nOn the features of HED (`HEDDistance`), an edge detector made from VGG16: lower is "
        "better. It is not LPIPS, whose networks only a model hub has, and cannot be compared with figures of LPIPS. "
        "Features reach beyond the region's edge, where the systems with a grey background have grey instead of black:"
        f"\n\n{markdown(head, rows)}"
    )


def _named(point: tuple[str, float]) -> str:
    channel, snr_db = point
    return f"{'AWGN' if channel == 'awgn' else 'Rayleigh'} {snr_db:g} dB"


def _distance(table: "pd.DataFrame", system: str, point: tuple[str, float], metric: str) -> str:
    if metric == "hed" and system in (GREY, SWINJSCC):
        return "-"
    found = look_up(table, metric, system=system, channel=point[0], snr_db=point[1])
    return f"{found.mean:.3f} ({found.low:.3f} to {found.high:.3f})"


def _section(table: "pd.DataFrame", channel: str) -> str:
    parts = [f"## {CHANNEL_NAMES[channel]}\n"]
    head = ["", *(f"{snr:g} dB" for snr in SNRS_DB)]
    for metric, (title, digits) in METRICS.items():
        rows = [
            [system, *(_cell(table, metric, digits, channel, system, snr) for snr in SNRS_DB)] for system in SYSTEMS
        ]
        parts.append(f"{title}:\n\n{markdown(head, rows)}")
    return "\n".join(parts)


def _cell(table: "pd.DataFrame", metric: str, digits: int, channel: str, system: str, snr_db: float) -> str:
    found = look_up(table, metric, channel=channel, system=system, snr_db=snr_db)
    if metric == "cbr_total":
        return f"{found.mean:.{digits}f}"
    return f"{found.mean:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"
