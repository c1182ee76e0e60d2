"""Sentences over a noisy link by a learned codec."""

from linksim import Block, Decibels, Flowgraph, Received
from linksim.blocks import (
    FrameBuilder,
    FrameSplitter,
    ShortHeaderDecoder,
    ShortHeaderEncoder,
    WordDetokenizer,
    WordTokenizer,
)
from linksim.blocks.text.tokenizer import MAX_WORDS
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.parts.text_system import text_system
from linksim.types import Text


def text_link(
    *, codec: TextCodec | None = None, channel: Block | None = None, source: Block | None = None
) -> Flowgraph:
    """A semantic and a channel encoder of words, the channel, and both decoders; a header says how many words come.

    The codec is of DeepSC's kind, with the noise attention (NAM) of VLM-CSC. Without NAM, and with 8 channel uses per
    word, it is DeepSC.

    Args:
        codec: `TextCodec()` unless given: Europarl's 3,994 commonest words, 8 complex channel uses per word.
        channel: AWGN unless given.
        source: a block that gives text, as `TextSource`; without it text is an input.

    Inputs: text, snr_db [batch], the mean SNR, which the transmitter knows.
    Outputs: text; confidence, the probability of each word [batch, words]; erased, the header being lost; bleu_1 to
    bleu_4, word_error_rate, sentence_error_rate; unknown, words that the list does not have; uses, uses_total.
    Source: Xie et al., DeepSC, IEEE Trans. Signal Process. 2021; VLM-CSC (arXiv 2407.00020), section III.
    """
    codec = codec or TextCodec()
    link = text_system("text_link", _transmitter(codec), _receiver(codec), channel=channel, source=source)
    link.connect(link.receiver["confidence"], link["confidence"])
    return link


def _transmitter(codec: TextCodec) -> Flowgraph:
    fg = Flowgraph("transmitter", inputs={"text": Text, "snr_db": Decibels})
    fg.tokenizer = WordTokenizer(word_list=codec.word_list)
    fg.encoder, fg.channel_encoder = codec.encoder, codec.channel_encoder
    fg.header, fg.frame = ShortHeaderEncoder(largest_number=MAX_WORDS), FrameBuilder()
    fg.connect(fg["text"], fg.tokenizer)
    fg.connect(fg.tokenizer["words"], fg.encoder["words"])
    for block in (fg.encoder, fg.channel_encoder):
        fg.connect(fg["snr_db"], block["snr_db"])
    for name in ("features", "length"):
        fg.connect(fg.encoder[name], fg.channel_encoder[name])
    fg.connect(fg.encoder["length"], fg.header["number"])
    fg.connect(fg.header, fg.frame["header"])
    fg.connect(fg.channel_encoder, fg.frame["payload"])
    outputs = {
        "symbols": fg.frame["out"],
        "payload": fg.channel_encoder.outputs["out"],
        "header": fg.header.outputs["out"],
        "unknown": fg.tokenizer["unknown"],
    }
    for name, port in outputs.items():
        fg.connect(port, fg[name])
    return fg


def _receiver(codec: TextCodec) -> Flowgraph:
    fg = Flowgraph("receiver", inputs={"received": Received})
    fg.header, fg.splitter = ShortHeaderDecoder(largest_number=MAX_WORDS), FrameSplitter()
    fg.channel_decoder, fg.decoder = codec.channel_decoder, codec.decoder
    fg.detokenizer = WordDetokenizer(word_list=codec.word_list)
    fg.connect(fg["received"], fg.header["received"])
    fg.connect(fg["received"], fg.splitter["received"])
    fg.connect(fg.header["uses"], fg.splitter["header_uses"])
    fg.connect(fg.splitter, fg.channel_decoder["received"])
    fg.connect(fg.header["number"], fg.channel_decoder["length"])
    for name in ("features", "length", "snr_db"):
        fg.connect(fg.channel_decoder[name], fg.decoder[name])
    fg.connect(fg.decoder["words"], fg.detokenizer["words"])
    for name, port in (
        ("text", fg.detokenizer["out"]),
        ("confidence", fg.decoder["confidence"]),
        ("erased", fg.header["erased"]),
    ):
        fg.connect(port, fg[name])
    return fg
