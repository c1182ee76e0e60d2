"""NTSCC: SA-OOSC's codec without importance, the rate of a patch by its entropy alone."""

from functools import partial

from linksim.blocks import RateAllocator
from linksim.flowgraphs.parts import Codec, PictureSystem

ntscc = PictureSystem(
    "ntscc",
    """NTSCC's link: `Codec("ntscc")` and `RateAllocator()` at CBR 0.0201.

    Neither the rate nor the codec uses importance; the labels go to the metrics alone.
    Source: Dai et al., IEEE JSAC 2022, in SA-OOSC's terms (its ref. 11): Q0 rounds to the nearest of V.
    """,
    codec=partial(Codec, "ntscc"),
    rate=RateAllocator,
    uses_importance=False,
)
