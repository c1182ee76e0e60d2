"""Huffman's code of words."""

import heapq
from collections.abc import Sequence
from functools import cache
from itertools import count

from linksim.blocks.text.codes.code import TextCode
from linksim.blocks.text.codes.statistics import word_counts
from linksim.blocks.text.tokenizer import checked_words, joined
from linksim.blocks.text.word_list import UNKNOWN, read_word_list


class WordHuffmanCode(TextCode):
    """Huffman's code by the counts of the words; a word that the list does not have becomes `<unk>` and is counted.

    Source: Huffman, Proc. IRE 1952.
    """

    def __init__(self, word_list: str) -> None:
        super().__init__(word_list)
        self.known = read_word_list(word_list)
        self.codewords = huffman_code(word_list)
        self._words = {bits: place for place, bits in self.codewords.items()}

    def encode(self, sentence: str) -> tuple[str, int]:
        places = [self.known.places.get(word, UNKNOWN) for word in checked_words(sentence)]
        return "".join(self.codewords[place] for place in places), places.count(UNKNOWN)

    def decode(self, bits: str) -> str:
        words: list[str] = []
        start = 0
        for end in range(1, len(bits) + 1):
            place = self._words.get(bits[start:end])
            if place is not None:
                words.append(self.known.words[place])
                start = end
        return joined(words)


@cache
def huffman_code(word_list: str) -> dict[int, str]:
    """The codeword of each place in a word list but the padding and the start."""
    return dict(enumerate(huffman(word_counts(word_list).tolist()[UNKNOWN:]), UNKNOWN))


def huffman(weights: Sequence[float]) -> list[str]:
    """Huffman's codeword of each of several symbols, by their weights; of a single one it is empty."""
    order = count()
    codewords = [""] * len(weights)
    heap: list[tuple[float, int, tuple[int, ...]]] = [
        (weight, next(order), (place,)) for place, weight in enumerate(weights)
    ]
    heapq.heapify(heap)
    while len(heap) > 1:
        (few, _, left), (more, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        for digit, places in (("0", left), ("1", right)):
            for place in places:
                codewords[place] = digit + codewords[place]
        heapq.heappush(heap, (few + more, next(order), (*left, *right)))
    return codewords
