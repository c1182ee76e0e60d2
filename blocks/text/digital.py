"""Sentences as bits by a source code, and back."""

from typing import NamedTuple

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from linksim.block import Block
from linksim.blocks.text.codes import text_code
from linksim.blocks.text.tokenizer import DEFAULT_WORDS, checked_words
from linksim.types import Bits, Counts, Flags, Text, Uses

DEFAULT_CODE = "bigram"


class CodedText(NamedTuple):
    """The bits of each sentence, zeros past their number; its words; and how many of these the code does not know."""

    bits: UInt8[Tensor, "batch bits"]
    bit_count: Int[Tensor, "batch"]
    words: Int[Tensor, "batch"]
    unknown: Counts


class TextCompressor(Block):
    """Sentences as few bits: words by arithmetic coding or Huffman's code, or characters.

    Args:
        code: "bigram", each word predicted by the one before it; "huffman", words by how often they occur;
            "sentences", whole sentences by how often they occur, any other as by "bigram"; "five_bit", 32 signs;
            "utf8".
        word_list: for the first three, see `WordTokenizer`; a list of one's own needs the counts that
            `scripts/count_words.py` writes beside it.

    Shapes: text [batch, bytes]; out.bits [batch, most bits]; out.bit_count and out.words [batch]; out.unknown: counts
    of words that the code cannot say out of all. No gradient.
    Source: Huffman, Proc. IRE 1952; Ney, Essen and Kneser, Computer Speech and Language 1994.

    Raises:
        ParameterError: there is no such code or list; or as `WordTokenizer`, of a sentence.
        FileError: the list has no counts.

    >>> TextCompressor(code="huffman")(text=Text.of(["we agree."])).bit_count.tolist()
    [21]
    """

    def __init__(self, *, code: str = DEFAULT_CODE, word_list: str = DEFAULT_WORDS) -> None:
        super().__init__()
        self._code = text_code(code, word_list)

    def forward(self, text: Text) -> CodedText:
        sentences, device = text.sentences, text.length.device
        coded = [self._code.encode(sentence) for sentence in sentences]
        rows = [torch.tensor([int(bit) for bit in bits], dtype=torch.uint8) for bits, _ in coded]
        words = torch.tensor([len(checked_words(sentence)) for sentence in sentences], device=device)
        unknown = torch.tensor([missing for _, missing in coded], device=device)
        bits = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(device)
        return CodedText(bits, torch.tensor([len(row) for row in rows], device=device), words, Counts(unknown, words))


class TextDecompressor(Block):
    """The inverse of `TextCompressor`; a frame that is `erased` gives the empty sentence.

    Shapes: bits [batch, most bits]; bit_count [batch], how many of them count; erased [batch]; out [batch, bytes]. No
    gradient.
    Source: as `TextCompressor`.

    Raises:
        ParameterError: there is no such code or list.
        FileError: the list has no counts.

    >>> coded = TextCompressor()(text=Text.of(["we agree."]))
    >>> TextDecompressor()(bits=coded.bits, bit_count=coded.bit_count, erased=torch.tensor([False])).sentences
    ['we agree.']
    """

    def __init__(self, *, code: str = DEFAULT_CODE, word_list: str = DEFAULT_WORDS) -> None:
        super().__init__()
        self._code = text_code(code, word_list)

    def forward(self, bits: Bits, bit_count: Uses, erased: Flags) -> Text:
        rows = zip(bits.tolist(), bit_count.tolist(), erased.tolist(), strict=True)
        sentences = ["" if lost else self._code.decode("".join(map(str, row[:number]))) for row, number, lost in rows]
        return Text.of(sentences).to(bit_count.device)
