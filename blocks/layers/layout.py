"""The layers of a frame, in the order in which they are sent, and the types of their ports."""

from typing import TypeAlias

from jaxtyping import Int, UInt8
from torch import Tensor

from linksim.blocks.sionna.block_codes import information_bits_at
from linksim.blocks.transport.mcs import schemes

BASE = 0
"""The place of the layer with the importance map and the base picture; the level i stands at 4 - i, so that what
matters most comes first."""
LEVELS = (3, 2, 1, 0)
LAYERS = 1 + len(LEVELS)

LayerBits: TypeAlias = UInt8[Tensor, "batch layers n"]
"""Information bits of each layer, zeros past its own."""
LayerScheme: TypeAlias = Int[Tensor, "batch layers"]
"""The number of each layer's modulation and coding scheme."""
LayerUses: TypeAlias = Int[Tensor, "batch layers"]
"""Channel uses, or a number of bits, of each layer; 0 where it is not sent."""


def place_of(level: int) -> int:
    """The place of an importance level among the layers."""
    return 1 + LEVELS.index(level)


def uses_for(data_bytes: int, scheme: int) -> int:
    """The least channel uses in which this scheme carries so many bytes; 0 for none."""
    if data_bytes == 0:
        return 0
    efficiency, wanted = schemes()[scheme].efficiency, 8 * data_bytes
    uses = int(wanted / efficiency)
    while (carried := bits_in(uses, scheme)) < wanted:
        # A use adds at most its efficiency; under the length of the checks nothing is carried, and nothing is told.
        uses += max(1, int((wanted - carried - 1) / efficiency)) if carried else 1
    return uses


def bits_in(uses: int, scheme: int) -> int:
    """How many information bits this scheme carries in so many uses."""
    chosen = schemes()[scheme]
    return information_bits_at(uses * chosen.bits_per_symbol, chosen.code_rate) if uses else 0
