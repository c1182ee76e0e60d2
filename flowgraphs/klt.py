"""A picture over a noisy link with a codec in closed form: KLT, a rate per patch, linear joint coding."""

from collections.abc import Sequence

from linksim import Block, Flowgraph
from linksim.blocks import LinearJSCCDistortion, RateAllocator
from linksim.flowgraphs.parts import Header, KLTCodec, PictureCodec, picture_link


def klt(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """The KLT link: `KLTCodec()`, `RateAllocator()` at CBR 0.0201, `RobustHeader()`, AWGN.

    With `rate=RateAllocator(target_psnr=...)` the rate gets the codec's prediction of its error. For everything else,
    inputs and outputs see `picture_link`.
    """
    fg = picture_link(
        "klt", codec or KLTCodec(), rate or RateAllocator(), header=header, channel=channel, metrics=metrics
    )
    if fg.transmitter.rate.settings.get("target_psnr") is not None:
        _predict_error(fg.transmitter)
    return fg


def _predict_error(transmitter: Flowgraph) -> None:
    exponent = transmitter.jscc_encoder.settings["importance_exponent"]
    transmitter.distortion = LinearJSCCDistortion(importance_exponent=exponent)
    transmitter.connect(transmitter["importance"], transmitter.distortion["importance"])
    transmitter.connect(transmitter.vectorizer["latent"], transmitter.distortion, transmitter.rate["distortion"])
