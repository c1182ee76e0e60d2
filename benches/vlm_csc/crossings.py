"""Where picture codecs pass what sends captions, and what each needs to be good enough."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from linksim.benches.tables import crossing_snr, look_up
from linksim.benches.vlm_csc.points import (
    DESCRIBING,
    PICTURE_LINKS,
    RETRIEVAL,
    SAME_USES,
    SNRS_DB,
    USES_SNR_DB,
)
from linksim.benches.vlm_csc.quality import by_uses, quality

if TYPE_CHECKING:
    import pandas as pd

ENOUGH = 0.85


def enough(described: "pd.DataFrame", coded: "pd.DataFrame") -> str:
    """The smallest numbers of uses at which each system reaches an SSQ of 0.85."""
    lines: list[str] = []
    for system in DESCRIBING:
        place = {"system": system, "snr_db": USES_SNR_DB}
        spent, found = look_up(described, "uses_total", **place).mean, quality(described, **place)[0]
        reached = "" if found >= ENOUGH else "not with "
        lines.append(f"- {system}: {reached}{spent:.0f} uses, SSQ {found:.3f}")
    for system in PICTURE_LINKS:
        tried = by_uses(coded, system)
        fits = [spent for spent, found in tried if found >= ENOUGH]
        most = f"{fits[0] if fits else tried[-1][0]:,.0f} uses"
        lines.append(f"- {system}: " + (f"{most}, of those tried" if fits else f"not with {most}, the most tried"))
    return f"Channel uses for an SSQ of {ENOUGH:g} at {USES_SNR_DB:g} dB:\n\n" + "\n".join(lines) + "\n"


def crossings(described: "pd.DataFrame", coded: "pd.DataFrame", same: "pd.DataFrame") -> str:
    """Where the mean of each picture codec passes VLM-CSC with stored pictures: by uses at 10 dB, and by the SNR."""
    ours = [quality(described, system=RETRIEVAL, snr_db=snr_db)[0] for snr_db in SNRS_DB]
    goal = quality(described, system=RETRIEVAL, snr_db=USES_SNR_DB)[0]
    lines: list[str] = []
    for system in PICTURE_LINKS:
        above = [spent for spent, found in by_uses(coded, system) if found > goal]
        first = f"above with {above[0]:,.0f} uses" if above else "below with all numbers of uses"
        theirs = [quality(same, system=system, snr_db=snr_db)[0] for snr_db in SNRS_DB]
        lead = [one - other for one, other in zip(theirs, ours, strict=True)]
        lines.append(f"- {system}: {first} at {USES_SNR_DB:g} dB; asked for {SAME_USES:,} uses {by_snr(SNRS_DB, lead)}")
    title = (
        "Where the mean SSQ of a picture codec comes above that of VLM-CSC with stored pictures: among the numbers of "
        "uses\ntried, and along the SNR, with straight lines between the points. The tables have the intervals, and "
        "most of them overlap."
    )
    return f"{title}\n\n" + "\n".join(lines) + "\n"


def by_snr(snrs: Sequence[float], lead: Sequence[float]) -> str:
    """Where a lead is above zero, in words."""
    above = [value > 0 for value in lead]
    if not any(above):
        return "below at all SNRs"
    if all(above):
        return "above at all SNRs"
    if above == sorted(above):
        return f"above from {crossing_snr(snrs, lead):.1f} dB on"
    return f"above at {', '.join(f'{snr:g}' for snr, each in zip(snrs, above, strict=True) if each)} dB alone"
