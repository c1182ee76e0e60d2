"""What all rate blocks share, so that each is a drop-in for another."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from linksim.block import Block
from linksim.errors import require
from linksim.types import Decibels, Entropy, Flags, Importance, Lengths, Score, Size

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


class Budget:
    """The channel uses that a rate block may spend on a picture.

    Args:
        goals: a target for the payload's uses over 3*height*width, "target_cbr", or for everything that is sent,
            "target_cbr_total"; one of them has a value.
        default: of "target_cbr", where none has one.

    Raises `ParameterError` where both have a value, or one is out of range.
    """

    def __init__(self, goals: Mapping[str, float | None], default: float) -> None:
        given = {name: value for name, value in goals.items() if value is not None} or {"target_cbr": default}
        require(len(given) == 1, "target_cbr", "given, or target_cbr_total, and only one", given)
        name, self.target = next(iter(given.items()))
        require(1e-6 <= self.target <= 10, name, "in 1e-06..10", self.target)
        self.total = name == "target_cbr_total"

    def uses(self, size: Size, reserved: Score | None) -> list[float]:
        """For each picture; of a target of everything, `reserved` uses are left for what is sent beside the picture."""
        beside = [0.0] * len(size) if reserved is None or not self.total else reserved.value.tolist()
        return [self.target * 3 * float(size[0].prod()) - uses for uses in beside]
