"""Closed word lists: shipped by name, or from a file."""

import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from linksim.errors import FileError, ParameterError, nearest
from linksim.weights import SHIPPED

SUFFIX = ".words.txt"
DATA_FILES = tuple(sorted(Path(str(files(SHIPPED))).glob(f"*{SUFFIX}")))
"""Files that identify results in a store, beside the source code."""
SPECIAL = ("<pad>", "<start>", "<unk>")
"""What comes before the words: the padding behind a sentence, what stands before its first word, and a word that is not
in the list."""
PADDING, START, UNKNOWN = range(len(SPECIAL))
WORD = re.compile(r"<unk>|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[^\w\s]|_")
"""The mark of an unknown word, a word with its apostrophes, a number, or a single other sign."""
WIDTHLESS = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
"""Signs that show nothing of their own, as the soft hyphen and what joins emoji: they stand in text that was copied."""


class WordList:
    """The words that a text codec knows, in the order of their places. Raises `FileError` where one stands twice."""

    def __init__(self, name: str, words: tuple[str, ...]) -> None:
        self.name, self.words = name, (*SPECIAL, *words)
        self.places = {word: place for place, word in enumerate(self.words)}
        if len(self.places) < len(self.words):
            raise FileError(f"the word list '{name}' has a word twice")

    def __len__(self) -> int:
        return len(self.words)


def split_words(sentence: str) -> list[str]:
    """A sentence in lower case as words, numbers and punctuation marks, without signs of no width."""
    return WORD.findall(sentence.translate(WIDTHLESS).lower().replace("’", "'"))


def shipped_word_lists() -> list[str]:
    """The names of the word lists that come with the package; weights of the same name belong to each."""
    names = (entry.name for entry in files(SHIPPED).iterdir())
    return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))


def read_word_list(name: str) -> WordList:
    """A shipped word list by name, or a .txt file with one word per line by its path.

    Raises:
        ParameterError: there is no list of that name.
        FileError: there is no such file, it is no list of words, or it has one that no sentence can have.
    """
    if name.endswith(".txt"):
        path = Path(name)
    elif name in shipped_word_lists():
        path = Path(str(files(SHIPPED).joinpath(name + SUFFIX)))
    else:
        raise ParameterError(f"no word list '{name}'; {nearest(name, shipped_word_lists())} (a path must end in .txt)")
    try:
        return _read(name, path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"'{name}' is no list of words: {error}") from None


@lru_cache(maxsize=32)
def _read(name: str, path: Path, _changed: int) -> WordList:
    # With the mark of byte order that editors put in front.
    words = tuple(path.read_text(encoding="utf-8-sig").split())
    if not words:
        raise FileError(f"the word list '{name}' is empty")
    for word in words:
        if split_words(word) != [word]:
            raise FileError(
                f"the word list '{name}' has '{word}', which no sentence has: a word is in lower case, with ' as its "
                f"apostrophe, and without other signs (here {' and '.join(map(repr, split_words(word))) or 'nothing'})"
            )
    return WordList(name, words)
