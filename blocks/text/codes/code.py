"""What all codes of sentences share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable


class TextCode(ABC):
    """A sentence as bits, and back. The number of bits is known to the decoder."""

    def __init__(self, word_list: str) -> None:
        self.word_list = word_list

    @abstractmethod
    def encode(self, sentence: str) -> tuple[str, int]:
        """The bits, as a string of 0 and 1, and how many words of the sentence they do not hold."""

    @abstractmethod
    def decode(self, bits: str) -> str:
        """The sentence; of bits that are none, as much as can be read."""


def bits_of(values: Iterable[int], width: int) -> str:
    """Numbers as binary digits, the highest first."""
    return "".join(f"{value:0{width}b}" for value in values)
