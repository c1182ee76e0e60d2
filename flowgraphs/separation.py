"""The digital link: a picture codec, a channel code and a modulation, each on its own."""

from collections.abc import Sequence
from functools import partial

from linksim import Bits, Block, Flowgraph, Importance, Received, Score, Uses
from linksim.blocks import (
    AWGN,
    CapacityAchievingTransport,
    ControlDecoder,
    ControlEncoder,
    FrameBuilder,
    FrameSplitter,
    LinkAdaptation,
    PictureDecoder,
    PictureEncoder,
    PictureEnhancer,
    TransportDecoder,
    TransportEncoder,
)
from linksim.blocks.picture_codecs.codecs import CODECS
from linksim.blocks.rate import PAPER_CBR
from linksim.flowgraphs.parts.offers import Offers, needed_inputs
from linksim.flowgraphs.parts.picture_link import PICTURE_INPUTS
from linksim.flowgraphs.parts.quality import add_labels, add_ledger, add_quality

INPUTS = {**PICTURE_INPUTS, "reserved": Score}


def separation(
    *,
    codec: str = "avif",
    target_cbr_total: float = PAPER_CBR,
    design_snr_db: float | None = None,
    margin_db: float = 0.0,
    ideal: bool = False,
    region_gain: float = 1.0,
    enhancer: str | None = None,
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """A picture by a picture codec, CRC, 5G LDPC and QAM, in as many channel uses as the ratio allows.

    The scheme follows each frame's mean SNR, or `design_snr_db`; see `LinkAdaptation`. With `ideal` bits go at the
    capacity of that SNR, and arrive where the channel carries them. `region_gain` serves importance, see
    `PictureEncoder`. `enhancer`: weights of a `PictureEnhancer` at the receiver, as "enhancer"; none by default, so
    that the codec stands as it is. A frame whose code blocks fail is lost, or shows the prefix that its codec can
    decode.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional), snr_db [batch]; reserved (optional),
    see `LinkAdaptation`.
    Outputs: image, erased, target_met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total.
    Raises what its blocks raise: `ParameterError`, and `LinksimError` where a codec's library is not there.
    """
    fg = Flowgraph("separation", inputs=INPUTS)
    offers = Offers(fg, INPUTS)
    offers.add({"importance": add_labels(fg)})
    adaptation = LinkAdaptation(
        target_cbr_total=target_cbr_total, margin_db=margin_db, design_snr_db=design_snr_db, ideal=ideal
    )
    fg.transmitter = _transmitter(adaptation, PictureEncoder(codec=codec, region_gain=region_gain), ideal)
    offers.feed(fg.transmitter)
    fg.channel = channel or AWGN()
    offers.feed(fg.channel, out="received")
    after = None if enhancer is None else PictureEnhancer(weights=enhancer)
    fg.receiver = _receiver(PictureDecoder(codec=codec), after, ideal)
    offers.feed(fg.receiver)
    add_quality(fg, fg.receiver["image"], fg.receiver["lost"], metrics)
    add_ledger(fg, fg.transmitter)
    fg.connect(fg.transmitter["target_met"], fg["target_met"])
    return fg


def _transmitter(adaptation: Block, encoder: Block, ideal: bool) -> Flowgraph:
    """Inputs: those of the link, importance. Outputs: symbols, payload, header, target_met, and of an ideal link what
    passes by the channel: known_bits, known_budget."""
    fg = Flowgraph("transmitter", inputs=needed_inputs([adaptation, encoder], {**INPUTS, "importance": Importance}))
    offers = Offers(fg, fg.input_ports)
    fg.adaptation, fg.encoder = adaptation, encoder
    offers.feed(fg.adaptation)
    offers.feed(fg.encoder)
    fg.transport_encoder, fg.control_encoder, fg.frame = TransportEncoder(), ControlEncoder(), FrameBuilder()
    offers.feed(fg.transport_encoder, out="payload")
    offers.feed(fg.control_encoder, out="header")
    offers.feed(fg.frame, out="symbols")
    outputs = {name: offers[name] for name in ("symbols", "payload", "header")} | {"target_met": offers["fits"]}
    if ideal:
        outputs |= {"known_bits": offers["bits"], "known_budget": offers["budget"]}
    for name, port in outputs.items():
        fg.connect(port, fg[name])
    return fg


def _receiver(decoder: Block, enhancer: Block | None, ideal: bool) -> Flowgraph:
    """Inputs: received, and of an ideal link known_bits and known_budget. Outputs: image, lost."""
    known: dict[str, object] = {"known_bits": Bits, "known_budget": Uses} if ideal else {}
    fg = Flowgraph("receiver", inputs={"received": Received, **known})
    offers = Offers(fg, ["received"])
    fg.control_decoder, fg.splitter = ControlDecoder(), FrameSplitter()
    offers.feed(fg.control_decoder)
    offers.add({"header_uses": offers["uses"]})
    offers.feed(fg.splitter, out="received")
    offers.add({name.removeprefix("known_"): fg[name] for name in known})
    fg.transport_decoder, fg.decoder = CapacityAchievingTransport() if ideal else TransportDecoder(), decoder
    offers.feed(fg.transport_decoder)
    offers.feed(fg.decoder)
    if enhancer is not None:
        fg.enhancer = enhancer
        offers.feed(fg.enhancer, out="image")
    for name in ("image", "lost"):
        fg.connect(offers[name], fg[name])
    return fg


CODEC_LINKS = {f"{codec}-ldpc": partial(separation, codec=codec) for codec in CODECS}
"""The links by the names of their codecs."""
