"""Sentences as words of a closed list, and back."""

from typing import NamedTuple
from unicodedata import category

import torch

from linksim.block import Block
from linksim.blocks.text.word_list import PADDING, UNKNOWN, WIDTHLESS, read_word_list, split_words
from linksim.errors import ParameterError, require
from linksim.types import Counts, Text, Words

DEFAULT_WORDS = "europarl"
MAX_WORDS = 32
"""Of a sentence: what the positions of the text codec and its header go up to."""
CLOSING = frozenset(".,!?;:)]%")
OPENING = frozenset("([")


class Tokenized(NamedTuple):
    """The words, and how many of them are not in the list."""

    words: Words
    unknown: Counts


class WordTokenizer(Block):
    """Cut sentences into words, numbers and punctuation marks, in lower case, and look them up in a closed list.

    A word that the list does not have becomes `<unk>` and is counted.

    Args:
        word_list: a shipped list by its name ("europarl", "captions"), or the path of a .txt file with one word per
            line.
        unknown_share: for training: the share of all words that become `<unk>` as if the list did not have them.

    Shapes: text [batch, bytes]; out.words [batch, words] int64; out.unknown: counts of unknown words out of all
    words, [batch]. No gradient.
    Source: linksim.

    Raises:
        ParameterError: there is no such list; a sentence has no words, more than 32, or control characters.

    >>> out = WordTokenizer()(text=Text.of(["We agree xylophone!"]))
    >>> out.words.length.tolist(), out.unknown.errors.tolist()
    ([4], [1])
    """

    def __init__(self, *, word_list: str = DEFAULT_WORDS, unknown_share: float = 0.0) -> None:
        super().__init__()
        require(0 <= unknown_share <= 1, "unknown_share", "in 0..1", unknown_share)
        self.known, self.unknown_share = read_word_list(word_list), unknown_share

    def forward(self, text: Text) -> Tokenized:
        sentences = [checked_words(sentence) for sentence in text.sentences]
        places = [torch.tensor([self.known.places.get(word, UNKNOWN) for word in words]) for words in sentences]
        length = torch.tensor([len(row) for row in places])
        indices = torch.nn.utils.rnn.pad_sequence(places, batch_first=True, padding_value=PADDING)
        device = text.length.device
        if self.unknown_share:
            drawn = torch.rand(indices.shape, generator=self.rng, device=self.device).to(indices.device)
            indices = torch.where((drawn < self.unknown_share) & (indices != PADDING), UNKNOWN, indices)
        unknown = (indices == UNKNOWN).sum(1)
        counts = Counts(unknown.to(device), length.to(device))
        return Tokenized(Words(indices.to(device), length.to(device)), counts)


class WordDetokenizer(Block):
    """Words of a list as sentences: single spaces, none before a closing punctuation mark.

    Shapes: words [batch, words]; out [batch, bytes]. No gradient.
    Source: linksim.

    Raises:
        ParameterError: there is no such list, or a word is not in it.

    >>> tokenized = WordTokenizer()(text=Text.of(["We agree madam president!"]))
    >>> WordDetokenizer()(words=tokenized.words).sentences
    ['we agree madam president!']
    """

    def __init__(self, *, word_list: str = DEFAULT_WORDS) -> None:
        super().__init__()
        self.known = read_word_list(word_list)

    def forward(self, words: Words) -> Text:
        rows = zip(words.indices.tolist(), words.length.tolist(), strict=True)
        check_places(words, len(self.known))
        sentences = [joined([self.known.words[place] for place in row[:length]]) for row, length in rows]
        return Text.of(sentences).to(words.length.device)


def check_places(words: Words, count: int) -> None:
    """Raise `ParameterError` where words are not places in a list of that many, as those of another list."""
    strange = words.indices[(words.indices < 0) | (words.indices >= count)].tolist()
    require(not strange, "words", f"places in a list of {count} words", strange[:1])


def checked_words(sentence: str) -> list[str]:
    """The words of a sentence. Raises `ParameterError` for none, too many, or control characters."""
    seen = sentence.translate(WIDTHLESS)
    control = next((sign for sign in seen if not sign.isprintable() and category(sign) != "Zs"), None)
    if control is not None:
        raise ParameterError(f"a sentence must have no control characters and no line breaks (got {control!r})")
    words = split_words(sentence)
    if not 0 < len(words) <= MAX_WORDS:
        raise ParameterError(f"a sentence must have 1 to {MAX_WORDS} words and punctuation marks (got {len(words)})")
    return words


def joined(words: list[str]) -> str:
    """Words as a sentence."""
    text = ""
    for word in words:
        tight = not text or word in CLOSING or text[-1] in OPENING
        text += word if tight else f" {word}"
    return text
