"""SA-OOSC: a picture over a noisy link with a learned codec, a rate per patch by entropy and importance."""

from collections.abc import Sequence

from linksim import Block, Flowgraph
from linksim.blocks import LagrangianRateAllocator
from linksim.flowgraphs.parts import Codec, Header, PictureCodec, picture_link


def sa_oosc(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """SA-OOSC's link: `Codec("small")`, `LagrangianRateAllocator()` at CBR 0.0201, `RobustHeader()`, AWGN.

    The paper's own rate is `rate=RateAllocator(alpha=16.0)` with `codec=Codec(importance_gain_db=0.0)`; on street
    scenes it gives important patches less quality than the default does. For everything else, inputs and outputs see
    `picture_link`.
    """
    return picture_link(
        "sa_oosc",
        codec or Codec("small"),
        rate or LagrangianRateAllocator(),
        header=header,
        channel=channel,
        metrics=metrics,
    )
