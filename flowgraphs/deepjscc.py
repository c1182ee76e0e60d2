"""DeepJSCC: a picture straight to channel symbols and back by convolutions, every patch with the same rate."""

from collections.abc import Sequence

from linksim import Block, Flowgraph
from linksim.blocks import FixedRate
from linksim.flowgraphs.parts import DeepJSCCCodec, Header, PictureCodec, picture_link


def deepjscc(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """DeepJSCC's link: `DeepJSCCCodec()`, `FixedRate()` at CBR 0.0201, `RobustHeader()`, AWGN.

    Every patch gets the highest of its rates, 15, 16, 32, 48 or 64 uses per patch, that the target allows. The weights
    are for 10 dB; the codec knows no SNR and uses no importance. For everything else, inputs and outputs see
    `picture_link`.
    Source: Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019; see `DeepJSCCEncoder`.
    """
    return picture_link(
        "deepjscc",
        codec or DeepJSCCCodec(),
        rate or FixedRate(),
        header=header,
        channel=channel,
        uses_importance=False,
        metrics=metrics,
    )
