"""Count the words and pairs of words of sentences: a word list, and the counts that the digital text codes use.

    .venv/bin/python scripts/count_words.py TEXT --out blocks/weights/europarl.words.txt
    .venv/bin/python scripts/count_words.py CAPTIONS.json CAPTIONS.json --sentences \\
        --out blocks/weights/captions.words.txt

The commonest `--words` words of all the files stand in the list, the most frequent first,
of equally frequent ones that which occurs first. The counts go into the file
of the same name that ends in .counts.npz.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from linksim.blocks.text.codes.statistics import counts_path
from linksim.blocks.text.source import read_sentences
from linksim.blocks.text.word_list import START, UNKNOWN, read_word_list, split_words


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="+", help=".txt, a sentence per line, or .json with captions")
    parser.add_argument("--words", type=int, default=4000)
    parser.add_argument("--sentences", action="store_true", help="count whole sentences too: for few different ones")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    sentences = [split_words(sentence) for path in asked.text for sentence in read_sentences(path)]
    alone = Counter(word for words in sentences for word in words)
    ranked = [word for word, _ in alone.most_common(asked.words)]
    asked.out.write_text("\n".join(ranked) + "\n", encoding="utf-8")
    known = read_word_list(str(asked.out)).places
    pairs = Counter(
        pair for words in sentences for pair in pairwise([START, *(known.get(word, UNKNOWN) for word in words)])
    )
    places = np.array(sorted(pairs), dtype=np.uint16)
    counts = np.array([pairs[first, second] for first, second in places.tolist()], dtype=np.uint32)
    path = counts_path(str(asked.out))
    np.savez_compressed(path, pairs=places, counts=counts, **(_whole(sentences, known) if asked.sentences else {}))
    share, size = sum(alone[word] for word in ranked) / alone.total(), path.stat().st_size / 1e6
    print(f"{len(ranked)} words hold {share:.2%} of {alone.total()}; {len(places)} pairs; {size:.2f} MB")


def _whole(sentences: Sequence[Sequence[str]], known: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Each sentence once, as places padded with zeros, and how often it occurs."""
    found = Counter(tuple(known.get(word, UNKNOWN) for word in words) for words in sentences)
    longest = max(map(len, found))
    rows = np.array([[*places, *[0] * (longest - len(places))] for places in found], dtype=np.uint16)
    return {"sentences": rows, "sentence_counts": np.array(list(found.values()), dtype=np.uint32)}


if __name__ == "__main__":
    main()
