"""What DeepJSCC and SwinJSCC share: a joint coder from tokens to symbols, and one rate for all patches of a picture."""

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import (
    Detokenizer,
    FixedRate,
    Tokenizer,
    WeightedDistortion,
)
from linksim.blocks.rate import RateSet
from linksim.flowgraphs.picture_link import PAPER_CBR, PICTURE_INPUTS, Header, connect_link, connect_training_channel
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
    fg.distortion = WeightedDistortion(exponent=0.0, evenness=evenness)
    connect_training_channel(fg, fg["lengths"], fading_share)
    fg.connect(fg["image"], fg.tokenizer, fg.jscc_encoder)
    fg.connect(fg.jscc_decoder, fg.detokenizer, fg.distortion)
    fg.connect(fg.tokenizer["size"], fg.detokenizer["size"])
    fg.connect(fg["image"], fg.distortion["original"])
    fg.connect(fg.detokenizer, fg["image"])
    fg.connect(fg.distortion, fg["distortion"])
    return fg
