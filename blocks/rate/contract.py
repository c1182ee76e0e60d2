"""What all rate blocks share, so that each is a drop-in for another."""

from typing import Any, NamedTuple, Self

from linksim.block import Block
from linksim.types import Decibels, Entropy, Flags, Importance, Lengths, Size

PAPER_CBR = 0.0201
"""SA-OOSC's channel bandwidth ratio (its section 4): the target where none is given."""

RATE_INPUTS: dict[str, object] = {"size": Size, "entropy": Entropy, "importance": Importance, "snr_db": Decibels}
"""The input ports of every rate block. A block that does not use one of them takes it and leaves it alone."""


class Allocation(NamedTuple):
    """The rate map k; the base rate map, which the content alone would get; whether the target was met."""

    lengths: Lengths
    base_rate: Lengths
    target_met: Flags


class RateBlock(Block):
    """Base of the rate blocks: the ports `RATE_INPUTS` and the outputs of `Allocation`, perhaps more of both.

    A link knows things that its rate must know too: the set V of the codec, how the header is coded. A parameter that
    is left at None takes the link's value.
    """

    def fitted(self, **known: Any) -> Self:
        """This block, or one like it whose parameters that were None have the values `known`."""
        left_open = {name: value for name, value in known.items() if self.settings.get(name, name) is None}
        return type(self)(**{**self.settings, **left_open}) if left_open else self
