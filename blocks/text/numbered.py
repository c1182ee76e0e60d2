"""Sentences that both ends know, sent by their numbers."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.short import LARGEST
from linksim.blocks.text.codes.statistics import known_sentences
from linksim.blocks.text.tokenizer import checked_words, joined
from linksim.blocks.text.word_list import read_word_list
from linksim.errors import ParameterError
from linksim.types import Counts, Flags, Text, Uses

NUMBERED_WORDS = "captions"


class NumberedText(NamedTuple):
    """The number of each sentence, 0 where it has none; and how many of its words cannot be said: all or none."""

    number: Int[Tensor, "batch"]
    unknown: Counts


class FoundSentence(NamedTuple):
    """The sentences, and which frames are erased: they have none."""

    text: Text
    erased: Flags


class SentenceNumberer(Block):
    """Sentences as numbers from 1 to 2,047, for `ShortHeaderEncoder`; 0 stands for all other sentences.

    Numbered are the sentences that occurred most often where the words were counted.

    Args:
        word_list: see `WordTokenizer`; its counts must have whole sentences, as those of `captions` have.

    Shapes: text [batch, bytes]; out.number [batch]; out.unknown: counts of words that are not sent out of all. No
    gradient.
    Source: linksim.

    Raises:
        ParameterError: there is no such list; or as `WordTokenizer`, of a sentence.
        FileError: the list has no counts of whole sentences.

    >>> SentenceNumberer()(text=Text.of(["a gray dog on a gray background", "a dog"])).number.gt(0).tolist()
    [True, False]
    """

    def __init__(self, *, word_list: str = NUMBERED_WORDS) -> None:
        super().__init__()
        self._numbers = {tuple(words): number for number, words in enumerate(_numbered(word_list), 1)}

    def forward(self, text: Text) -> NumberedText:
        device = text.length.device
        split = [tuple(checked_words(sentence)) for sentence in text.sentences]
        number = torch.tensor([self._numbers.get(words, 0) for words in split], device=device)
        words = torch.tensor([len(words) for words in split], device=device)
        return NumberedText(number, Counts(torch.where(number > 0, 0, words), words))


class NumberedSentences(Block):
    """The inverse of `SentenceNumberer`: number 0, and a frame that is `erased`, give the empty sentence.

    Args:
        word_list: the numberer's.

    Shapes: number and erased [batch]; out.text [batch, bytes]; out.erased [batch], where the sentence is empty. No
    gradient.
    Source: linksim.

    Raises:
        ParameterError: there is no such list, or no sentence has such a number.
        FileError: the list has no counts of whole sentences.

    >>> numbered = SentenceNumberer()(text=Text.of(["a gray dog on a gray background"]))
    >>> NumberedSentences()(number=numbered.number, erased=torch.tensor([False])).text.sentences
    ['a gray dog on a gray background']
    """

    def __init__(self, *, word_list: str = NUMBERED_WORDS) -> None:
        super().__init__()
        self._sentences = ["", *(joined(list(words)) for words in _numbered(word_list))]

    def forward(self, number: Uses, erased: Flags) -> FoundSentence:
        number = torch.where(erased, 0, number)
        known = number.tolist()
        strange = next((each for each in known if not 0 <= each < len(self._sentences)), None)
        if strange is not None:
            raise ParameterError(f"'number' must be in 0..{len(self._sentences) - 1} (got {strange})")
        return FoundSentence(Text.of([self._sentences[each] for each in known]).to(number.device), number == 0)


@cache
def _numbered(word_list: str) -> Sequence[Sequence[str]]:
    counts, words = known_sentences(word_list), read_word_list(word_list).words
    likely = sorted(counts, key=lambda places: -counts[places])[:LARGEST]
    return [[words[place] for place in places] for places in likely]
