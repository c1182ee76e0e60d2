"""Sentences that both ends know, by their numbers in a code for small blocks."""

from linksim import Block, Flowgraph, Received
from linksim.blocks import NumberedSentences, SentenceNumberer, ShortHeaderDecoder, ShortHeaderEncoder
from linksim.blocks.text.numbered import NUMBERED_WORDS
from linksim.flowgraphs.parts.text_system import text_system
from linksim.types import Text


def numbered_text(
    *, word_list: str = NUMBERED_WORDS, channel: Block | None = None, source: Block | None = None
) -> Flowgraph:
    """The number of a sentence in 32 channel uses of 5G's code for small blocks, and nothing else.

    It is the rival of a learned codec whose sentences are few: of each of the 2,047 likeliest captions both ends know
    the number. Any other sentence is lost. There is no check; the receiver takes the likeliest number.

    Args:
        word_list: see `SentenceNumberer`.
        channel: AWGN unless given.
        source: a block that gives text, as `TextSource`; without it text is an input.

    Inputs: text, snr_db [batch], the mean SNR, which the transmitter does not need.
    Outputs: text; erased, sentences without a number; bleu_1 to bleu_4, word_error_rate, sentence_error_rate; unknown,
    words of sentences without a number; uses, uses_total, both 32.
    """
    return text_system("numbered_text", _transmitter(word_list), _receiver(word_list), channel=channel, source=source)


def _transmitter(word_list: str) -> Flowgraph:
    fg = Flowgraph("transmitter", inputs={"text": Text})
    fg.numberer, fg.coder = SentenceNumberer(word_list=word_list), ShortHeaderEncoder()
    fg.connect(fg["text"], fg.numberer)
    fg.connect(fg.numberer["number"], fg.coder["number"])
    for name in ("symbols", "payload"):
        fg.connect(fg.coder, fg[name])
    fg.connect(fg.numberer["unknown"], fg["unknown"])
    return fg


def _receiver(word_list: str) -> Flowgraph:
    fg = Flowgraph("receiver", inputs={"received": Received})
    fg.decoder = ShortHeaderDecoder(least_probability=0.0)
    fg.sentences = NumberedSentences(word_list=word_list)
    fg.connect(fg["received"], fg.decoder["received"])
    for name in ("number", "erased"):
        fg.connect(fg.decoder[name], fg.sentences[name])
    for name in ("text", "erased"):
        fg.connect(fg.sentences[name], fg[name])
    return fg
