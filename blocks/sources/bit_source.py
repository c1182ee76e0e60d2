"""Random bits."""

import torch

from linksim.block import Block
from linksim.errors import require
from linksim.types import Bits

MOST_BITS = 1 << 26


class BitSource(Block):
    """Independent, equally likely bits.

    Shapes: out [batch, length] uint8. The bits are unpacked from random words, eight to a draw.

    Raises:
        ParameterError: `length` is not in 1 to 2^26.

    >>> BitSource(length=5).seed(1)(batch=2).shape
    torch.Size([2, 5])
    """

    def __init__(self, *, length: int = 1024) -> None:
        super().__init__()
        require(isinstance(length, int) and 0 < length <= MOST_BITS, "length", f"an integer in 1..{MOST_BITS}", length)
        self.length = length
        self.register_buffer("_shifts", torch.arange(8, dtype=torch.uint8), persistent=False)

    def forward(self, batch: int) -> Bits:
        words = torch.randint(
            256, (batch, -(-self.length // 8)), dtype=torch.uint8, generator=self.rng, device=self.device
        )
        bits = (words[..., None] >> self.get_buffer("_shifts")) & 1
        return bits.flatten(1)[:, : self.length]
