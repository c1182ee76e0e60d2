"""The page of `linksim bench intent`."""

from typing import TYPE_CHECKING

from linksim.benches.intent.points import CHANNELS, DEEPJSCC, GREY, PICTURES, PUBLISHED, SNRS_DB, SWINJSCC, SYSTEMS
from linksim.benches.tables import look_up, markdown

if TYPE_CHECKING:
    import pandas as pd

METRICS = {
    "region_psnr": ("PSNR of the region of interest alone, dB", 2),
    "psnr": ("PSNR of the whole masked picture, its background black, dB", 2),
    "masked_again_psnr": ("PSNR with all but the region blackened at the receiver, which would have to know it, dB", 2),
    "ssim": ("SSIM of the whole masked picture", 3),
    "cbr_total": ("Channel bandwidth ratio of everything that was sent", 4),
}
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
"{SWINJSCC}" knows the SNR as well.

"""


def page(table: "pd.DataFrame") -> str:
    """All of it but the figure."""
    return HEAD + "\n".join(_section(table, channel) for channel in CHANNELS)


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
