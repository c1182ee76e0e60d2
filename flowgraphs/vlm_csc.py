"""What a picture says, sent instead of the picture."""

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import BandwidthRatio, Captioner, PictureGenerator
from linksim.errors import require
from linksim.flowgraphs.parts.caption import add_captioner
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.parts.text_system import BLEU_OUTPUTS
from linksim.flowgraphs.text_link import text_link
from linksim.types import Image, Text

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
    described = link or text_link(codec=TextCodec(CAPTION_WEIGHTS), channel=channel)
    return described_picture("vlm_csc", captioner or Captioner(), described, generator or PictureGenerator())


def described_picture(name: str, captioner: Block | None, link: Flowgraph, generator: Block) -> Flowgraph:
    """A sentence is sent instead of the picture. Inputs: those of `vlm_csc`, and without `captioner` the sentence,
    text. Outputs: those of `vlm_csc`."""
    fg = Flowgraph(name, inputs={"image": Image, "snr_db": Decibels, **({} if captioner else {"text": Text})})
    fg.link, fg.generator, fg.ratio = link, generator, BandwidthRatio()
    said = add_captioner(fg, captioner)
    fg.connect(said, fg.link["text"])
    fg.connect(fg["snr_db"], fg.link["snr_db"])
    fg.connect(fg.link["text"], fg.generator["text"])
    fg.connect(fg["image"], fg.ratio["image"])
    for port in ("uses", "uses_total"):
        fg.connect(fg.link[port], fg.ratio[port])
    # Links may shorten what they are given.
    fg.connect(fg.link["sent"] if "sent" in link.output_ports else said, fg["caption"])
    fg.connect(fg.link["text"], fg["text"])
    fg.connect(fg.generator, fg["image"])
    for port in LINK_OUTPUTS:
        if port in fg.link.output_ports:
            fg.connect(fg.link[port], fg[port])
    for port in ("cbr", "cbr_total"):
        fg.connect(fg.ratio[port], fg[port])
    return fg
