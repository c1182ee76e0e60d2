"""Codes that make bits of sentences."""

from linksim.blocks.text.codes.bigram import BigramCode
from linksim.blocks.text.codes.characters import FiveBitCode, Utf8Code
from linksim.blocks.text.codes.code import TextCode
from linksim.blocks.text.codes.huffman import WordHuffmanCode
from linksim.blocks.text.codes.sentences import SentenceCode
from linksim.errors import ParameterError, nearest

CODES: dict[str, type[TextCode]] = {
    "bigram": BigramCode,
    "huffman": WordHuffmanCode,
    "sentences": SentenceCode,
    "five_bit": FiveBitCode,
    "utf8": Utf8Code,
}


def text_code(name: str, word_list: str) -> TextCode:
    """A code by its name, for a word list. Raises `ParameterError` where there is none."""
    if name not in CODES:
        raise ParameterError(f"no code of text '{name}'; {nearest(name, CODES)}")
    return CODES[name](word_list)


__all__ = ["CODES", "BigramCode", "FiveBitCode", "SentenceCode", "TextCode", "Utf8Code", "WordHuffmanCode", "text_code"]
