"""The link that a codec is trained in: a random rate, a random channel, no header, and the distortion."""

from collections.abc import Mapping, Sequence

from linksim import Decibels, Flowgraph, Image, Importance
from linksim.blocks import NoHeader, RandomFading, WeightedDistortion
from linksim.blocks.rate import RateBlock
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.flowgraphs.parts.offers import Offers
from linksim.flowgraphs.parts.quality import add_ledger
from linksim.flowgraphs.parts.receiver import receiver
from linksim.flowgraphs.parts.transmitter import known_fields, transmitter
from linksim.types import Power

TRAINING_INPUTS: dict[str, object] = {
    "image": Image,
    "importance": Importance,
    "mean_weight": Power,
    "snr_db": Decibels,
}


def training_link(
    name: str,
    codec: PictureCodec,
    rate: RateBlock,
    *,
    fading_share: float,
    importance_exponent: float = 0.0,
    psnr_weighting: float = 1.0,
    taps: Sequence[str] = (),
    inputs: Mapping[str, object] | None = None,
) -> Flowgraph:
    """The codec's own transmitter and receiver, and `WeightedDistortion` of the picture.

    Inputs: image (height and width multiples of 16), importance, mean_weight (see `WeightedDistortion`), snr_db, and
    what `inputs` names beyond them.
    Outputs: image, distortion, lengths, ledger, cbr, cbr_total, and values of the transmitter that `taps` names.
    """
    types = {**TRAINING_INPUTS, **(inputs or {})}
    fg = Flowgraph(name, inputs=types)
    offers = Offers(fg, types)
    header = NoHeader()
    fg.transmitter = transmitter(codec, rate.fitted(rate_set=codec.rate_set), header, types, taps)
    offers.feed(fg.transmitter)
    fg.channel = RandomFading(fading_share=fading_share)
    offers.feed(fg.channel, out="received")
    fg.receiver = receiver(codec, None, known_fields(codec, header))
    offers.feed(fg.receiver)
    fg.distortion = WeightedDistortion(exponent=importance_exponent, psnr_weighting=psnr_weighting)
    offers.add({"original": fg["image"]})
    offers.feed(fg.distortion, out="distortion")
    add_ledger(fg, fg.transmitter)
    for output in ("image", "distortion", "lengths", *taps):
        fg.connect(offers[output], fg[output])
    return fg
