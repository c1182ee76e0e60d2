"""The receiver of a picture link with a joint source-channel codec."""

from collections.abc import Mapping

from linksim import Block, Flowgraph, Received
from linksim.blocks import Deserializer, Detokenizer, FrameSplitter, MMSEEqualizer
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.flowgraphs.parts.offers import Offers


def receiver(
    codec: PictureCodec,
    header_decoder: Block | None,
    known: Mapping[str, object],
    guides: Mapping[str, object] | None = None,
) -> Flowgraph:
    """From the received frame to the picture.

    Inputs: received; where there is no decoder of a header also what is `known` without one, as known_lengths;
    `guides`, see `picture_link`.
    Outputs: image, erased, lengths.
    """
    guides = guides or {}
    told = {f"known_{name}": kind for name, kind in known.items()}
    fg = Flowgraph("receiver", inputs={"received": Received, **told, **guides})
    offers = Offers(fg, ["received", *guides])
    offers.add({name: fg[f"known_{name}"] for name in known})
    if header_decoder is not None:
        fg.header_decoder = header_decoder
        offers.feed(fg.header_decoder)
    offers.add({"header_uses": offers["uses"]})
    fg.splitter, fg.equalizer, fg.deserializer = FrameSplitter(), MMSEEqualizer(), Deserializer()
    for block in (fg.splitter, fg.equalizer, fg.deserializer):
        offers.feed(block, out="received")
    fg.jscc_decoder = codec.decoder
    offers.feed(fg.jscc_decoder, out="tokens" if codec.devectorizer is None else "latent")
    if codec.devectorizer is not None:
        fg.devectorizer = codec.devectorizer
        offers.feed(fg.devectorizer, out="tokens")
    fg.detokenizer = Detokenizer()
    offers.feed(fg.detokenizer, out="image")
    for name in ("image", "erased", "lengths"):
        fg.connect(offers[name], fg[name])
    return fg
