"""What is where in a picture, and in which colours: the receiver draws the rest."""

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import PSNR, CandidateEditor
from linksim.flowgraphs.caption_stream import caption_stream
from linksim.flowgraphs.parts.caption import add_bill, add_caption, another
from linksim.flowgraphs.separation import separation
from linksim.types import Text


def hosonuma25(
    *,
    target_cbr_total: float = 1 / 48,
    channel: Block | None = None,
    captioner: Block | None = None,
    caption_link: Flowgraph | None = None,
    editor: Block | None = None,
) -> Flowgraph:
    """A caption, a label map and a palette are sent; the receiver makes several pictures of them and keeps the one that
    is nearest to what was sent.

    The picture is made, not received. Labels are regions of one colour, as many as the uses carry, where the paper has
    DeepLab's classes; map and palette are one stream without loss (codec "painted"), by 5G LDPC and QAM that follow the
    SNR.

    Args:
        target_cbr_total: everything that is sent, the caption included, over 3*height*width.
        channel: AWGN unless given.
        captioner, caption_link: as for `gened_sc`.
        editor: from image, erased and text to image and edited; `CandidateEditor()` unless given.

    Inputs: image, snr_db [batch], the mean SNR, which the transmitter knows; text, where the caption is an input.
    Outputs: image; coarse, the painted picture; edited; psnr, coarse_psnr; erased, target_met; ledger, cbr, cbr_total,
    the caption's uses being side information; with a caption those of `gened_sc`.
    Source: Hosonuma et al., arXiv 2404.11280.
    """
    given = captioner is None and caption_link is not None
    fg = Flowgraph("hosonuma25", inputs={"image": Image, "snr_db": Decibels, **({"text": Text} if given else {})})
    fg.link = separation(codec="painted", target_cbr_total=target_cbr_total, channel=channel)
    fg.editor, fg.psnr = editor or CandidateEditor(), PSNR()
    for name in ("image", "snr_db"):
        fg.connect(fg[name], fg.link[name])
    bill = fg.link
    if captioner is not None or caption_link is not None:
        text = add_caption(fg, captioner, caption_link or caption_stream(channel=another(channel)))
        fg.connect(text, fg.editor["text"])
        bill = add_bill(fg)
    for name in ("image", "erased"):
        fg.connect(fg.link[name], fg.editor[name])
    fg.connect(fg.editor["image"], fg.psnr["image"])
    fg.connect(fg["image"], fg.psnr["original"])
    outputs = {
        "image": fg.editor["image"], "edited": fg.editor["edited"], "psnr": fg.psnr["out"],
        "coarse": fg.link["image"], "coarse_psnr": fg.link["psnr"],
        **{name: fg.link[name] for name in ("erased", "target_met")},
        **{name: bill[name] for name in ("ledger", "cbr", "cbr_total")},
    }  # fmt: skip
    for name, port in outputs.items():
        fg.connect(port, fg[name])
    return fg
