"""A code of whole sentences."""

from linksim.blocks.text.codes.bigram import BigramCode
from linksim.blocks.text.codes.code import TextCode
from linksim.blocks.text.codes.huffman import huffman
from linksim.blocks.text.codes.statistics import known_sentences
from linksim.blocks.text.tokenizer import checked_words, joined
from linksim.blocks.text.word_list import UNKNOWN, read_word_list


class SentenceCode(TextCode):
    """Huffman's code of whole sentences by how often they were seen; any other follows an escape, by `BigramCode`.

    The escape weighs as much as all sentences that were seen once: so likely is it that the next one is new.
    Source: Huffman, Proc. IRE 1952; for the escape Good, Biometrika 1953.

    Raises `FileError` where no whole sentences were counted for the list.
    """

    def __init__(self, word_list: str) -> None:
        super().__init__(word_list)
        self.known, self.words = read_word_list(word_list), BigramCode(word_list)
        counts = known_sentences(word_list)
        once = sum(number == 1 for number in counts.values())
        codewords = huffman([max(once, 1), *counts.values()])
        self.escape = codewords[0]
        self.codewords = dict(zip(counts, codewords[1:], strict=True))
        self._sentences = {bits: places for places, bits in self.codewords.items()}

    def encode(self, sentence: str) -> tuple[str, int]:
        places = tuple(self.known.places.get(word, UNKNOWN) for word in checked_words(sentence))
        if places in self.codewords:
            return self.codewords[places], places.count(UNKNOWN)
        bits, unknown = self.words.encode(sentence)
        return self.escape + bits, unknown

    def decode(self, bits: str) -> str:
        places = self._sentences.get(bits)
        if places is not None:
            return joined([self.known.words[place] for place in places])
        return self.words.decode(bits.removeprefix(self.escape))
