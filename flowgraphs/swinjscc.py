"""SwinJSCC: a picture straight to channel symbols and back, one model for all SNRs and rates."""

from collections.abc import Sequence

from linksim import Block, Flowgraph
from linksim.blocks import FixedRate
from linksim.flowgraphs.parts import Header, PictureCodec, SwinJSCCCodec, picture_link


def swinjscc(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """SwinJSCC's link: `SwinJSCCCodec()`, `FixedRate()` at CBR 0.0201, `RobustHeader()`, AWGN.

    Every patch gets the highest rate, 1 to 64 uses per patch, that the target allows. The transmitter's codec knows
    the SNR; it uses no importance. For everything else, inputs and outputs see `picture_link`.
    Source: Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025; see `SwinJSCCEncoder`.
    """
    return picture_link(
        "swinjscc",
        codec or SwinJSCCCodec(),
        rate or FixedRate(),
        header=header,
        channel=channel,
        uses_importance=False,
        metrics=metrics,
    )
