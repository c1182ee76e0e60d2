"""What a picture says, sent instead of the picture."""

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import BandwidthRatio, Captioner, PictureGenerator
from linksim.errors import require
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.parts.text_system import BLEU_OUTPUTS
from linksim.flowgraphs.text_link import text_link
from linksim.types import Image

CAPTION_WEIGHTS = "captions"
LINK_OUTPUTS = ("confidence", "erased", "unknown", *BLEU_OUTPUTS, "word_error_rate", "sentence_error_rate", "uses",
                "uses_total")  # fmt: skip


def vlm_csc(
    *,
    captioner: Block | None = None,
    link: Flowgraph | None = None,
    generator: Block | None = None,
    channel: Block | None = None,
) -> Flowgraph:
    """A captioner describes the picture, a text link carries the sentence, and a generator makes a picture that fits.

    What arrives is a picture of the same kind, not the same picture: PSNR says nothing about it. Whether a classifier
    finds the same class in it is what the paper measures (`linksim bench vlm_csc`).

    The paper leaves open how many channel uses a word gets, the words, and the networks' versions. Ours: 2 complex uses
    per word, the 98 words of the shipped captions, and small networks that were trained here; BLIP and Stable
    Diffusion stand behind the same blocks.

    Args:
        captioner: from image to text; `Captioner()` unless given.
        link: from text and snr_db to text, as `text_link` and `digital_text` make it. `text_link` with the codec
            `TextCodec("captions")` unless given.
        generator: from text to image; `PictureGenerator()` unless given.
        channel: of the link that is made here; AWGN unless given.

    Inputs: image, snr_db [batch], the mean SNR, which the transmitter knows.
    Outputs: image; caption, the sentence that was sent; text, the one that arrived; erased; unknown; bleu_1 to bleu_4,
    word_error_rate, sentence_error_rate; uses, uses_total, and both per number of the picture, cbr and cbr_total; with
    a learned link confidence.
    Source: VLM-CSC (arXiv 2407.00020), section III.

    Raises `ParameterError` where a link and a channel are given.
    """
    require(link is None or channel is None, "channel", "left out where a link is given, which has its own", channel)
    fg = Flowgraph("vlm_csc", inputs={"image": Image, "snr_db": Decibels})
    fg.captioner, fg.generator, fg.ratio = captioner or Captioner(), generator or PictureGenerator(), BandwidthRatio()
    fg.link = link or text_link(codec=TextCodec(CAPTION_WEIGHTS), channel=channel)
    fg.connect(fg["image"], fg.captioner["image"])
    fg.connect(fg.captioner, fg.link["text"])
    fg.connect(fg["snr_db"], fg.link["snr_db"])
    fg.connect(fg.link["text"], fg.generator["text"])
    fg.connect(fg["image"], fg.ratio["image"])
    for name in ("uses", "uses_total"):
        fg.connect(fg.link[name], fg.ratio[name])
    fg.connect(fg.captioner, fg["caption"])
    fg.connect(fg.link["text"], fg["text"])
    fg.connect(fg.generator, fg["image"])
    for name in LINK_OUTPUTS:
        if name in fg.link.output_ports:
            fg.connect(fg.link[name], fg[name])
    for name in ("cbr", "cbr_total"):
        fg.connect(fg.ratio[name], fg[name])
    return fg
