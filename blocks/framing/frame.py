"""Header and payload in one frame."""

import torch
from torch import Tensor

from linksim.block import Block
from linksim.types import Received, Symbols, Uses, sent_mask


def shifted(stream: Tensor, start: Tensor, uses: int) -> Tensor:
    """Each row from its own start on, [batch, uses]; places outside the stream repeat its edge."""
    if stream.shape[1] == 0:
        return stream.new_zeros(len(stream), uses)
    last = stream.shape[1] - 1
    places = (torch.arange(uses, device=stream.device) + start[:, None]).clamp(0, last)
    return stream.gather(1, places)


class FrameBuilder(Block):
    """Put the payload behind the header, so that both cross one realisation of the channel.

    Shapes: header.samples [batch, a], payload.samples [batch, b]; out.samples [batch, uses], out.length the sum of both
    lengths. Gradients pass.

    >>> one = Symbols(torch.ones(1, 2) + 0j, torch.tensor([2]))
    >>> FrameBuilder()(header=one, payload=one).length.tolist()
    [4]
    """

    def forward(self, header: Symbols, payload: Symbols) -> Symbols:
        length = header.length + payload.length
        uses = int(length.max())
        in_header = sent_mask(header.length, uses)
        front = shifted(header.samples, torch.zeros_like(length), uses)
        back = shifted(payload.samples, -header.length, uses)
        frame = Symbols(torch.where(in_header, front, back), length)
        return Symbols(frame.samples * frame.mask, length)


class FrameSplitter(Block):
    """Drop the header, whose length the header's decoder knows.

    Shapes: received [batch, uses]; header_uses [batch]; out: the payload, [batch, longest payload], likewise a
    `Received`. Gradients pass.

    >>> from linksim.blocks import AWGN
    >>> frame = Symbols(torch.ones(1, 5) + 0j, torch.tensor([5]))
    >>> received = AWGN().seed(1)(symbols=frame, snr_db=torch.tensor([10.0]))
    >>> FrameSplitter()(received=received, header_uses=torch.tensor([2])).symbols.length.tolist()
    [3]
    """

    def forward(self, received: Received, header_uses: Uses) -> Received:
        length = (received.symbols.length - header_uses).clamp_min(0)
        uses = int(length.max())
        payload = Symbols(shifted(received.symbols.samples, header_uses, uses), length)
        return Received(
            symbols=Symbols(payload.samples * payload.mask, length),
            gain=shifted(received.gain, header_uses, uses),
            noise_variance=shifted(received.noise_variance, header_uses, uses),
            overhead=received.overhead,
            csi=received.csi,
        )
