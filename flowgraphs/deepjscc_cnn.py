"""DeepJSCC as it was published: five convolutions each way."""

from functools import partial

from linksim.blocks import FixedRate
from linksim.flowgraphs.parts import DeepJSCCCNNCodec, PictureSystem
from linksim.flowgraphs.uidsc import CBR

deepjscc_cnn = PictureSystem(
    "deepjscc_cnn",
    """DeepJSCC's link with the networks of its paper: `DeepJSCCCNNCodec()` at its one rate, CBR 1/12.

    The weights were trained on masked pictures, as the rival that UIDSC compares with; `deepjscc` has a larger network,
    trained on whole pictures. The codec knows neither SNR nor importance.
    Source: Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019; see `DeepJSCCCNNEncoder`.
    """,
    codec=DeepJSCCCNNCodec,
    rate=partial(FixedRate, target_cbr=CBR),
    uses_importance=False,
)
