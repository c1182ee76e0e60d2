"""The symbols of a burst that its receiver knows: preamble and pilots, by their places and blocks."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.blocks.waveform.burst import BurstLayout

PIECE = 32
"""Symbols of the preamble that are summed where their own turn counts."""


class KnownSymbols(NamedTuple):
    """Places int64 [batch, n], values complex [n], the block of each [n], and blocks' sizes [blocks]. The preamble is
    one block; `piece` [n] cuts it into several. `valid` [batch, blocks]: which blocks each burst has."""

    places: Tensor
    values: Tensor
    block: Tensor
    sizes: Tensor
    piece: Tensor
    valid: Tensor

    def until(self, stretch: int) -> "KnownSymbols":
        """Only the blocks that begin in the first `stretch` symbols of all bursts that have them."""
        first = self.places.amax(0) < stretch
        blocks = int(self.block[first].max()) + 1
        inside = self.block < blocks
        return KnownSymbols(
            self.places[:, inside],
            self.values[inside],
            self.block[inside],
            self.sizes[:blocks],
            self.piece[inside],
            self.valid[:, :blocks],
        )

    def sums(self, values: Tensor) -> Tensor:
        """Of values [batch, n] per block, [batch, blocks]."""
        return values.new_zeros(len(values), len(self.sizes)).index_add(1, self.block, values)

    @property
    def centres(self) -> Tensor:
        """The mean place of each block, float64 [batch, blocks]."""
        return self.sums(self.places.double()) / self.sizes

    def pieces(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Of values [batch, n] the sum of each piece, and its mean place, [batch, pieces]."""
        count = torch.bincount(self.piece)
        sums = values.new_zeros(len(values), len(count)).index_add(1, self.piece, values)
        places = self.places.new_zeros(sums.shape).index_add(1, self.piece, self.places)
        return sums, places.double() / count


def known_symbols(like: Tensor, data: Tensor, layout: BurstLayout, blocks: int) -> KnownSymbols:
    """The preamble and so many blocks of pilots of bursts with so many data symbols, int64 [batch], in the dtype and
    place of `like`."""
    device = like.device
    sequence, pilots = layout.sequence(), layout.pilots(blocks)
    front = torch.arange(layout.preamble_length, device=device).expand(len(data), -1)
    rest = layout.pilot_places(data.cpu(), blocks)[..., None] + torch.arange(layout.pilot_length)
    block = torch.cat([torch.zeros(len(sequence)), torch.arange(1, blocks + 1).repeat_interleave(layout.pilot_length)])
    block, pieces = block.long().to(device), math.ceil(len(sequence) / PIECE)
    groups = torch.div(data + layout.pilot_spacing - 1, layout.pilot_spacing, rounding_mode="floor")
    return KnownSymbols(
        places=torch.cat([front, rest.flatten(1).to(device)], 1),
        values=torch.cat([sequence, pilots.flatten()]).to(like),
        block=block,
        sizes=torch.tensor([len(sequence), *[layout.pilot_length] * blocks], device=device),
        piece=torch.where(block == 0, torch.arange(len(block), device=device) // PIECE, block + pieces - 1),
        valid=torch.arange(blocks + 1, device=device) <= groups[:, None],
    )
