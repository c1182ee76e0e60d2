"""The page of `linksim bench vlm_csc`."""

from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.tables import look_up, markdown
from linksim.benches.vlm_csc.judge import class_names
from linksim.benches.vlm_csc.points import (
    CODED_PICTURES,
    DESCRIBING,
    PICTURE_LINKS,
    PICTURES,
    RETRIEVAL,
    SNRS_DB,
    TEST,
    USES,
    USES_SNR_DB,
    picture_edge,
)
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures

if TYPE_CHECKING:
    import pandas as pd

HEAD = f"""# What a picture says, instead of the picture

Made by `linksim bench vlm_csc` from the shipped weights: {PICTURES} test pictures at each point, {CODED_PICTURES} for
picture codecs, AWGN, 95 % intervals over pictures. A judge says which class a picture shows. **SSQ** is the share of
received pictures in which it finds the true class, over the share at the sender. The interval is that of the first
share.

The judge is EfficientNet-Lite1 with a linear classifier. The captioner stands on another network, EfficientNet-Lite0;
both were trained on ImageNet before. The classifier was fitted to each third training picture. Captioner, picture
flow and the receiver's stored pictures have the other two thirds, and none of them has a test picture. The receiver
stores the pictures of all sets.

The captions are made from templates: the label, one of three phrasings, and names of measured colours. The class
stands in each of them, so what limits SSQ is how often the captioner finds it. The SSQ of a guess stands beside each
set. A lost caption is a mid-grey picture. No picture codec here can send a picture in as few uses as a caption: its
header alone takes more.

"""
ENOUGH = 0.85


def page(described: "pd.DataFrame", coded: "pd.DataFrame") -> str:
    """All of it but the figures."""
    return HEAD + "\n".join(_set(described, coded, name) for name in sorted(set(described["name"])))


def quality(table: "pd.DataFrame", **place: object) -> tuple[float, float, float]:
    """SSQ and its interval."""
    right, sender = (look_up(table, name, **place) for name in ("right", "right_at_sender"))
    return tuple(value / sender.mean for value in (right.mean, right.low, right.high))  # pyright: ignore


def _set(described: "pd.DataFrame", coded: "pd.DataFrame", name: str) -> str:
    here, beside = described.loc[described["name"] == name], coded.loc[coded["name"] == name]
    sender = look_up(here, "right_at_sender", system=RETRIEVAL, snr_db=SNRS_DB[-1]).mean
    rows = [[system, *(_cell(quality(here, system=system, snr_db=snr)) for snr in SNRS_DB)] for system in DESCRIBING]
    spent = [[system, *(f"{look_up(here, 'uses_total', system=system, snr_db=snr).mean:.0f}" for snr in SNRS_DB)]
             for system in DESCRIBING]  # fmt: skip
    words = [[system, *(f"{look_up(here, 'bleu_1', system=system, snr_db=snr).mean:.3f}" for snr in SNRS_DB)]
             for system in DESCRIBING]  # fmt: skip
    head = ["", *(f"{snr:g} dB" for snr in SNRS_DB)]
    wide = [[system, *(_cell(quality(beside, system=system, uses=uses)) for uses in USES)] for system in PICTURE_LINKS]
    lost = [[system, *(f"{look_up(beside, 'erased', system=system, uses=uses).mean:.2f}" for uses in USES)]
            for system in PICTURE_LINKS]  # fmt: skip
    sizes = [[system, *(f"{coded_uses(beside, system, uses):.0f}" for uses in USES)] for system in PICTURE_LINKS]
    uses_head = ["", *(f"{uses:,} uses" for uses in USES)]
    classes = len(class_names(read_captioned_pictures(str(Path(here["folder"].iloc[0]) / name / TEST))))
    return (
        f"## {name}\n\nThe judge finds the class of {sender:.1%} of the pictures at the sender, which show {classes} "
        f"classes. A guess has an SSQ of {1 / classes / sender:.3f}.\n\n"
        f"SSQ against the SNR:\n\n{markdown(head, rows)}\n"
        f"Channel uses of a picture, the header included:\n\n{markdown(head, spent)}\n"
        f"BLEU-1 of the received caption to the sent one:\n\n{markdown(head, words)}\n"
        f"SSQ of picture codecs at {USES_SNR_DB:g} dB, by all channel uses that they are asked to"
        f" spend at most:\n\n{markdown(uses_head, wide)}\nChannel uses that they spend: a header, or the smallest rate,"
        f" can be more than is asked for.\n\n{markdown(uses_head, sizes)}\n"
        f"Share of their pictures lost, most because they do not fit:\n\n"
        f"{markdown(uses_head, lost)}\n{_enough(here, beside)}"
    )


def coded_uses(table: "pd.DataFrame", system: str, uses: int) -> float:
    """Channel uses that a picture codec spends on a picture of one set, where it is asked for at most `uses`."""
    edge = picture_edge(str(table["folder"].iloc[0]), str(table["name"].iloc[0]))
    return look_up(table, "cbr_total", system=system, uses=uses).mean * 3 * edge**2


def _cell(found: tuple[float, float, float]) -> str:
    mean, low, high = found
    return f"{mean:.3f} ({max(low, 0.0):.3f} to {high:.3f})"


def _enough(here: "pd.DataFrame", beside: "pd.DataFrame") -> str:
    """The smallest numbers of uses at which each system reaches an SSQ of 0.85."""
    lines: list[str] = []
    for system in DESCRIBING:
        place = {"system": system, "snr_db": USES_SNR_DB}
        spent, found = look_up(here, "uses_total", **place).mean, quality(here, **place)[0]
        reached = "" if found >= ENOUGH else "not with "
        lines.append(f"- {system}: {reached}{spent:.0f} uses, SSQ {found:.3f}")
    for system in PICTURE_LINKS:
        fits = [uses for uses in USES if quality(beside, system=system, uses=uses)[0] >= ENOUGH]
        most = f"{coded_uses(beside, system, fits[0] if fits else USES[-1]):,.0f} uses"
        lines.append(f"- {system}: " + (f"{most}, of those tried" if fits else f"not with {most}, the most tried"))
    return f"Channel uses for an SSQ of {ENOUGH:g} at {USES_SNR_DB:g} dB:\n\n" + "\n".join(lines) + "\n"
