"""Random bits."""

import torch

from linksim.block import Block
from linksim.errors import require
from linksim.types import Bits

MAX_BITS = 1 << 26


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
        require(isinstance(length, int) and 0 < length <= MAX_BITS, "length", f"an integer in 1..{MAX_BITS}", length)
        self.length = length
        # The eight bits of each byte as eight bytes, so that one look-up of eight bytes unpacks a word.
        table = (torch.arange(256, dtype=torch.uint8)[:, None] >> torch.arange(8, dtype=torch.uint8)) & 1
        self.register_buffer("_bits_of_byte", table.contiguous().view(torch.int64).flatten(), persistent=False)

    def forward(self, batch: int) -> Bits:
        words = torch.randint(
            256, (batch, -(-self.length // 8)), dtype=torch.uint8, generator=self.rng, device=self.device
        )
        bits = self.get_buffer("_bits_of_byte").index_select(0, words.flatten().int()).view(torch.uint8)
        return bits.view(batch, -1)[:, : self.length]
