"""The transmitter of a picture link with a joint source-channel codec."""

from collections.abc import Mapping, Sequence

from linksim import Block, Flowgraph
from linksim.blocks import FrameBuilder, PowerNormalizer, Serializer, Tokenizer
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.flowgraphs.parts.offers import Offers, needed_inputs

OPTIONAL_FIELDS = ("base_rate", "power_loading", "channels")
"""What a header carries beside size, rate map and power where the codec's decoder asks for it."""
ALWAYS_KNOWN = ("lengths", "size", "power", "uses", "erased")


def carried_fields(codec: PictureCodec) -> tuple[str, ...]:
    """Those of `OPTIONAL_FIELDS` that the header carries for this codec."""
    return tuple(field for field in OPTIONAL_FIELDS if field in codec.decoder.input_ports)


def known_fields(codec: PictureCodec, header: Block) -> Mapping[str, object]:
    """What the receiver is given past the channel, by type: nothing where the header's encoder gives symbols only."""
    wanted = {*ALWAYS_KNOWN, *carried_fields(codec)}
    return {name: port.spec.annotation for name, port in header.output_ports.items() if name in wanted}


def transmitter(
    codec: PictureCodec, rate: Block, header: Block, types: Mapping[str, object], taps: Sequence[str] = ()
) -> Flowgraph:
    """From the picture to the frame.

    Inputs: those of `types` that one of the blocks has a port for. Outputs: symbols (the frame), payload, header,
    lengths, target_met, what the receiver is given past the channel, as known_lengths, and the values named in `taps`.
    """
    tokenizer, search = Tokenizer(token=codec.token), [] if codec.search is None else [codec.search]
    asking = [tokenizer, *codec.parts.values(), rate, *search, header]
    fg = Flowgraph("transmitter", inputs=needed_inputs(asking, types))
    offers = Offers(fg, fg.input_ports)
    fg.tokenizer = tokenizer
    offers.feed(fg.tokenizer)
    if codec.vectorizer is not None:
        fg.vectorizer = codec.vectorizer
        offers.feed(fg.vectorizer)
    fg.rate, fg.jscc_encoder = rate, codec.encoder
    offers.feed(fg.rate)
    if codec.search is not None:
        fg.latent_search = codec.search
        offers.feed(fg.latent_search, out="latent")
    offers.feed(fg.jscc_encoder, out="codeword")
    fg.normalizer, fg.serializer, fg.header, fg.frame = (
        PowerNormalizer(over=codec.conventions.power_over),
        Serializer(),
        header,
        FrameBuilder(),
    )
    offers.feed(fg.normalizer)
    offers.feed(fg.serializer, out="payload")
    outputs = {name: offers[name] for name in ("lengths", "target_met", "payload", *taps)}
    offers.feed(fg.header, but=set(OPTIONAL_FIELDS).difference(carried_fields(codec)), out="header")
    offers.feed(fg.frame, out="symbols")
    outputs |= {name: offers[name] for name in ("symbols", "header")}
    outputs |= {f"known_{name}": fg.header.outputs[name] for name in known_fields(codec, header)}
    for name, port in outputs.items():
        fg.connect(port, fg[name])
    return fg
