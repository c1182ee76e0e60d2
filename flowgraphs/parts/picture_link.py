"""The link that carries pictures by a joint source-channel codec, put together from its parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from linksim import Block, Boxes, Decibels, Flowgraph, Image, Importance
from linksim.blocks import AWGN, HeaderErrors, NominalSNR
from linksim.blocks.rate import RateBlock
from linksim.errors import ParameterError
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.flowgraphs.parts.header import Header
from linksim.flowgraphs.parts.offers import Offers
from linksim.flowgraphs.parts.quality import add_labels, add_ledger, add_quality
from linksim.flowgraphs.parts.receiver import receiver
from linksim.flowgraphs.parts.transmitter import carried_fields, known_fields, transmitter

PICTURE_INPUTS: Mapping[str, object] = {
    "image": Image,
    "boxes": Boxes,
    "known_importance": Importance,
    "snr_db": Decibels,
}
"""What every link that carries pictures takes; boxes and importance are optional."""


class PictureLink(Flowgraph):
    """A link whose transmitter is told whether the channel fades, also when another channel takes the place. A link
    that was loaded from a file keeps what it was saved with."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "channel":
            transmitter, fading = self.transmitter, bool(getattr(value, "fades", True))
            for part, block in list(transmitter.blocks.items()):
                if block.settings.get("fading", fading) != fading:
                    setattr(transmitter, part, type(block)(**{**block.settings, "fading": fading}).to(self.device))


def picture_link(
    name: str,
    codec: PictureCodec,
    rate: Block,
    *,
    header: Header | None = None,
    channel: Block | None = None,
    labeller: Block | None = None,
    uses_importance: bool = True,
    inputs: Mapping[str, object] | None = None,
    guides: Mapping[str, object] | None = None,
    metrics: Sequence[Block] = (),
) -> Flowgraph:
    """A transmitter, a channel and a receiver, each a block, with the metrics of pictures.

    Args:
        name: the flowgraph's name.
        codec: see `PictureCodec`; its blocks are taken into the link.
        rate: a rate block; what it leaves open about codec, header and channel is filled in.
        header: a `RobustHeader` unless given; by the codec's `Conventions` perhaps `NoHeader`.
        channel: AWGN unless given.
        labeller: a block that gives the transmitter importance labels, from the link's inputs by name; the labels of
            `boxes` and `known_importance` unless given. The metrics always use the latter.
        uses_importance: whether the transmitter has importance labels at all.
        inputs: more inputs, name to port type; a block of the transmitter takes those that it has a port for.
        guides: inputs of the codec's decoder beside the frame, name to port type. What is connected to them must have
            crossed a channel of its own; the link does not bill it.
        metrics: more metrics; see `add_quality`.

    Inputs: image [batch, 3, height, width], boxes and known_importance (optional), snr_db [batch], the mean SNR, which
    the transmitter knows.
    Outputs: image, erased, target_met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header
    errors.

    Raises `ParameterError` where the codec's decoder does not take one of the guides.
    """
    header, channel = header or codec.conventions.header, channel or AWGN()
    unused = [name for name in guides or {} if name not in codec.decoder.input_ports]
    if unused:
        raise ParameterError(
            f"the codec's decoder takes no {' and no '.join(unused)}: leave it out, or take another codec"
        )
    types, guides = {**PICTURE_INPUTS, **(inputs or {})}, guides or {}
    fading = bool(getattr(channel, "fades", True))
    encoder = header.encoder(codec.rate_set, fading)
    rate = _fitted(rate, codec, header, fading)
    fg = PictureLink(name, inputs={**types, **guides})
    offers = Offers(fg, types)
    if codec.conventions.snr_offset_db:
        fg.nominal_snr = NominalSNR(offset_db=codec.conventions.snr_offset_db)
        offers.feed(fg.nominal_snr, out="snr_db")
    importance = add_labels(fg)
    if labeller is not None:
        fg.labeller = labeller
        offers.feed(fg.labeller, out="importance")
    elif uses_importance:
        offers.add({"importance": importance})
    fg.transmitter = transmitter(codec, rate, encoder, {**types, "importance": Importance})
    offers.feed(fg.transmitter)
    fg.channel = channel
    offers.feed(fg.channel, out="received")
    fg.receiver = receiver(codec, header.decoder(codec.rate_set, codec.channels), known_fields(codec, encoder), guides)
    offers.add({name: fg[name] for name in guides})
    offers.feed(fg.receiver)
    add_quality(fg, fg.receiver["image"], fg.receiver["erased"], metrics)
    add_ledger(fg, fg.transmitter)
    _compare_headers(fg)
    fg.connect(fg.transmitter["target_met"], fg["target_met"])
    return fg


def _compare_headers(fg: Flowgraph) -> None:
    fg.header_errors = HeaderErrors()
    fg.connect(fg.receiver["erased"], fg.header_errors["erased"])
    fg.connect(fg.receiver["lengths"], fg.header_errors["lengths"])
    fg.connect(fg.transmitter["lengths"], fg.header_errors["sent"])


def _fitted(rate: Block, codec: PictureCodec, header: Header, fading: bool) -> Block:
    """The rate block, told what it leaves open about codec, header and channel."""
    if not isinstance(rate, RateBlock):
        return rate
    return rate.fitted(
        rate_set=codec.rate_set,
        distortion=codec.distortion,
        header_code_rate=header.code_rate,
        header_fields=carried_fields(codec),
        fading=fading,
        header_channels=codec.channels,
    )
