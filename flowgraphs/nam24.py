"""The words of a caption that matter, sent instead of the picture."""

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import Captioner, ContentWords, PictureGenerator
from linksim.flowgraphs.caption_stream import caption_stream
from linksim.flowgraphs.vlm_csc import described_picture
from linksim.types import Text


def nam24(*, captioner: Block | None = None, generator: Block | None = None, channel: Block | None = None) -> Flowgraph:
    """A caption without its function words, by a channel code, and a generator at the receiver: text alone.

    What arrives is a picture of the same kind, not the same picture. The paper sends ASCII over 16-QAM without a code,
    so that letters arrive wrong; here the words go by `caption_stream`, and arrive right or not at all. The paper's
    third step, captions in the receiver's style by a large language model, is left to the captioner.

    Args:
        captioner: from image to text; `Captioner()` unless given.
        generator: from text to image; `PictureGenerator()` unless given.
        channel: AWGN unless given.

    Inputs: image, snr_db [batch], the mean SNR, which the transmitter knows.
    Outputs: image; caption, the words as they were sent; text, those that arrived; erased; and what else `vlm_csc`
    gives.
    Source: Nam et al., arXiv 2309.11127.
    """
    return described_picture(
        "nam24", captioner or Captioner(), words_stream(channel), generator or PictureGenerator()
    )  # fmt: skip


def words_stream(channel: Block | None) -> Flowgraph:
    """`caption_stream` of the content words. Inputs and outputs: the same."""
    fg = Flowgraph("words_stream", inputs={"text": Text, "snr_db": Decibels})
    fg.content_words, fg.stream = ContentWords(), caption_stream(channel=channel)
    fg.connect(fg["text"], fg.content_words["text"])
    fg.connect(fg.content_words, fg.stream["text"])
    fg.connect(fg["snr_db"], fg.stream["snr_db"])
    for name in fg.stream.output_ports:
        fg.connect(fg.stream[name], fg[name])
    return fg
