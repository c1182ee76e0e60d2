"""The structure of a picture by a codec, and a model at the receiver that finishes it."""

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import PSNR, ForegroundRate, PictureEditor, ReceivedSNR
from linksim.flowgraphs.caption_stream import caption_stream
from linksim.flowgraphs.parts import GenEDCodec, Header, PictureCodec, picture_link
from linksim.flowgraphs.parts.caption import RESERVED, add_bill, add_caption, another
from linksim.port import PortRef
from linksim.types import Score, Text


def gened_sc(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    captioner: Block | None = None,
    caption_link: Flowgraph | None = None,
    editor: Block | None = None,
) -> Flowgraph:
    """A codec spends its symbols on the foreground, a sentence says what is to be seen, and a model at the receiver
    edits the coarse picture by it.

    The edited picture is made, not received: what the editor adds is likely, and may be wrong. `coarse` is what was
    received, and `coarse_psnr` measures it.

    The paper leaves open how many symbols each branch gets, and how the receiver knows the foreground. Here the
    foreground's patches get three times the uses of the others, and the header, which codes the rate map, tells the
    receiver.

    Without `captioner` and `caption_link` no caption is sent. A caption costs channel uses, and the embedded editor
    gains nothing by one that could be measured (`linksim bench generative`).

    Args:
        codec: `GenEDCodec()` unless given; any other codec of pictures can take its place.
        rate: `ForegroundRate()` unless given, CBR 1/24. A target of everything that is sent includes the caption.
        header: a `RobustHeader` unless given.
        channel: AWGN unless given.
        captioner: from image to text, as `Captioner()`.
        caption_link: from text and snr_db to text, as `caption_stream` makes it, which is taken unless given, over a
            channel like that of the picture. Given without `captioner`, the caption is an input.
        editor: from image, lengths, snr_db and text to image, edited and explanation; `PictureEditor()` unless given.

    Inputs: image, snr_db [batch], the mean SNR, which the transmitter knows; text, see `caption_link`.
    Outputs: image; coarse, the picture before it was edited; edited, whether it was, and explanation, by whom or why
    not; lengths, the rate map as it was received; psnr, coarse_psnr; erased, target_met; ledger, cbr, cbr_total, the
    caption's uses being side information; with a caption caption, as it was sent, text, as it arrived, caption_erased
    and caption_uses.
    Source: GenED-SC (arXiv 2606.04015), section III.
    """
    given = captioner is None and caption_link is not None
    fg = Flowgraph("gened_sc", inputs={"image": Image, "snr_db": Decibels, **({"text": Text} if given else {})})
    fg.link = first_stage(codec or GenEDCodec(), rate or ForegroundRate(), header, channel)
    text = None
    if captioner is not None or caption_link is not None:
        text = add_caption(fg, captioner, caption_link or caption_stream(channel=another(channel)))
    fg.editor = editor or PictureEditor()
    fg.psnr = PSNR()
    for name in ("image", "snr_db"):
        fg.connect(fg[name], fg.link[name])
    for port, name in (("image", "image"), ("lengths", "lengths"), ("received_snr_db", "snr_db")):
        fg.connect(fg.link[port], fg.editor[name])
    if text is not None:
        fg.connect(text, fg.editor["text"])
    fg.connect(fg.editor["image"], fg.psnr["image"])
    fg.connect(fg["image"], fg.psnr["original"])
    _add_outputs(fg, text)
    return fg


def _add_outputs(fg: Flowgraph, text: PortRef | None) -> None:
    bill = fg.link if text is None else add_bill(fg)
    outputs = {
        **{name: fg.editor[name] for name in ("image", "edited", "explanation")},
        "psnr": fg.psnr["out"], "coarse": fg.link["image"], "coarse_psnr": fg.link["psnr"],
        **{name: fg.link[name] for name in ("lengths", "erased", "target_met")},
        **{name: bill[name] for name in ("ledger", "cbr", "cbr_total")},
    }  # fmt: skip
    for name, port in outputs.items():
        fg.connect(port, fg[name])


def first_stage(codec: PictureCodec, rate: Block, header: Header | None, channel: Block | None) -> Flowgraph:
    """The link without editor. Inputs: those of `picture_link`; reserved, see `ForegroundRate`, where the rate takes
    it. Outputs: those of `picture_link`; lengths, the rate map as it was received; received_snr_db, the SNR as the
    receiver sees it."""
    more = {RESERVED: Score} if RESERVED in rate.input_ports else None
    link = picture_link(
        "first_stage", codec, rate, header=header, channel=channel, uses_importance=False, inputs=more
    )  # fmt: skip
    link.received_snr = ReceivedSNR()
    link.connect(link.channel["out"], link.received_snr["received"])
    link.connect(link.received_snr, link["received_snr_db"])
    link.connect(link.receiver["lengths"], link["lengths"])
    return link
