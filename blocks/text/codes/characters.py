"""Codes of characters: what needs no word list."""

import string

from linksim.blocks.text.codes.code import TextCode, bits_of
from linksim.blocks.text.tokenizer import checked_words, joined

FIVE_BITS = " " + string.ascii_lowercase + ".,!?'"
"""32 signs: what Baudot's code had room for, as DeepSC's baseline has it."""


class Utf8Code(TextCode):
    """Eight bits for each byte of UTF-8."""

    def encode(self, sentence: str) -> tuple[str, int]:
        checked_words(sentence)
        return bits_of(sentence.encode(), 8), 0

    def decode(self, bits: str) -> str:
        whole = len(bits) // 8 * 8
        return bytes(int(bits[at : at + 8], 2) for at in range(0, whole, 8)).decode(errors="replace")


class FiveBitCode(TextCode):
    """Five bits for each of 32 signs, in lower case; a word with another sign is left out and counted."""

    def encode(self, sentence: str) -> tuple[str, int]:
        words = checked_words(sentence)
        kept = [word for word in words if all(sign in FIVE_BITS for sign in word)]
        return bits_of((FIVE_BITS.index(sign) for sign in joined(kept)), 5), len(words) - len(kept)

    def decode(self, bits: str) -> str:
        whole = len(bits) // 5 * 5
        return "".join(FIVE_BITS[int(bits[at : at + 5], 2)] for at in range(0, whole, 5))
