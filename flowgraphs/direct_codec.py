"""What DeepJSCC and SwinJSCC share: a joint coder from tokens to symbols, and one rate for all patches of a picture."""

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import (
    Deserializer,
    Detokenizer,
    FixedRate,
    MixedFading,
    MMSEEqualizer,
    PowerNormalizer,
    Serializer,
    Tokenizer,
    WeightedDistortion,
)
from linksim.blocks.rate import RateSet
from linksim.flowgraphs.picture_link import PAPER_CBR, PICTURE_INPUTS, Header, connect_link
from linksim.types import Lengths


def direct_link(
    name: str,
    encoder: Block,
    decoder: Block,
    *,
    token: int,
    rate_set: RateSet,
    target_cbr: float | None,
    target_cbr_total: float | None,
    channel: Block | None,
    header: Header,
    header_code_rate: float,
) -> Flowgraph:
    """The link of a coder that takes tokens and lengths, with AWGN unless a channel is given."""
    if target_cbr is None and target_cbr_total is None:
        target_cbr = PAPER_CBR
    fg = Flowgraph(name, inputs=PICTURE_INPUTS)
    fg.rate = FixedRate(
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        rate_set=rate_set,
        header_code_rate=header_code_rate,
    )
    fg.jscc_encoder, fg.jscc_decoder = encoder, decoder
    connect_link(fg, rate_set=rate_set, channel=channel, header=header, header_code_rate=header_code_rate, token=token)
    fg.connect(fg.tokenizer, fg.jscc_encoder)
    fg.connect(fg.jscc_decoder, fg.detokenizer)
    if "snr_db" in encoder.input_ports:
        fg.connect(fg["snr_db"], fg.jscc_encoder["snr_db"])
    return fg


def direct_training(
    name: str, encoder: Block, decoder: Block, *, token: int, fading_share: float, evenness: float
) -> Flowgraph:
    """The coder and a random channel, without header: what `linksim train` runs.

    Inputs: image (height and width multiples of 16), lengths, snr_db. Outputs: image, distortion.
    """
    fg = Flowgraph(name, inputs={"image": Image, "lengths": Lengths, "snr_db": Decibels})
    fg.jscc_encoder, fg.jscc_decoder = encoder, decoder
    fg.tokenizer, fg.detokenizer = Tokenizer(token=token), Detokenizer()
    fg.normalizer, fg.serializer, fg.channel = PowerNormalizer(), Serializer(), MixedFading(fading_share=fading_share)
    fg.equalizer, fg.deserializer = MMSEEqualizer(), Deserializer()
    fg.distortion = WeightedDistortion(exponent=0.0, evenness=evenness)
    fg.connect(fg["image"], fg.tokenizer, fg.jscc_encoder, fg.normalizer, fg.serializer, fg.channel)
    fg.connect(fg.channel, fg.equalizer, fg.deserializer, fg.jscc_decoder, fg.detokenizer, fg.distortion)
    for block in (fg.jscc_encoder, fg.normalizer, fg.serializer, fg.deserializer, fg.jscc_decoder):
        fg.connect(fg["lengths"], block["lengths"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    if "snr_db" in encoder.input_ports:
        fg.connect(fg["snr_db"], fg.jscc_encoder["snr_db"])
    fg.connect(fg.normalizer["power"], fg.jscc_decoder["power"])
    for port in ("gain", "noise_variance"):
        fg.connect(fg.deserializer[port], fg.jscc_decoder[port])
    fg.connect(fg.tokenizer["size"], fg.detokenizer["size"])
    fg.connect(fg["image"], fg.distortion["original"])
    fg.connect(fg.detokenizer, fg["image"])
    fg.connect(fg.distortion, fg["distortion"])
    return fg
