"""How often words and pairs of words occur: counted by `scripts/count_words.py`, one file beside each word list."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linksim.blocks.text.word_list import START, UNKNOWN, read_word_list, shipped_word_lists
from linksim.errors import FileError
from linksim.weights import SHIPPED

SUFFIX = ".counts.npz"
DATA_FILES = tuple(sorted(Path(str(files(SHIPPED))).glob(f"*{SUFFIX}")))
"""Files that identify results in a store, beside the source code."""
LEAST_COUNT = 1.0
"""Of a word that was never seen, `<unk>` among them."""
DISCOUNT = 0.75
"""Taken from each pair that was seen and given to those that were not (Ney, Essen and Kneser, 1994)."""
Floats = NDArray[np.float64]


def counts_path(word_list: str) -> Path:
    """The file of counts of a word list: beside it, its name ending in .counts.npz."""
    if word_list in shipped_word_lists():
        return Path(str(files(SHIPPED).joinpath(word_list + SUFFIX)))
    return Path(word_list.removesuffix(".txt").removesuffix(".words") + SUFFIX)


@cache
def word_counts(word_list: str) -> Floats:
    """How often each place of a word list occurs, at least once. Raises `FileError` as `_pairs`."""
    pairs, counts = _pairs(word_list)
    found = np.zeros(len(read_word_list(word_list)))
    np.add.at(found, pairs[:, 1], counts)
    return np.maximum(found, LEAST_COUNT)


class Bigrams:
    """The probability of each word after another, by absolute discounting down to how often words occur.

    Source: Ney, Essen and Kneser, Computer Speech and Language 1994.
    """

    def __init__(self, word_list: str) -> None:
        pairs, counts = _pairs(word_list)
        self._alone = word_counts(word_list).copy()
        self._alone[:UNKNOWN] = 0.0
        self._alone /= self._alone.sum()
        order = np.argsort(pairs[:, 0], kind="stable")
        self._after, self._counts = pairs[order, 1], counts[order].astype(np.float64)
        self._first = np.searchsorted(pairs[order, 0], np.arange(len(self._alone) + 1))

    def after(self, place: int) -> Floats:
        """Probabilities of all places, the padding and the start having none."""
        chosen = slice(self._first[place], self._first[place + 1])
        counts = self._counts[chosen]
        if len(counts) == 0:
            return self._alone
        probabilities = self._alone * (DISCOUNT * len(counts) / counts.sum())
        probabilities[self._after[chosen]] += (counts - DISCOUNT) / counts.sum()
        return probabilities


@cache
def bigrams(word_list: str) -> Bigrams:
    """The pairs of a word list. Raises `FileError` as `_pairs`."""
    return Bigrams(word_list)


@cache
def known_sentences(word_list: str) -> Mapping[tuple[int, ...], int]:
    """How often each whole sentence occurred, by its places in the word list, where these were counted.

    Raises `FileError` where they were not.
    """
    path = counts_path(word_list)
    try:
        with np.load(path, allow_pickle=False) as file:
            places, counts = file["sentences"].tolist(), file["sentence_counts"].tolist()
    except (OSError, ValueError, KeyError):
        raise FileError(
            f"no counts of whole sentences for '{word_list}', which scripts/count_words.py --sentences makes"
        ) from None
    return {tuple(place for place in row if place): number for row, number in zip(places, counts, strict=True)}


@cache
def _pairs(word_list: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of places [pairs, 2], the first of them perhaps the start, and how often each occurs.

    Raises `FileError` where there is no such file, or it counts other words.
    """
    path, words = counts_path(word_list), len(read_word_list(word_list))
    try:
        with np.load(path, allow_pickle=False) as file:
            pairs, counts = file["pairs"].astype(np.int64), file["counts"].astype(np.int64)
    except (OSError, ValueError, KeyError) as error:
        raise FileError(
            f"no counts of the words in '{word_list}', which scripts/count_words.py makes: {error}"
        ) from None
    good = (
        pairs.ndim == 2 and pairs.shape == (len(counts), 2) and bool((pairs >= START).all() and (pairs < words).all())
    )
    if not good or not bool((counts > 0).all()):
        raise FileError(f"'{path}' does not count the words of '{word_list}'")
    return pairs, counts
