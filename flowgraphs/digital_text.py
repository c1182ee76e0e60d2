"""Sentences over a noisy link by a source code and a channel code."""

from linksim import Block, Decibels, Flowgraph, Received
from linksim.blocks import (
    FrameBuilder,
    FrameSplitter,
    ShortHeaderDecoder,
    ShortHeaderEncoder,
    ShortTransportDecoder,
    ShortTransportEncoder,
    TextCompressor,
    TextDecompressor,
)
from linksim.blocks.text.digital import DEFAULT_CODE
from linksim.blocks.text.tokenizer import DEFAULT_WORDS
from linksim.blocks.transport.short_transport import LARGEST_NUMBER
from linksim.flowgraphs.parts.text_system import text_system
from linksim.types import Text


def digital_text(
    *,
    code: str = DEFAULT_CODE,
    word_list: str = DEFAULT_WORDS,
    uses_per_word: int | None = None,
    fixed: tuple[int, float] | None = None,
    channel: Block | None = None,
    source: Block | None = None,
) -> Flowgraph:
    """A sentence's bits, a CRC, a 5G polar code and QAM: what a learned text codec has to beat.

    Args:
        code: "bigram", "huffman", "five_bit", "utf8" or "sentences", see `TextCompressor`.
        word_list: see `WordTokenizer`.
        uses_per_word: complex channel uses per word, to compare at equal uses; None takes as few as the SNR allows.
        fixed: bits per symbol of the QAM and code rate, whatever the SNR; see `ShortTransportEncoder`.
        channel: AWGN unless given.
        source: a block that gives text, as `TextSource`; without it text is an input.

    Inputs: text, snr_db [batch], the mean SNR, which the transmitter knows.
    Outputs: text; erased, header or check having failed; bleu_1 to bleu_4, word_error_rate, sentence_error_rate;
    unknown, words that the code cannot say; uses, uses_total.
    """
    transport = ShortTransportEncoder(uses_per_word=uses_per_word, fixed=fixed)
    transmitter, receiver = _transmitter(code, word_list, transport), _receiver(code, word_list)
    return text_system("digital_text", transmitter, receiver, channel=channel, source=source)


def _transmitter(code: str, word_list: str, transport: ShortTransportEncoder) -> Flowgraph:
    fg = Flowgraph("transmitter", inputs={"text": Text, "snr_db": Decibels})
    fg.compressor = TextCompressor(code=code, word_list=word_list)
    fg.transport = transport
    fg.header, fg.frame = ShortHeaderEncoder(largest_number=LARGEST_NUMBER), FrameBuilder()
    fg.connect(fg["text"], fg.compressor)
    for name in ("bits", "bit_count", "words"):
        fg.connect(fg.compressor[name], fg.transport[name])
    fg.connect(fg["snr_db"], fg.transport["snr_db"])
    fg.connect(fg.transport["number"], fg.header["number"])
    fg.connect(fg.header, fg.frame["header"])
    fg.connect(fg.transport["symbols"], fg.frame["payload"])
    outputs = {
        "symbols": fg.frame["out"],
        "payload": fg.transport["symbols"],
        "header": fg.header.outputs["out"],
        "unknown": fg.compressor["unknown"],
    }
    for name, port in outputs.items():
        fg.connect(port, fg[name])
    return fg


def _receiver(code: str, word_list: str) -> Flowgraph:
    fg = Flowgraph("receiver", inputs={"received": Received})
    # The message has a check of its own, which finds nearly all wrong numbers.
    fg.header = ShortHeaderDecoder(largest_number=LARGEST_NUMBER, least_probability=0.0)
    fg.splitter = FrameSplitter()
    fg.transport, fg.decompressor = ShortTransportDecoder(), TextDecompressor(code=code, word_list=word_list)
    fg.connect(fg["received"], fg.header["received"])
    fg.connect(fg["received"], fg.splitter["received"])
    fg.connect(fg.header["uses"], fg.splitter["header_uses"])
    fg.connect(fg.splitter, fg.transport["received"])
    for name in ("number", "erased"):
        fg.connect(fg.header[name], fg.transport[name])
    for name in ("bits", "bit_count", "erased"):
        fg.connect(fg.transport[name], fg.decompressor[name])
    fg.connect(fg.decompressor, fg["text"])
    fg.connect(fg.transport["erased"], fg["erased"])
    return fg
