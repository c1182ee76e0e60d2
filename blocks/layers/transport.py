"""The layers of a frame as coded QAM symbols, one after the other, and back."""

from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.framing.frame import shifted
from linksim.blocks.layers.layout import LayerBits, LayerScheme, LayerUses
from linksim.blocks.transport.transport_coder import TransportDecoder, TransportEncoder
from linksim.types import Flags, Received, Symbols


class LayerTransportBits(NamedTuple):
    """Bits of each layer, and how many of them, from the first, are right."""

    layer_bits: LayerBits
    layer_good: LayerUses


class LayerTransportEncoder(Block):
    """Each layer by its own scheme: CRC24, code blocks, 5G LDPC, scrambling, QAM; in the order of the layers.

    Shapes: layer_bits [batch, layers, n]; layer_scheme and layer_uses [batch, layers]; out.samples [batch, uses].
    Hard bits: no gradient.
    Source: 3GPP TS 38.212, section 5; TS 38.211, section 5.1, by Sionna.

    >>> bits, scheme = torch.ones(1, 2, 100, dtype=torch.uint8), torch.tensor([[1, 3]])
    >>> LayerTransportEncoder()(layer_bits=bits, layer_scheme=scheme, layer_uses=torch.tensor([[500, 300]])).length
    tensor([800])
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = TransportEncoder()

    def forward(self, layer_bits: LayerBits, layer_scheme: LayerScheme, layer_uses: LayerUses) -> Symbols:
        flat = self.encoder(bits=layer_bits.flatten(0, 1), scheme=layer_scheme.flatten(), uses=layer_uses.flatten())
        length = layer_uses.sum(1)
        frame = flat.samples.new_zeros(len(length), int(length.max()))
        rows = flat.samples.unflatten(0, layer_uses.shape)
        for i, counts in enumerate(layer_uses.tolist()):
            parts = [row[:count] for row, count in zip(rows[i], counts, strict=True)]
            frame[i, : int(length[i])] = torch.cat(parts)
        return Symbols(frame, length)


class LayerTransportDecoder(Block):
    """The inverse of `LayerTransportEncoder`: each layer is decoded by itself.

    Shapes: received [batch, uses], the payload; layer_scheme and layer_uses [batch, layers], as the control says;
    erased [batch], frames whose control was lost; layer_bits [batch, layers, n]; layer_good [batch, layers]. Hard
    decisions: no gradient.
    Source: 3GPP TS 38.212, section 5, by Sionna.

    >>> from linksim.blocks import AWGN
    >>> bits, scheme, uses = torch.ones(1, 2, 99, dtype=torch.uint8), torch.tensor([[1, 3]]), torch.tensor([[500, 300]])
    >>> symbols = LayerTransportEncoder()(layer_bits=bits, layer_scheme=scheme, layer_uses=uses)
    >>> received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([-1.0]))
    >>> found = LayerTransportDecoder()(
    ...     received=received, layer_scheme=scheme, layer_uses=uses, erased=torch.tensor([False]))
    >>> (found.layer_good > 0).tolist()
    [[True, False]]
    """

    def __init__(self) -> None:
        super().__init__()
        self.decoder = TransportDecoder()

    def forward(
        self, received: Received, layer_scheme: LayerScheme, layer_uses: LayerUses, erased: Flags
    ) -> LayerTransportBits:
        layers = layer_uses.shape[1]
        start = (layer_uses.cumsum(1) - layer_uses).flatten()
        longest = int(layer_uses.max())

        def apart(stream: Tensor) -> Tensor:
            return shifted(stream.repeat_interleave(layers, 0), start, longest)

        uses = layer_uses.flatten()
        each = Received(
            symbols=Symbols(apart(received.symbols.samples), uses),
            gain=apart(received.gain),
            noise_variance=apart(received.noise_variance),
            overhead=received.overhead.repeat_interleave(layers),
            csi=received.csi,
        )
        lost = erased.repeat_interleave(layers)
        found = self.decoder(received=each, scheme=layer_scheme.flatten(), erased=lost)
        shape = layer_uses.shape
        return LayerTransportBits(found.bits.unflatten(0, shape), found.good.unflatten(0, shape))
