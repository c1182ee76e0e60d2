"""A picture over a noisy link with a codec in closed form: KLT, a rate per patch, linear joint coding."""

from linksim import Flowgraph
from linksim.blocks import LinearJSCCDistortion, RateAllocator
from linksim.flowgraphs.parts import KLTCodec, PictureSystem


def predict_error(link: Flowgraph) -> None:
    """Give a rate that aims at a PSNR the codec's prediction of its error."""
    transmitter = link.transmitter
    if transmitter.rate.settings.get("target_psnr") is None:
        return
    exponent = transmitter.jscc_encoder.settings["importance_exponent"]
    transmitter.distortion = LinearJSCCDistortion(importance_exponent=exponent)
    transmitter.connect(transmitter["importance"], transmitter.distortion["importance"])
    transmitter.connect(transmitter.vectorizer["latent"], transmitter.distortion, transmitter.rate["distortion"])


klt = PictureSystem(
    "klt",
    """The KLT link: `KLTCodec()` and `RateAllocator()` at CBR 0.0201, or with `RateAllocator(target_psnr=...)`.""",
    codec=KLTCodec,
    rate=RateAllocator,
    finish=predict_error,
)
