"""Words and sentences that arrive wrong."""

from collections.abc import Sequence

import torch

from linksim.block import Block
from linksim.blocks.text.word_list import split_words
from linksim.types import Counts, Text


class WordErrors(Block):
    """The word error rate: the fewest words to replace, leave out and put in, of the words sent; it may exceed 1.

    Shapes: sent and received [batch, bytes]; out.errors and out.trials [batch]. No gradient.
    Source: Levenshtein 1966, over words.

    >>> WordErrors()(sent=Text.of(["a cat on the mat"]), received=Text.of(["a cat on mat ."]))
    Counts(errors=tensor([2]), trials=tensor([5]))
    """

    def forward(self, sent: Text, received: Text) -> Counts:
        pairs = [(split_words(right), split_words(found))
                 for right, found in zip(sent.sentences, received.sentences, strict=True)]  # fmt: skip
        device = sent.length.device
        errors = torch.tensor([edit_distance(*pair) for pair in pairs], device=device)
        return Counts(errors, torch.tensor([len(right) for right, _ in pairs], device=device))


class SentenceErrors(Block):
    """Whether any word of a sentence arrives wrong.

    Shapes: sent and received [batch, bytes]; out.errors and out.trials [batch], 0 or 1 of 1. No gradient.
    Source: linksim.

    >>> SentenceErrors()(sent=Text.of(["We agree."]), received=Text.of(["we agree ."]))
    Counts(errors=tensor([0]), trials=tensor([1]))
    """

    def forward(self, sent: Text, received: Text) -> Counts:
        wrong = [split_words(right) != split_words(found)
                 for right, found in zip(sent.sentences, received.sentences, strict=True)]  # fmt: skip
        errors = torch.tensor(wrong, device=sent.length.device).long()
        return Counts(errors, torch.ones_like(errors))


def edit_distance(sent: Sequence[str], received: Sequence[str]) -> int:
    """The fewest insertions, deletions and substitutions."""
    row = list(range(len(received) + 1))
    for place, word in enumerate(sent, 1):
        corner, row[0] = row[0], place
        for at, other in enumerate(received, 1):
            corner, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, corner + (word != other))
    return row[-1]
