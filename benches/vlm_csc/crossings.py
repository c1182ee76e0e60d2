"""Where picture codecs pass what sends captions, and what each needs to be good enough."""

from typing import TYPE_CHECKING

from linksim.benches.tables import crossing_snr, look_up
from linksim.benches.vlm_csc.points import (
    DESCRIBING,
    PICTURE_LINKS,
    RETRIEVAL,
    SAME_USES,
    SNRS_DB,
    USES,
    USES_SNR_DB,
)
from linksim.benches.vlm_csc.quality import coded_uses, quality

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
        fits = [uses for uses in USES if quality(coded, system=system, uses=uses)[0] >= ENOUGH]
        most = f"{coded_uses(coded, system, fits[0] if fits else USES[-1]):,.0f} uses"
        lines.append(f"- {system}: " + (f"{most}, of those tried" if fits else f"not with {most}, the most tried"))
    return f"Channel uses for an SSQ of {ENOUGH:g} at {USES_SNR_DB:g} dB:\n\n" + "\n".join(lines) + "\n"


def crossings(described: "pd.DataFrame", coded: "pd.DataFrame", same: "pd.DataFrame") -> str:
    """Where each picture codec passes VLM-CSC with stored pictures: by uses at 10 dB, and by SNR at equal uses."""
    ours = [quality(described, system=RETRIEVAL, snr_db=snr_db)[0] for snr_db in SNRS_DB]
    lines: list[str] = []
    for system in PICTURE_LINKS:
        ahead = [uses for uses in USES if quality(coded, system=system, uses=uses)[0] > ours[-1]]
        by_uses = f"ahead with {coded_uses(coded, system, ahead[0]):,.0f} uses" if ahead else "behind with all of them"
        theirs = [quality(same, system=system, snr_db=snr_db)[0] for snr_db in SNRS_DB]
        met = crossing_snr(SNRS_DB, [one - other for one, other in zip(theirs, ours, strict=True)])
        by_snr = "behind at all SNRs" if met is None else f"ahead from {met:.1f} dB"
        lines.append(f"- {system}: {by_uses} at {USES_SNR_DB:g} dB; with {SAME_USES:,} uses {by_snr}")
    title = (
        "Where the mean SSQ of a picture codec passes that of VLM-CSC with stored pictures, among the numbers of uses "
        "tried,\nand between the SNRs by straight lines:"
    )
    return f"{title}\n\n" + "\n".join(lines) + "\n"
