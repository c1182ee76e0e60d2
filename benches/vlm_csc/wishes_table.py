"""The table of what generators draw, on the page of `linksim bench vlm_csc`."""

from typing import TYPE_CHECKING

from linksim.benches.tables import Found, look_up, markdown
from linksim.benches.vlm_csc.wishes import GENERATORS, LOOKED_UP, PLACES, colour_names

if TYPE_CHECKING:
    import pandas as pd


def wishes_table(table: "pd.DataFrame", folder: str) -> str:
    """What share of the pictures shows the class and the colours of their captions, beside the pictures themselves."""
    known = [place for place in PLACES if len(colour_names(folder, place)) > 1]
    metrics = ["right", *known]
    rows = [[each, *(_cell(look_up(table, metric, generator=each)) for metric in metrics)] for each in GENERATORS]
    sender = [_cell(look_up(table, f"{metric}_at_sender", generator=LOOKED_UP)) for metric in metrics]
    title = (
        "What a generator draws from the caption of a test picture, without captioner and channel: the share of its "
        "pictures\nin which the judge finds the class, and the colours that the caption was made from:"
    )
    head = ["", "class", *(f"colour of the {place}" for place in known)]
    return f"{title}\n\n" + markdown(head, [*rows, ["the test pictures", *sender]])


def _cell(found: Found) -> str:
    return f"{found.mean:.3f} ({max(found.low, 0.0):.3f} to {min(found.high, 1.0):.3f})"
