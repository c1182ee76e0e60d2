"""Headers: the blocks of both ends, and what a rate must know of them, as one object that a link takes."""

from dataclasses import dataclass

from linksim import Block, blocks
from linksim.blocks.header.code_rate import CodeRate, checked_code_rate
from linksim.blocks.rate_set import RateSet


@dataclass(frozen=True)
class RobustHeader:
    """The header that crosses the channel: `HeaderEncoder` and `HeaderDecoder`.

    `code_rate`: of its second part, or "auto", chosen by the mean SNR over AWGN and 0.25 on channels that fade. Raises
    `ParameterError` where it is out of range.
    """

    code_rate: CodeRate = "auto"

    def __post_init__(self) -> None:
        checked_code_rate(self.code_rate)

    def encoder(self, rate_set: RateSet, fading: bool) -> Block:
        """The transmitter's block."""
        return blocks.HeaderEncoder(code_rate=self.code_rate, rate_set=rate_set, fading=fading)

    def decoder(self, rate_set: RateSet, channels: int = 0) -> Block | None:
        """The receiver's block, for a mask of so many channels; None where what the header says passes by the
        channel."""
        return blocks.HeaderDecoder(code_rate=self.code_rate, rate_set=rate_set, channels=channels)


class IdealHeader(RobustHeader):
    """A header that is never lost and costs what a robust one costs; results say `header: ideal`."""

    def encoder(self, rate_set: RateSet, fading: bool) -> Block:
        """The transmitter's block, which hands everything to the receiver."""
        return blocks.IdealHeader(code_rate=self.code_rate, rate_set=rate_set, fading=fading)

    def decoder(self, rate_set: RateSet, channels: int = 0) -> Block | None:  # noqa: ARG002
        """None."""
        return None


class NoHeader(RobustHeader):
    """For training: nothing is sent or counted, everything is known; results say `header: none`."""

    def encoder(self, rate_set: RateSet, fading: bool) -> Block:  # noqa: ARG002
        """The transmitter's block, which hands everything to the receiver."""
        return blocks.NoHeader()

    def decoder(self, rate_set: RateSet, channels: int = 0) -> Block | None:  # noqa: ARG002
        """None."""
        return None


Header = RobustHeader
"""Any of the three."""
