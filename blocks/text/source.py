"""Sentences as a source."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from linksim.block import Block
from linksim.blocks.text.tokenizer import checked_words
from linksim.errors import FileError, ParameterError, require
from linksim.types import Text


class TextSource(Block):
    """Sentences from files and a list, one after the other and again from the start, or shuffled.

    A run begins with the first sentence, like everything that is seeded; calls go on where the last one stopped.

    Args:
        files: .txt files with one sentence per line, or .json files with `items` that have a `caption` or `captions`.
        sentences: sentences, after those of the files.
        shuffle: draw a file, the list being one more, then a sentence of it, with replacement.
        hold_out: leave out each so manieth sentence of every file, for validation; 0 leaves out none.

    Shapes: out [batch, bytes].
    Source: linksim.

    Raises:
        FileError: a file cannot be read, or has no sentences.
        ParameterError: there are no sentences at all, or one is no sentence that `WordTokenizer` takes.

    >>> TextSource(sentences=("we agree .",))(batch=2).sentences
    ['we agree .', 'we agree .']
    """

    def __init__(
        self,
        *,
        files: tuple[str, ...] = (),
        sentences: tuple[str, ...] = (),
        shuffle: bool = False,
        hold_out: int = 0,
    ) -> None:
        super().__init__()
        require(hold_out == 0 or hold_out >= 2, "hold_out", "0, or at least 2", hold_out)
        require(bool(files or sentences), "files, sentences", "at least one", "none")
        for sentence in sentences:
            checked_words(sentence)
        read = (split_sentences(read_sentences(path), hold_out)[0] for path in files)
        self.groups = [group for group in (*read, sentences) if group]
        self.shuffle = shuffle

    def forward(self, batch: int) -> Text:
        return Text.of([self._drawn() if self.shuffle else self._next() for _ in range(batch)]).to(self.device)

    def _next(self) -> str:
        place = self.advance() % sum(map(len, self.groups))
        for group in self.groups:
            if place < len(group):
                return group[place]
            place -= len(group)
        raise AssertionError("a place is under the number of sentences")

    def _drawn(self) -> str:
        group = self.groups[self._below(len(self.groups))]
        return group[self._below(len(group))]

    def _below(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self.rng, device=self.device))


def split_sentences(sentences: Sequence[str], hold_out: int) -> tuple[Sequence[str], Sequence[str]]:
    """Those to train on, and each `hold_out`-th, which is held out; 0 holds out none."""
    if not hold_out:
        return sentences, ()
    kept = [sentence for number, sentence in enumerate(sentences) if number % hold_out != hold_out - 1]
    return kept, sentences[hold_out - 1 :: hold_out]


def read_sentences(path: str) -> Sequence[str]:
    """The sentences of a .txt file, one per line, or of a .json file of captions; empty lines are left out.

    Raises `FileError` where the file cannot be read, has none, or one that `WordTokenizer` does not take.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        found: list[Any] = _captions(json.loads(text)) if path.endswith(".json") else text.splitlines()
    except OSError as error:
        raise FileError(f"'{path}' is no file of sentences: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"'{path}' is no file of sentences: {error}") from None
    unit = "caption" if path.endswith(".json") else "line"
    sentences: list[str] = []
    for number, sentence in enumerate(found, 1):
        if not isinstance(sentence, str):
            raise FileError(f"'{path}', {unit} {number}: a sentence must be text (got {sentence!r})")
        try:
            sentences += [sentence.strip()] if sentence.strip() and checked_words(sentence.strip()) else []
        except ParameterError as error:
            raise FileError(f"'{path}', {unit} {number}: {error}") from None
    if not sentences:
        raise FileError(f"'{path}' has no sentences")
    return sentences


def _captions(content: Any) -> list[Any]:
    return [caption for item in content["items"] for caption in item.get("captions", [item.get("caption", "")])]
