"""DeepJSCC: a picture straight to channel symbols and back by convolutions, every patch with the same rate."""

from linksim.blocks import FixedRate
from linksim.flowgraphs.parts import DeepJSCCCodec, PictureSystem

deepjscc = PictureSystem(
    "deepjscc",
    """DeepJSCC's link: `DeepJSCCCodec()` and `FixedRate()` at CBR 0.0201.

    Every patch gets the highest of its rates, 15, 16, 32, 48 or 64 uses per patch, that the target allows. The weights
    are for 10 dB; the codec knows no SNR and uses no importance.
    Source: Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019; see `DeepJSCCEncoder`.
    """,
    codec=DeepJSCCCodec,
    rate=FixedRate,
    uses_importance=False,
)
