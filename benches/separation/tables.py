"""The page of `linksim bench separation`."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from linksim.benches.bench import by_case
from linksim.benches.separation.points import DESIGN_SNR_DB, FADES, FADING_SNRS_DB, SA_OOSC, SNRS_DB, SYSTEMS
from linksim.benches.tables import look_up, markdown, paired_gain
from linksim.blocks.rate import PAPER_CBR

if TYPE_CHECKING:
    import pandas as pd

METRIC = {"scenes": "patch_psnr.nonbackground", "kodak": "psnr"}
"""What a system's curve shows."""
HEAD = f"""# SA-OOSC beside digital links

Made by `linksim bench separation`. The digital links are a picture codec, CRC, 5G LDPC and QAM. Everything that is
sent counts: CBR {PAPER_CBR} for street scenes, 1/16 for Kodak. All values are means over the pictures; a lost picture
counts as a mid-grey one.

A link that follows the SNR chooses modulation and code rate for the SNR of each frame. On Rayleigh fading its
transmitter knows the fade of every frame, which SA-OOSC's transmitter does not. A link "at capacity" has a code that
reaches the capacity of the channel, which no real code does. A link "fixed for 10 dB" cannot adapt. "Regions" means
that the digital link knows the same importance labels as SA-OOSC, and spends two or four times the bytes per pixel on
the tiles that hold anything important. Fading is slow: one fade per picture, {FADES} fades for each picture and SNR,
the same for all systems. These are few: where 10 % are lost, the interval is 1 to 32 % for the twenty frames of street
scenes, and 3 to 23 % for Kodak's 48.

"""
LEVELS = {
    "high": "patch_psnr.high",
    "non-background": "patch_psnr.nonbackground",
    "background": "patch_psnr.background",
    "picture": "psnr",
}


def page(tables: Mapping[str, "pd.DataFrame"]) -> str:
    """The page in Markdown."""
    sections = [HEAD]
    if "scenes" in tables:
        sections += [_levels(tables["scenes"]), _gains(tables[by_case("scenes")])]
    for name, what in (("scenes", "Street scenes: PSNR of non-background patches"), ("kodak", "Kodak: PSNR")):
        if name in tables:
            sections += [
                f"## {what} in dB, AWGN\n",
                _curves(tables[name], name, "awgn", SNRS_DB),
                f"## {what} in dB, slow Rayleigh fading\n",
                _curves(tables[name], name, "rayleigh", FADING_SNRS_DB),
            ]
    return "\n".join(sections)


def _levels(table: "pd.DataFrame") -> str:
    """Every system at 10 dB, by importance."""
    rows: list[list[object]] = []
    for system in SYSTEMS["scenes"]:
        at = {"system": system, "channel": "awgn", "snr_db": DESIGN_SNR_DB}
        cells = [look_up(table, metric, **at) for metric in LEVELS.values()]
        rows.append([system, *cells, f"{look_up(table, 'cbr_total', **at).mean:.4f}"])
    title = "## Street scenes at 10 dB, AWGN: patch PSNR in dB by importance, with 95 % intervals over pictures\n"
    return f"{title}\n" + markdown(["", *LEVELS, "CBR"], rows)


def _gains(table: "pd.DataFrame") -> str:
    """What SA-OOSC gains over its rivals, picture by picture."""
    at = {"channel": "awgn", "snr_db": DESIGN_SNR_DB}
    ours = {"system": SA_OOSC, **at}
    rows = [
        [system, *(paired_gain(table, metric, ours, {"system": system, **at}) for metric in LEVELS.values())]
        for system in SYSTEMS["scenes"]
        if system != SA_OOSC
    ]
    title = "What SA-OOSC gains at 10 dB over each system, picture by picture, in dB (negative: the other is better):\n"
    return f"{title}\n" + markdown(["over", *LEVELS], rows)


def _curves(table: "pd.DataFrame", name: str, channel: str, snrs_db: Sequence[float]) -> str:
    rows: list[list[object]] = []
    for system in SYSTEMS[name]:
        cells: list[str] = []
        for snr_db in snrs_db:
            at = {"system": system, "channel": channel, "snr_db": snr_db}
            mean, lost = look_up(table, METRIC[name], **at).mean, look_up(table, "erased", **at).mean
            share = f" ({lost:.0%} lost)" if lost > 0 else ""
            cells.append(f"{mean:.2f}{share}" if math.isfinite(mean) else "-")
        if any(cell != "-" for cell in cells):
            rows.append([system, *cells])
    return markdown(["", *(f"{snr_db:g} dB" for snr_db in snrs_db)], rows)
