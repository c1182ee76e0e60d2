"""Figures of `linksim bench vlm_csc` that the page and the drawings share."""

from typing import TYPE_CHECKING

from linksim.benches.tables import look_up, proportion
from linksim.benches.vlm_csc.points import USES, USES_SNR_DB, picture_edge

if TYPE_CHECKING:
    import pandas as pd


def quality(table: "pd.DataFrame", **place: object) -> tuple[float, float, float]:
    """SSQ and its interval."""
    right, sender = proportion(table, "right", **place), look_up(table, "right_at_sender", **place)
    return tuple(value / sender.mean for value in (right.mean, right.low, right.high))  # pyright: ignore


def by_uses(coded: "pd.DataFrame", system: str) -> list[tuple[float, float]]:
    """What a picture codec spends, and its SSQ. Where it is at its highest rate, or at its lowest, some of the budgets
    give the same link: their pictures are taken together."""
    found: dict[float, list[float]] = {}
    for uses in USES:
        found.setdefault(coded_uses(coded, system, uses), []).append(quality(coded, system=system, uses=uses)[0])
    return [(spent, sum(each) / len(each)) for spent, each in found.items()]


def coded_uses(table: "pd.DataFrame", system: str, uses: int, snr_db: float = USES_SNR_DB) -> float:
    """Channel uses that a picture codec spends on a picture of one set, where it is asked for at most `uses`."""
    edge = picture_edge(str(table["folder"].iloc[0]), str(table["name"].iloc[0]))
    return look_up(table, "cbr_total", system=system, uses=uses, snr_db=snr_db).mean * 3 * edge**2
