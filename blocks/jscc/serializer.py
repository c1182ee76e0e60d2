"""Codewords of variable length to a stream of symbols and back."""

import torch
from torch import Tensor

from linksim.block import Block
from linksim.types import Codeword, Lengths, Power, Received, ReceivedCodeword, Symbols, sent_mask


class Serializer(Block):
    """Lay the first k symbols of every patch one behind the other, patches row by row.

    Shapes: codeword [batch, rows, cols, kmax]; lengths [batch, rows, cols]; out.samples [batch, uses], out.length
    [batch] = sum of k; shorter pictures of a batch are padded with zeros. Gradients pass.

    Raises:
        ValueError: a length exceeds kmax.

    >>> y = torch.arange(4.0).reshape(1, 1, 2, 2) + 0j
    >>> Serializer()(codeword=y, lengths=torch.tensor([[[1, 2]]])).samples.real.tolist()
    [[0.0, 2.0, 3.0]]
    """

    def forward(self, codeword: Codeword, lengths: Lengths) -> Symbols:
        kmax = codeword.shape[-1]
        if bool((lengths > kmax).any()):
            raise ValueError(f"lengths go up to {lengths.max().item()}, but the codeword holds {kmax} symbols a patch")
        length = lengths.sum((1, 2))
        uses = int(length.max()) if length.numel() else 0
        places = sent_mask(length, uses)
        samples = codeword.new_zeros(len(codeword), uses)
        return Symbols(samples.masked_scatter(places, codeword[sent_mask(lengths, kmax)]), length)


class Deserializer(Block):
    """Cut the received stream into patches again.

    Shapes: received [batch, uses]; lengths [batch, rows, cols], whose largest value is kmax; power [batch], linear,
    handed on; out, fields of a patch [batch, rows, cols, kmax]. What a stream too short does not hold is zero with gain
    zero. Gradients pass to samples, gain, noise variance and power.

    >>> from linksim.blocks import AWGN
    >>> lengths = torch.tensor([[[1, 2]]])
    >>> symbols = Serializer()(codeword=torch.ones(1, 1, 2, 2) + 0j, lengths=lengths)
    >>> received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([90.0]))
    >>> Deserializer()(received=received, lengths=lengths, power=torch.ones(1)).codeword.abs().round().tolist()
    [[[[1.0, 0.0], [1.0, 1.0]]]]
    """

    def forward(self, received: Received, lengths: Lengths, power: Power) -> ReceivedCodeword:
        kmax = max(int(lengths.max()), 1)
        mask = sent_mask(lengths, kmax)
        length = lengths.sum((1, 2))
        missing = max(int(length.max()) - received.symbols.samples.shape[1], 0)
        uses = received.symbols.samples.shape[1] + missing
        places = sent_mask(length, uses)

        def place(stream: Tensor, empty: float) -> Tensor:
            padded = torch.nn.functional.pad(stream, (0, missing))
            return stream.new_full(mask.shape, empty).masked_scatter(mask, padded[places])

        streams = (received.symbols.samples, 0.0), (received.gain, 0.0), (received.noise_variance, 1.0)
        return ReceivedCodeword(*(place(*stream) for stream in streams), lengths=lengths, power=power)
