"""The page of `linksim bench vlm_csc`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.tables import Found, look_up, markdown, share
from linksim.benches.vlm_csc.crossings import crossings, enough
from linksim.benches.vlm_csc.judge import class_names
from linksim.benches.vlm_csc.points import (
    CODED_PICTURES,
    DESCRIBING,
    PICTURE_LINKS,
    PICTURES,
    RETRIEVAL,
    SAME_USES,
    SNRS_DB,
    TEST,
    USES,
    USES_SNR_DB,
)
from linksim.benches.vlm_csc.quality import coded_uses, quality
from linksim.benches.vlm_csc.wishes_table import wishes_table
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures

if TYPE_CHECKING:
    import pandas as pd

HEAD = f"""# What a picture says, instead of the picture

Made by `linksim bench vlm_csc` from the shipped weights: {PICTURES} test pictures at each point, {CODED_PICTURES} for
picture codecs, AWGN, 95 % intervals over pictures. A judge says which class a picture shows. **SSQ** is the share of
received pictures in which it finds the true class, over the share at the sender. The interval is the exact one of the
first share (Clopper and Pearson).

The judge is EfficientNet-Lite1 with a linear classifier. The captioner stands on another network, EfficientNet-Lite0;
both were trained on ImageNet before. The classifier was fitted to each third training picture. Captioner, picture
flow and the receiver's stored pictures have the other two thirds, and none of them has a test picture. The receiver
stores the pictures of all sets.

The captions are made from templates: the label, one of three phrasings, and names of measured colours. The class
stands in each of them, so what limits SSQ is how often the captioner finds it. The SSQ of a guess stands beside each
set. A lost caption is a mid-grey picture. No picture codec here can send a picture in as few uses as a caption: its
header alone takes more. With "equal uses" the digital link spends 2 channel uses per word on its payload, as VLM-CSC
does; without, it takes as few as the SNR allows. "By numbers" is `numbered_text`: both ends know the 2,047 likeliest
captions, and the number of one is sent; any other caption is lost.

"""


def page(tables: Mapping[str, "pd.DataFrame"]) -> str:
    """All of it but the figures."""
    names = sorted(set(tables["described"]["name"]))
    return HEAD + "\n".join(
        _set({part: _of_set(table, name) for part, table in tables.items()}, name) for name in names
    )


def _of_set(table: "pd.DataFrame", name: str) -> "pd.DataFrame":
    return table.loc[table["name"] == name]


def _set(tables: Mapping[str, "pd.DataFrame"], name: str) -> str:
    described, coded, same = tables["described"], tables["coded"], tables["coded_snr"]
    folder = str(Path(described["folder"].iloc[0]) / name)
    sender = look_up(described, "right_at_sender", system=RETRIEVAL, snr_db=SNRS_DB[-1]).mean
    classes = len(class_names(read_captioned_pictures(str(Path(folder) / TEST))))
    return (
        f"## {name}\n\nThe judge finds the class of {sender:.1%} of the pictures at the sender, which show {classes} "
        f"classes. A guess has an SSQ of {1 / classes / sender:.3f}.\n\n"
        f"{_captions(described)}\n{_pictures(coded)}\n{_pictures_by_snr(same)}\n"
        f"{enough(described, coded)}\n{crossings(described, coded, same)}\n{wishes_table(tables['wished'], folder)}"
    )


def _captions(table: "pd.DataFrame") -> str:
    def of(metric: str, shown: Callable[[Found], str]) -> list[list[str]]:
        return [[system, *(shown(look_up(table, metric, system=system, snr_db=snr)) for snr in SNRS_DB)]
                for system in DESCRIBING]  # fmt: skip

    head = ["", *(f"{snr:g} dB" for snr in SNRS_DB)]
    rows = [[system, *(_cell(quality(table, system=system, snr_db=snr)) for snr in SNRS_DB)] for system in DESCRIBING]
    uses = of("uses_total", lambda found: f"{found.mean:.0f}")
    return (
        f"SSQ against the SNR:\n\n{markdown(head, rows)}\n"
        f"Channel uses of a picture, the header included:\n\n{markdown(head, uses)}\n"
        f"BLEU-1 of the received caption to the sent one:\n\n{markdown(head, of('bleu_1', share))}"
    )


def _pictures(table: "pd.DataFrame") -> str:
    wide = [[system, *(_cell(quality(table, system=system, uses=uses)) for uses in USES)] for system in PICTURE_LINKS]
    lost = [[system, *(f"{look_up(table, 'erased', system=system, uses=uses).mean:.2f}" for uses in USES)]
            for system in PICTURE_LINKS]  # fmt: skip
    sizes = [[system, *(f"{coded_uses(table, system, uses):.0f}" for uses in USES)] for system in PICTURE_LINKS]
    head = ["", *(f"{uses:,} uses" for uses in USES)]
    return (
        f"SSQ of picture codecs at {USES_SNR_DB:g} dB, by all channel uses that they are asked to spend at most:\n\n"
        f"{markdown(head, wide)}\nChannel uses that they spend: a header, or the smallest rate, can be more than is "
        f"asked for.\nWhere a codec is at its highest rate, more uses change nothing but the noise.\n\n"
        f"{markdown(head, sizes)}\n"
        f"Share of their pictures lost, most because they do not fit:\n\n{markdown(head, lost)}"
    )


def _pictures_by_snr(table: "pd.DataFrame") -> str:
    rows = [
        [system, *(_cell(quality(table, system=system, snr_db=snr)) for snr in SNRS_DB)] for system in PICTURE_LINKS
    ]
    head = ["", *(f"{snr:g} dB" for snr in SNRS_DB)]
    title = f"SSQ of picture codecs that are asked for at most {SAME_USES:,} uses, against the SNR:"
    return f"{title}\n\n{markdown(head, rows)}"


def _cell(found: tuple[float, float, float]) -> str:
    mean, low, high = found
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"
