"""What all links that carry pictures share: frame and header, the way back to a picture, and the metrics."""

from typing import Literal

from linksim import Block, Boxes, Decibels, Flowgraph, Image, Importance
from linksim.blocks import (
    AWGN,
    PSNR,
    SAD,
    CBRLedger,
    Delivered,
    Deserializer,
    Detokenizer,
    ErasureConcealment,
    FrameBuilder,
    FrameSplitter,
    HeaderDecoder,
    HeaderEncoder,
    HeaderErrors,
    IdealHeader,
    MixedFading,
    MMSEEqualizer,
    PatchImportance,
    PatchPSNR,
    PowerNormalizer,
    Serializer,
    Tokenizer,
)
from linksim.blocks.rate import RateSet
from linksim.port import PortRef

PAPER_CBR = 0.0201
"""SA-OOSC's channel bandwidth ratio (its section 4)."""

PICTURE_INPUTS = {"image": Image, "boxes": Boxes, "known_importance": Importance, "snr_db": Decibels}
"""What every link that carries pictures takes; boxes and importance are optional."""

Header = Literal["robust", "ideal"]


def connect_link(
    fg: Flowgraph,
    *,
    rate_set: RateSet,
    channel: Block | None,
    header: Header,
    header_code_rate: float,
    token: int = 4,
) -> Block:
    """Complete a flowgraph that has a rate, a jscc_encoder and a jscc_decoder; `connect_vectorizer` comes after.

    Its inputs must be `PICTURE_INPUTS`, or more. It gets a `tokenizer`, whose tokens have an edge of `token` pixels, a
    `detokenizer`, and `importance`, which the metrics heed; what the rate heeds its caller says. Returns the block that
    gives the receiver what the header carried, of which lengths and power are connected to the jscc_decoder already.
    """
    fg.tokenizer, fg.detokenizer = Tokenizer(token=token), Detokenizer()
    fg.normalizer, fg.serializer, fg.frame = PowerNormalizer(), Serializer(), FrameBuilder()
    fg.channel = channel or AWGN()
    _connect_transmitter(fg)
    if header == "ideal":
        fg.header = received = IdealHeader(code_rate=header_code_rate, rate_set=rate_set)
    else:
        fg.header = HeaderEncoder(code_rate=header_code_rate, rate_set=rate_set)
        fg.header_decoder = received = HeaderDecoder(code_rate=header_code_rate, rate_set=rate_set)
        fg.connect(fg.channel, received)
    fg.connect(fg.tokenizer["size"], fg.header["size"])
    fg.connect(fg.rate["lengths"], fg.header["lengths"])
    fg.connect(fg.normalizer["power"], fg.header["power"])
    fg.connect(fg.header, fg.frame["header"])
    _connect_receiver(fg, received)
    connect_quality(fg, received["erased"])
    connect_bill(fg, fg.serializer, fg.header)
    _connect_header_errors(fg, received)
    return received


def connect_vectorizer(fg: Flowgraph) -> None:
    """Put a vectorizer before the joint coder, a devectorizer behind it, and the rate upon its entropy."""
    fg.connect(fg.tokenizer, fg.vectorizer, fg.jscc_encoder)
    fg.connect(fg.vectorizer["entropy"], fg.rate)
    fg.connect(fg.jscc_decoder, fg.devectorizer, fg.detokenizer)


def _connect_transmitter(fg: Flowgraph) -> None:
    connect_importance(fg)
    fg.connect(fg["image"], fg.tokenizer)
    fg.connect(fg.jscc_encoder, fg.normalizer, fg.serializer)
    fg.connect(fg.tokenizer["size"], fg.rate["size"])
    for block in (fg.jscc_encoder, fg.normalizer, fg.serializer):
        fg.connect(fg.rate, block["lengths"])
    fg.connect(fg.serializer, fg.frame["payload"])
    fg.connect(fg.frame, fg.channel)
    fg.connect(fg["snr_db"], fg.channel["snr_db"])


def _connect_receiver(fg: Flowgraph, header: Block) -> None:
    fg.splitter, fg.equalizer, fg.deserializer = FrameSplitter(), MMSEEqualizer(), Deserializer()
    fg.concealment = ErasureConcealment()
    fg.connect(fg.channel, fg.splitter, fg.equalizer, fg.deserializer, fg.jscc_decoder)
    fg.connect(fg.detokenizer, fg.concealment, fg["image"])
    fg.connect(fg.deserializer["gain"], fg.jscc_decoder["gain"])
    fg.connect(fg.deserializer["noise_variance"], fg.jscc_decoder["noise_variance"])
    fg.connect(header["uses"], fg.splitter["header_uses"])
    fg.connect(header.outputs["lengths"], fg.deserializer["lengths"])
    fg.connect(header.outputs["size"], fg.detokenizer["size"])
    for port in ("lengths", "power"):
        fg.connect(header.outputs[port], fg.jscc_decoder[port])
    fg.connect(header["erased"], fg.concealment["erased"])
    fg.connect(fg["image"], fg.concealment["original"])


def connect_training_channel(fg: Flowgraph, lengths: PortRef, fading_share: float) -> None:
    """What lies between a jscc_encoder and a jscc_decoder in training: unit power and a random channel, no header."""
    fg.normalizer, fg.serializer, fg.channel = PowerNormalizer(), Serializer(), MixedFading(fading_share=fading_share)
    fg.equalizer, fg.deserializer = MMSEEqualizer(), Deserializer()
    fg.connect(fg.jscc_encoder, fg.normalizer, fg.serializer, fg.channel)
    fg.connect(fg.channel, fg.equalizer, fg.deserializer, fg.jscc_decoder)
    for block in (fg.jscc_encoder, fg.normalizer, fg.serializer, fg.deserializer, fg.jscc_decoder):
        fg.connect(lengths, block["lengths"])
    for block in (fg.jscc_encoder, fg.channel):
        if "snr_db" in block.input_ports:
            fg.connect(fg["snr_db"], block["snr_db"])
    fg.connect(fg.normalizer["power"], fg.jscc_decoder["power"])
    for port in ("gain", "noise_variance"):
        fg.connect(fg.deserializer[port], fg.jscc_decoder[port])


def connect_importance(fg: Flowgraph) -> None:
    """The `importance` per patch of a link from its inputs: of labelled boxes, of labels per patch, or of both."""
    fg.importance = PatchImportance()
    fg.connect(fg["image"], fg.importance["image"])
    fg.connect(fg["boxes"], fg.importance["boxes"])
    fg.connect(fg["known_importance"], fg.importance["known"])


def connect_quality(fg: Flowgraph, erased: PortRef) -> None:
    """Metrics of the picture that a `concealment` gives, with an `importance` per patch; `erased` says what is lost."""
    fg.psnr, fg.patch_psnr, fg.sad, fg.delivered = PSNR(), PatchPSNR(), SAD(), Delivered()
    for metric in (fg.psnr, fg.patch_psnr, fg.sad):
        fg.connect(fg.concealment, metric["image"])
        fg.connect(fg["image"], metric["original"])
    fg.connect(fg.importance, fg.patch_psnr["importance"])
    fg.connect(fg.importance, fg.sad["importance"])
    fg.connect(fg.psnr, fg["psnr"])
    fg.connect(fg.psnr, fg.delivered)
    fg.connect(erased, fg.delivered["erased"])
    fg.connect(fg.delivered, fg["psnr_delivered"])
    fg.connect(fg.sad, fg["sad"])
    fg.connect(erased, fg["erased"])


def connect_bill(fg: Flowgraph, payload: Block, header: Block) -> None:
    """The ledger of a link with a `channel`, of these two blocks' symbols."""
    fg.bill = CBRLedger()
    fg.connect(fg["image"], fg.bill["original"])
    fg.connect(payload, fg.bill["payload"])
    fg.connect(header, fg.bill["header"])
    fg.connect(fg.channel, fg.bill["received"])
    for port in ("ledger", "cbr", "cbr_total"):
        fg.connect(fg.bill[port], fg[port])


def _connect_header_errors(fg: Flowgraph, header: Block) -> None:
    fg.header_errors = HeaderErrors()
    fg.connect(header["erased"], fg.header_errors["erased"])
    fg.connect(header.outputs["lengths"], fg.header_errors["lengths"])
    fg.connect(fg.rate, fg.header_errors["sent"])
    fg.connect(fg.rate["met"], fg["met"])
