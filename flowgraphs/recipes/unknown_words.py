"""A note where a word list does not fit what is to be trained on."""

import warnings
from collections.abc import Sequence

from linksim.blocks.text.word_list import read_word_list, split_words

MANY = 0.1
"""Of all words."""
LOOKED_AT = 2000
"""Sentences."""


def warn_of_unknown_words(path: str, sentences: Sequence[str], word_list: str) -> None:
    """Warn where many words of a file's sentences are not in the list: training learns nothing of these."""
    known = read_word_list(word_list).places
    words = [word for sentence in sentences[:LOOKED_AT] for word in split_words(sentence)]
    unknown = [word for word in words if word not in known]
    if len(unknown) > MANY * len(words):
        warnings.warn(
            f"{len(unknown) / len(words):.0%} of the words of '{path}' are not in the word list '{word_list}', as "
            f"'{unknown[0]}': they are sent as <unk>, and nothing is learnt of them; give a list of your own words",
            stacklevel=3,
        )
