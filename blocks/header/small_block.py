"""5G's code for up to eleven bits."""

from functools import cache

import torch
from torch import Tensor

from linksim.blocks.header.bits import to_bits

MOST_BITS, LENGTH = 11, 32
BASIS = (
    0xFFFFFFFF,
    0x4BA5A933,
    0x7D910E5A,
    0x6D26339C,
    0x71C7C3E0,
    0x7E0FFC00,
    0x731D8E64,
    0x6B44F5B0,
    0x7DC218EC,
    0x4DA1B746,
    0x42F0FFFF,
)
"""The columns of 3GPP TS 38.212, table 5.3.3.3-1; the lowest bit is the first row."""


@cache
def codebook(bits: int, coded_bits: int) -> Tensor:
    """The codewords of all numbers of so many bits, uint8 [2^bits, coded_bits]. The caller must not write into them.

    Longer codewords repeat the code's 32 bits from the front, shorter ones are cut. A number's most significant bit is
    the code's first. Source: 3GPP TS 38.212, sections 5.3.3.3 and 5.4.3.
    """
    rows = torch.arange(LENGTH)
    basis = torch.stack([torch.tensor(column) >> rows & 1 for column in BASIS[:bits]])
    numbers = to_bits(torch.arange(1 << bits), bits).long()
    return (numbers @ basis % 2).byte()[:, torch.arange(coded_bits) % LENGTH]
