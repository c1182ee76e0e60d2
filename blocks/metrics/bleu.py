"""BLEU: how many of the words and groups of words are right."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.text.word_list import split_words
from linksim.types import Score, Text

ORDERS = 4


class BLEUScores(NamedTuple):
    """BLEU of groups of up to so many words."""

    bleu_1: Score
    bleu_2: Score
    bleu_3: Score
    bleu_4: Score


class BLEU(Block):
    """Of each sentence: brevity penalty times the geometric mean of the precisions of groups of 1 to N words.

    The penalty is exp(min(1 - l/r, 0)) turned round as the standard has it, exp(min(1 - r/l, 0)), l words received and
    r sent; the papers print another one, which punishes what is too long. Nothing is smoothed: without one common group
    of N words BLEU-N is 0. Words are those of `WordTokenizer`, in lower case, punctuation marks among them.

    Shapes: sent and received [batch, bytes]; out.bleu_1 to out.bleu_4 [batch] in 0..1, NaN where the sent sentence has
    fewer words than the group. No gradient.
    Source: Papineni et al., ACL 2002; Post, WMT 2018 (sacrebleu), with which the values agree.

    >>> sent, received = Text.of(["a cat on the mat"]), Text.of(["a cat on a mat"])
    >>> round(BLEU()(sent=sent, received=received).bleu_1.value.item(), 2)
    0.8
    """

    def forward(self, sent: Text, received: Text) -> BLEUScores:
        rows = [bleu(split_words(right), split_words(found))
                for right, found in zip(sent.sentences, received.sentences, strict=True)]  # fmt: skip
        values = torch.tensor(rows, device=sent.length.device)
        return BLEUScores(*(Score(value) for value in values.unbind(1)))


def bleu(sent: Sequence[str], received: Sequence[str]) -> list[float]:
    """BLEU-1 to BLEU-4 of a sentence."""
    if not sent:
        return [math.nan] * ORDERS
    penalty = math.exp(min(1 - len(sent) / max(len(received), 1), 0.0)) if received else 0.0
    logs: list[float] = []
    found: list[float] = []
    for order in range(1, ORDERS + 1):
        right, given = _groups(sent, order), _groups(received, order)
        common = (right & given).total()
        logs.append(math.log(common / given.total()) if common else -math.inf)
        found.append(penalty * math.exp(sum(logs) / order) if len(sent) >= order else math.nan)
    return found


def _groups(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))
