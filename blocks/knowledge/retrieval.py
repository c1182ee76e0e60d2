"""A knowledge base in the literal sense: stored pictures, found by their captions."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from linksim.blocks.knowledge.captioned_pictures import CaptionedPicture
from linksim.blocks.text.word_list import split_words


class Retrieval:
    """The stored picture whose caption is nearest to a sentence, by the cosine of TF-IDF vectors of words and of pairs.

    Pairs of words tell "a brown dog by a white wall" from "a white dog by a brown wall". Of equals one is drawn.

    Args:
        pictures: the stored ones, one at least.
        size: edge in pixels; 0 is that of the largest stored picture.

    Source: Salton and Buckley, Information Processing & Management 1988.
    """

    def __init__(self, pictures: Sequence[CaptionedPicture], size: int = 0) -> None:
        self.pictures = pictures
        self.size = size or max(max(picture.pixels.shape[1:]) for picture in self.pictures)
        captions = [_terms(picture.caption) for picture in self.pictures]
        documents = Counter(term for terms in captions for term in set(terms))
        self._rarity = {term: 1 + math.log(len(captions) / count) for term, count in documents.items()}
        self._columns = {term: column for column, term in enumerate(self._rarity)}
        self._stored = torch.stack([self._vector(terms) for terms in captions])

    def __call__(self, sentences: Sequence[str], seed: int) -> Tensor:
        """RGB pictures [batch, 3, size, size] in [0, 1]."""
        generator = torch.Generator().manual_seed(seed)
        return torch.stack([self.pictures[self._nearest(each, generator)].image(self.size) for each in sentences])

    def _nearest(self, sentence: str, generator: torch.Generator) -> int:
        likeness = self._stored @ self._vector(_terms(sentence))
        equals = (likeness >= likeness.max() - 1e-6).nonzero()[:, 0]
        return int(equals[torch.randint(len(equals), (), generator=generator)])

    def _vector(self, terms: Sequence[str]) -> Tensor:
        vector = torch.zeros(len(self._columns))
        for term, count in Counter(terms).items():
            if term in self._columns:
                vector[self._columns[term]] = (1 + math.log(count)) * self._rarity[term]
        return vector / vector.norm().clamp_min(1e-9)


def _terms(sentence: str) -> list[str]:
    words = split_words(sentence)
    return words + [f"{first} {second}" for first, second in itertools.pairwise(words)]
