"""The table of what generators draw, on the page of `linksim bench vlm_csc`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from linksim.benches.tables import markdown, proportion, share
from linksim.benches.vlm_csc.colours import PLACES, colour_names, named
from linksim.benches.vlm_csc.points import TEST
from linksim.benches.vlm_csc.wishes import GENERATORS, LOOKED_UP
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures

if TYPE_CHECKING:
    import pandas as pd


def wishes_table(table: "pd.DataFrame", folder: str) -> str:
    """What share of the pictures shows the class and the colours of their captions, beside the pictures themselves."""
    known = [place for place in PLACES if len(colour_names(folder, place)) > 1]
    metrics = ["right", *known]
    rows = [[each, *(share(proportion(table, metric, generator=each)) for metric in metrics)] for each in GENERATORS]
    sender = [share(proportion(table, f"{metric}_at_sender", generator=LOOKED_UP)) for metric in metrics]
    labels = [picture.label for picture in read_captioned_pictures(str(Path(folder) / TEST))]
    common = [_commonest(names) for names in (labels, *(named(folder, TEST, place) for place in known))]
    title = (
        "What a generator draws from the caption of a test picture, without captioner and channel: the share of its "
        "pictures\nin which the judge finds the class, and the colours that the caption was made from. Nine in ten of "
        "these captions\noccur in the training too:"
    )
    head = ["", "class", *(f"colour of the {place}" for place in known)]
    rows += [["the test pictures", *sender], ["always the commonest name", *common]]
    return f"{title}\n\n{markdown(head, rows)}"


def _commonest(names: Sequence[str]) -> str:
    return f"{Counter(names).most_common(1)[0][1] / len(names):.3f}"
