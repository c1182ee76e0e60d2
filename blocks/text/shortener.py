"""Sentences of any length as sentences that a text link takes."""

from linksim.block import Block
from linksim.blocks.text.tokenizer import MAX_WORDS
from linksim.blocks.text.word_list import split_words
from linksim.errors import require
from linksim.types import Text

MOST_BYTES = 254
"""What a short message has room for."""


class TextShortener(Block):
    """Cut descriptions to whole words that fit a text link: control characters become spaces, and runs of these one.

    What a model says of a picture may be a page long. A first word that is too long is cut. A description without a
    word becomes the empty sentence, which text links refuse.

    Args:
        most_bytes: of UTF-8, at the most.

    Shapes: text [batch, bytes]; out [batch, bytes], at most 32 words and `most_bytes` bytes each. No gradient.
    Source: linksim.

    Raises:
        ParameterError: `most_bytes` is not in 1..254.

    >>> TextShortener(most_bytes=12)(text=Text.of(["A red\\n\\tcar on the left."])).sentences
    ['A red car on']
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        super().__init__()
        require(1 <= most_bytes <= MOST_BYTES, "most_bytes", f"in 1..{MOST_BYTES}", most_bytes)
        self.most_bytes = most_bytes

    def forward(self, text: Text) -> Text:
        return Text.of([shortened(each, self.most_bytes) for each in text.sentences]).to(text.length.device)


def shortened(sentence: str, most_bytes: int = MOST_BYTES) -> str:
    """The first words of a sentence, at most 32 and so many bytes; "" where it has none."""
    # Far longer than anything that fits: a page need not be read to its end.
    clean = "".join(sign if sign.isprintable() else " " for sign in sentence[: 8 * MOST_BYTES])

    def fits(text: str) -> bool:
        return len(text.encode()) <= most_bytes and len(split_words(text)) <= MAX_WORDS

    kept = ""
    for word in clean.split():
        longer = f"{kept} {word}".strip()
        if not fits(longer):
            break
        kept = longer
    else:
        return kept if split_words(kept) else ""
    # Scripts without spaces, and signs in a row, make words of any length.
    kept = kept or next(word[:end] for word in clean.split() for end in range(len(word), -1, -1) if fits(word[:end]))
    return kept if split_words(kept) else ""
