"""The structure of a picture by a codec, and a model at the receiver that finishes it."""

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import PSNR, ForegroundRate, PictureEditor, ReceivedSNR
from linksim.flowgraphs.parts import GenEDCodec, Header, PictureCodec, picture_link

LINK_OUTPUTS = ("erased", "target_met", "ledger", "cbr", "cbr_total")


def gened_sc(
    *,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    editor: Block | None = None,
) -> Flowgraph:
    """A codec spends its symbols on the foreground, and a model at the receiver edits the coarse picture.

    The edited picture is made, not received: what the editor adds is likely, and may be wrong. `coarse` is what was
    received, and `coarse_psnr` measures it.

    The paper leaves open how many symbols each branch gets, and how the receiver knows the foreground. Here the
    foreground's patches get twice the uses of the others, and the header, which codes the rate map, tells the receiver.

    Args:
        codec: `GenEDCodec()` unless given; any other codec of pictures can take its place.
        rate: `ForegroundRate()` unless given, CBR 1/24.
        header: a `RobustHeader` unless given.
        channel: AWGN unless given.
        editor: from image, lengths and snr_db to image, edited and explanation; `PictureEditor()` unless given.

    Inputs: image, snr_db [batch], the mean SNR, which the transmitter knows.
    Outputs: image; coarse, the picture before it was edited; edited, whether it was, and explanation, by whom or why
    not; lengths, the rate map as it was
    received; psnr, coarse_psnr; erased, target_met, ledger, cbr, cbr_total.
    Source: GenED-SC (arXiv 2606.04015), section III.
    """
    fg = Flowgraph("gened_sc", inputs={"image": Image, "snr_db": Decibels})
    fg.link = first_stage(codec or GenEDCodec(), rate or ForegroundRate(), header, channel)
    fg.editor = editor or PictureEditor()
    fg.psnr = PSNR()
    for name in ("image", "snr_db"):
        fg.connect(fg[name], fg.link[name])
    for port, name in (("image", "image"), ("lengths", "lengths"), ("received_snr_db", "snr_db")):
        fg.connect(fg.link[port], fg.editor[name])
    fg.connect(fg.editor["image"], fg.psnr["image"])
    fg.connect(fg["image"], fg.psnr["original"])
    outputs = {
        **{name: fg.editor[name] for name in ("image", "edited", "explanation")},
        "psnr": fg.psnr["out"], "coarse": fg.link["image"], "coarse_psnr": fg.link["psnr"],
        **{name: fg.link[name] for name in ("lengths", *LINK_OUTPUTS)},
    }  # fmt: skip
    for name, port in outputs.items():
        fg.connect(port, fg[name])
    return fg


def first_stage(codec: PictureCodec, rate: Block, header: Header | None, channel: Block | None) -> Flowgraph:
    """The link without editor. Outputs: those of `picture_link`; lengths, the rate map as it was received;
    received_snr_db, the SNR as the receiver sees it."""
    link = picture_link("first_stage", codec, rate, header=header, channel=channel, uses_importance=False)
    link.received_snr = ReceivedSNR()
    link.connect(link.channel["out"], link.received_snr["received"])
    link.connect(link.received_snr, link["received_snr_db"])
    link.connect(link.receiver["lengths"], link["lengths"])
    return link
