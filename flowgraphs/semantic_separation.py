"""The digital link that knows what matters, and degrades by steps."""

from collections.abc import Sequence
from typing import NamedTuple

from linksim import Block, Flowgraph, Importance, Received
from linksim.blocks import (
    AWGN,
    FrameBuilder,
    FrameSplitter,
    LayerAdaptation,
    LayerControlDecoder,
    LayerControlEncoder,
    LayeredPictureDecoder,
    LayeredPictureEncoder,
    LayerTransportDecoder,
    LayerTransportEncoder,
    PictureEnhancer,
)
from linksim.blocks.layers.picture_encoder import WEIGHTS
from linksim.blocks.rate import PAPER_CBR
from linksim.flowgraphs.parts.offers import Offers, needed_inputs
from linksim.flowgraphs.parts.picture_link import PICTURE_INPUTS
from linksim.flowgraphs.parts.quality import add_labels, add_ledger, add_quality


class Protection(NamedTuple):
    """A design without feedback.

    `levels_db`: the SNRs in dB for which background, low, medium and high patches are protected. `base_db`: the same
    for the map and the coarse picture of the whole, which gets `base_share` of the channel uses.
    """

    levels_db: tuple[float, float, float, float]
    base_db: float
    base_share: float


UNPROTECTED = Protection((0.0, 0.0, 0.0, 0.0), 0.0, 0.0)
FOR_10_DB = Protection((7.6, 6.8, 6.8, 6.8), -1.2, 0.04)
"""The levels that matter arrive from 6.8 dB on, the background from 7.6 dB on, the base from -1.2 dB on."""


def semantic_separation(
    *,
    codec: str = "avif",
    target_cbr_total: float = PAPER_CBR,
    weights: tuple[float, float, float, float] = WEIGHTS,
    protection: Protection | None = None,
    enhancer: str | None = "enhancer",
    channel: Block | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """A picture in layers by importance, each by a picture codec, CRC, 5G LDPC and QAM of its own.

    The schemes follow each frame's mean SNR. With a `protection`, as `FOR_10_DB`, they are chosen once, and what the
    channel does not carry is filled from a coarse picture. See `LayeredPictureEncoder` and `LayerAdaptation`.
    `enhancer`: weights of the receiver's `PictureEnhancer`, None for pictures as they are decoded.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional), snr_db [batch].
    Outputs: image, erased, target_met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total.
    Raises what its blocks raise: `ParameterError`, and `LinksimError` where a codec's library is not there.
    """
    fg = Flowgraph("semantic-separation", inputs=PICTURE_INPUTS)
    offers = Offers(fg, PICTURE_INPUTS)
    offers.add({"importance": add_labels(fg)})
    designed = protection or UNPROTECTED
    fg.transmitter = _transmitter(
        LayerAdaptation(
            target_cbr_total=target_cbr_total,
            design_snr_db=protection and designed.levels_db,
            base_snr_db=designed.base_db,
        ),
        LayeredPictureEncoder(codec=codec, weights=weights, base_share=designed.base_share),
    )
    offers.feed(fg.transmitter)
    fg.channel = channel or AWGN()
    offers.feed(fg.channel, out="received")
    after = None if enhancer is None else PictureEnhancer(weights=enhancer)
    fg.receiver = _receiver(LayeredPictureDecoder(codec=codec), after)
    offers.feed(fg.receiver)
    add_quality(fg, fg.receiver["image"], fg.receiver["lost"], metrics)
    add_ledger(fg, fg.transmitter)
    fg.connect(fg.transmitter["target_met"], fg["target_met"])
    return fg


def _transmitter(adaptation: Block, encoder: Block) -> Flowgraph:
    """Inputs: image, importance, snr_db. Outputs: symbols, payload, header, target_met."""
    types = {**PICTURE_INPUTS, "importance": Importance}
    fg = Flowgraph("transmitter", inputs=needed_inputs([adaptation, encoder], types))
    offers = Offers(fg, fg.input_ports)
    fg.adaptation, fg.encoder, fg.transport_encoder = adaptation, encoder, LayerTransportEncoder()
    fg.control_encoder, fg.frame = LayerControlEncoder(), FrameBuilder()
    for block, out in (
        (fg.adaptation, ""),
        (fg.encoder, ""),
        (fg.transport_encoder, "payload"),
        (fg.control_encoder, "header"),
        (fg.frame, "symbols"),
    ):
        offers.feed(block, out=out)
    for name, offer in {"symbols": "symbols", "payload": "payload", "header": "header", "target_met": "fits"}.items():
        fg.connect(offers[offer], fg[name])
    return fg


def _receiver(decoder: Block, enhancer: Block | None) -> Flowgraph:
    """Input: received. Outputs: image, lost."""
    fg = Flowgraph("receiver", inputs={"received": Received})
    offers = Offers(fg, ["received"])
    fg.control_decoder, fg.splitter = LayerControlDecoder(), FrameSplitter()
    offers.feed(fg.control_decoder)
    offers.add({"header_uses": offers["uses"]})
    offers.feed(fg.splitter, out="received")
    fg.transport_decoder, fg.decoder = LayerTransportDecoder(), decoder
    offers.feed(fg.transport_decoder)
    offers.feed(fg.decoder)
    if enhancer is not None:
        fg.enhancer = enhancer
        offers.feed(fg.enhancer, out="image")
    for name in ("image", "lost"):
        fg.connect(offers[name], fg[name])
    return fg
