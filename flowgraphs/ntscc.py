"""NTSCC: SA-OOSC's codec without importance, the rate of a patch by its entropy alone."""

from collections.abc import Sequence

from linksim import Block, Flowgraph
from linksim.blocks import RateAllocator
from linksim.flowgraphs.parts import Codec, Header, PictureCodec, picture_link


def ntscc(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """NTSCC's link: `Codec("ntscc")`, `RateAllocator()` at CBR 0.0201, `RobustHeader()`, AWGN.

    Neither the rate nor the codec uses importance; the labels go to the metrics alone. For everything else, inputs and
    outputs see `picture_link`.
    Source: Dai et al., IEEE JSAC 2022, in SA-OOSC's terms (its ref. 11): Q0 rounds to the nearest of V.
    """
    return picture_link(
        "ntscc",
        codec or Codec("ntscc"),
        rate or RateAllocator(),
        header=header,
        channel=channel,
        uses_importance=False,
        metrics=metrics,
    )
