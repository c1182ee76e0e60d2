"""The two ends of a codec at one length for all patches, on tensors of real numbers."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import Detokenizer, PowerNormalizer, Tokenizer
from linksim.errors import LinksimError, ParameterError, UnfedInputError
from linksim.flowgraphs.parts.codec import PictureCodec
from linksim.flowgraphs.parts.offers import Offers, needed_inputs
from linksim.types import ChannelMask, Lengths, ReceivedCodeword, Size

NEAR: Mapping[str, object] = {"image": Image, "snr_db": Decibels, "lengths": Lengths, "base_rate": Lengths}
FAR: Mapping[str, object] = {
    "received": ReceivedCodeword,
    "base_rate": Lengths,
    "size": Size,
    "channels": ChannelMask,
}


class EncoderEnd(nn.Module):
    """From a picture to channel symbols: what a transmitter does between the picture and the frame.

    Takes image [1, 3, height, width], 0 to 1, and snr_db [1]. Gives symbols [1, uses, 2], in-phase and quadrature, of
    mean power 1; power [1], the mean power before; and for a codec that masks channels, channels [1, channels].
    `lengths` is the rate map [1, rows, cols], all alike.

    Raises `ParameterError` where the codec needs more than a picture, as a mask.
    """

    def __init__(self, codec: PictureCodec, lengths: Tensor) -> None:
        super().__init__()
        if codec.search is not None:
            raise ParameterError("a transmitter that searches (effort) cannot be exported; make the codec without")
        self.lengths, self.masked = lengths, bool(codec.channels)
        blocks = {"tokenizer": Tokenizer(token=codec.token), "vectorizer": codec.vectorizer, "encoder": codec.encoder}
        blocks["normalizer"] = PowerNormalizer()
        self.graph = _end("encoder", blocks, NEAR, {"encoder": "codeword"}, ("codeword", *self.outputs[1:]))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what it gives."""
        return ("symbols", "power", "channels") if self.masked else ("symbols", "power")

    def forward(self, image: Tensor, snr_db: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        offered = {"image": image, "snr_db": snr_db, "lengths": self.lengths, "base_rate": self.lengths}
        found = self.graph(**{name: offered[name] for name in self.graph.input_ports})
        sent = torch.view_as_real(found["codeword"])[..., : int(self.lengths[0, 0, 0]), :]
        return (sent.flatten(1, 3), *(found[name] for name in self.outputs[1:]))


class DecoderEnd(nn.Module):
    """From received symbols to the picture: what a receiver does behind the header and the equalizer.

    Takes symbols [1, uses, 2], divided by the channel's gain; noise_variance [1, uses], that of the
    complex noise in each symbol; power [1] as
    the encoder gave it; and for a codec that masks channels, channels [1, channels]. Gives image
    [1, 3, height, width]. `lengths` as for `EncoderEnd`; `size` [1, 2], height and width in pixels.

    Raises `ParameterError` where the codec needs more than that.
    """

    def __init__(self, codec: PictureCodec, lengths: Tensor, size: Tensor) -> None:
        super().__init__()
        self.lengths, self.size = lengths, size
        blocks = {"decoder": codec.decoder, "devectorizer": codec.devectorizer, "detokenizer": Detokenizer()}
        names = {"decoder": "tokens" if codec.devectorizer is None else "latent", "devectorizer": "tokens"}
        self.graph = _end("decoder", blocks, FAR, {**names, "detokenizer": "image"}, ("image",))

    def forward(
        self, symbols: Tensor, noise_variance: Tensor, power: Tensor, channels: Tensor | None = None
    ) -> tuple[Tensor]:
        """See the class."""
        shape = (*self.lengths.shape, int(self.lengths[0, 0, 0]))
        codeword = torch.view_as_complex(symbols).reshape(shape)
        received = ReceivedCodeword(
            codeword, torch.ones(shape, dtype=codeword.dtype), noise_variance.reshape(shape), self.lengths, power
        )
        offered = {"received": received, "base_rate": self.lengths, "size": self.size, "channels": channels}
        return (self.graph(**{name: offered[name] for name in self.graph.input_ports})["image"],)


def _end(
    name: str,
    blocks: Mapping[str, Block | None],
    types: Mapping[str, object],
    named: Mapping[str, str],
    outputs: tuple[str, ...],
) -> Flowgraph:
    """The blocks after one another; `named` says what a block's only output is called."""
    chain = {label: block for label, block in blocks.items() if block is not None}
    graph = Flowgraph(name, inputs=needed_inputs(chain.values(), types))
    offers = Offers(graph, graph.input_ports)
    try:
        for label, block in chain.items():
            setattr(graph, label, block)
            offers.feed(block, out=named.get(label, ""))
        for output in outputs:
            graph.connect(offers[output], graph[output])
        graph.validate()
    except LinksimError as error:
        # The codec is its owner's again.
        graph.dissolve()
        if isinstance(error, UnfedInputError):
            raise ParameterError(f"this codec's {name} needs more than a picture and a rate: {error}") from error
        raise
    return graph.eval().cpu()
