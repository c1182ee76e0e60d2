"""The words of a sentence that say what is to be seen."""

from linksim.block import Block
from linksim.blocks.text.word_list import split_words
from linksim.types import Text

ENGLISH = """
a an the this that these those some any each every its their his her hers him he she it they them who which whose
there here is are was were be been being am has have had having do does did doing can could will would may might
must shall should and or but nor so yet as than then of in on at by to for from with without into onto over under up
down out off about above below across after against along among around before behind beneath beside between beyond
during inside near next outside through toward towards upon while where when if not no very too also just only more
most other another both all such own same
"""
FUNCTION_WORDS = frozenset(ENGLISH.split())


class ContentWords(Block):
    """A sentence without its function words and punctuation marks: articles, prepositions, auxiliaries, pronouns.

    The order is kept, and so is each word's first occurrence alone. A sentence of function words alone stays as it is.
    English, by a closed list; the paper takes the head words of a dependency parse.

    Shapes: text [batch, bytes]; out [batch, bytes]. No gradient.
    Source: Nam et al., arXiv 2309.11127 (semantic source coding).

    >>> ContentWords()(text=Text.of(["A brown dog is on the brown grass, near a wall."])).sentences
    ['brown dog grass wall']
    """

    def forward(self, text: Text) -> Text:
        return Text.of([_content(sentence) for sentence in text.sentences]).to(text.length.device)


def _content(sentence: str) -> str:
    words = [word for word in split_words(sentence) if any(sign.isalnum() for sign in word)]
    kept = [word for word in dict.fromkeys(words) if word.lower() not in FUNCTION_WORDS]
    return " ".join(kept) or sentence
