"""SwinJSCC: a picture straight to channel symbols and back, one model for all SNRs and rates."""

from linksim.blocks import FixedRate
from linksim.flowgraphs.parts import PictureSystem, SwinJSCCCodec

swinjscc = PictureSystem(
    "swinjscc",
    """SwinJSCC's link: `SwinJSCCCodec()` and `FixedRate()` at CBR 0.0201.

    Every patch gets the highest rate, 1 to 64 uses per patch, that the target allows. The transmitter's codec knows the
    SNR; it uses no importance.
    Source: Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025; see `SwinJSCCEncoder`.
    """,
    codec=SwinJSCCCodec,
    rate=FixedRate,
    uses_importance=False,
)
