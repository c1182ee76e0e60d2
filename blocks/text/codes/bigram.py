"""An arithmetic code of words, each predicted by the one before it."""

from contextlib import suppress
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from linksim.blocks.text.codes.code import TextCode, bits_of
from linksim.blocks.text.codes.statistics import bigrams
from linksim.blocks.text.tokenizer import MAX_WORDS, checked_words, joined
from linksim.blocks.text.word_list import START, UNKNOWN, read_word_list

DIGIT_BITS = 32
SPARE = "0" * 2 * DIGIT_BITS
"""Behind the digits, for a decoder that reads ahead."""
_stream: Any = vars(constriction)["stream"]


class BigramCode(TextCode):
    """Range coding, first the number of words, each equally likely, then each word by the probability of the pair.

    Only as many binary digits are kept as tell the sentence. A word that the list does not have becomes `<unk>` and is
    counted.
    Source: Martin 1979, by the library constriction; the probabilities are those of `Bigrams`.
    """

    def __init__(self, word_list: str) -> None:
        super().__init__(word_list)
        self.known, self.pairs = read_word_list(word_list), bigrams(word_list)

    def encode(self, sentence: str) -> tuple[str, int]:
        places = [self.known.places.get(word, UNKNOWN) for word in checked_words(sentence)]
        coder: Any = _stream.queue.RangeEncoder()
        coder.encode(len(places) - 1, _uniform())
        for before, place in zip([START, *places], places, strict=False):
            coder.encode(place - UNKNOWN, self._after(before))
        return self._shortest(bits_of(coder.get_compressed().tolist(), DIGIT_BITS), places), places.count(UNKNOWN)

    def decode(self, bits: str) -> str:
        return joined([self.known.words[place] for place in self._read(bits)])

    def _read(self, bits: str) -> list[int]:
        padded = bits + "0" * (-len(bits) % DIGIT_BITS) + SPARE
        digits = [int(padded[at : at + DIGIT_BITS], 2) for at in range(0, len(padded), DIGIT_BITS)]
        coder: Any = _stream.queue.RangeDecoder(np.array(digits, dtype=np.uint32))
        places = [START]
        # So constriction refuses digits that no encoder gives: what came before them is what can be read.
        with suppress(AssertionError):
            for _ in range(int(coder.decode(_uniform())) + 1):
                places.append(int(coder.decode(self._after(places[-1]))) + UNKNOWN)
        return places[1:]

    def _shortest(self, bits: str, places: list[int]) -> str:
        """The fewest digits that are read as these places, zeros behind them: rounded up where that is enough. One at
        least: without any there is no message."""
        low, high = 1, len(bits)
        best = bits
        while low < high:
            middle = (low + high) // 2
            found = next((each for each in _rounded(bits, middle) if self._read(each) == places), None)
            if found is None:
                low = middle + 1
            else:
                best, high = found, middle
        return best

    def _after(self, place: int) -> Any:
        # constriction counts from 0, and the padding and the start are never sent.
        return _model(self.pairs.after(place)[UNKNOWN:])


def _uniform() -> Any:
    return _model(np.full(MAX_WORDS, 1 / MAX_WORDS))


def _model(probabilities: NDArray[np.float64]) -> Any:
    return _stream.model.Categorical(probabilities, perfect=False)


def _rounded(bits: str, length: int) -> list[str]:
    """The first digits, and one more in the last of them."""
    cut = bits[:length]
    if "0" not in cut:
        return [cut]
    return [cut, f"{int(cut, 2) + 1:0{length}b}"]
