"""A latent over a channel that it knows nothing of, and a diffusion model that takes the noise out."""

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import EdgeMap, FixedRate, SideInformationLedger, TotalUses
from linksim.blocks.generative.edge_map import Edges
from linksim.flowgraphs.caption_stream import caption_stream
from linksim.flowgraphs.parts import Header, PictureCodec, SGDJSCCCodec, SwinJSCCCodec, picture_link
from linksim.flowgraphs.parts.caption import RESERVED, add_caption, another
from linksim.types import Score, Text

EDGE_CBR = 1 / 12
"""Of the edges' own picture, a sixteenth of the size: CBR 1/192 of the picture itself."""


def sgdjscc(
    *,
    target_cbr_total: float = 1 / 24,
    codec: PictureCodec | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    captioner: Block | None = None,
    caption_link: Flowgraph | None = None,
    edges: bool = True,
) -> Flowgraph:
    """A picture's latent is sent as it is; the receiver estimates the noise, and removes it by a diffusion model that
    edges and a sentence guide.

    Edges are a picture of their own, a quarter of the size, sent by SwinJSCC's codec at CBR 1/192. The paper sends them
    by a transformer at CBR 1/118, and a caption that is never lost and that nobody pays for; here it crosses the
    channel. The paper's latent is at CBR 1/24.

    Args:
        target_cbr_total: everything that is sent, edges and caption included, over 3*height*width.
        codec: `SGDJSCCCodec()` unless given; `SGDJSCCCodec(steps=4)` takes four steps of the diffusion model.
        header: a `RobustHeader` unless given.
        channel: AWGN unless given; edges and caption have a channel like it for each.
        captioner, caption_link: as for `gened_sc`.
        edges: whether they are sent.

    Inputs: image; snr_db [batch], the mean SNR, which channel, headers and the caption's code need, the latent not;
    text, where the caption is an input.
    Outputs: image; edges, as they arrived; psnr; erased, target_met; ledger, cbr, cbr_total, edges and caption being
    side information; with a caption those of `gened_sc`.
    Source: SGDJSCC, Zhang et al., arXiv 2501.01138.
    """
    says = captioner is not None or caption_link is not None
    given = captioner is None and caption_link is not None
    fg = Flowgraph("sgdjscc", inputs={"image": Image, "snr_db": Decibels, **({"text": Text} if given else {})})
    guides = {**({"edges": Edges} if edges else {}), **({"text": Text} if says else {})}
    fg.link = picture_link(
        "latent", codec or SGDJSCCCodec(), FixedRate(target_cbr_total=target_cbr_total), header=header, channel=channel,
        uses_importance=False, inputs={RESERVED: Score}, guides=guides,
    )  # fmt: skip
    for name in ("image", "snr_db"):
        fg.connect(fg[name], fg.link[name])
    if says:
        text = add_caption(fg, captioner, caption_link or caption_stream(channel=another(channel)), reserve=False)
        fg.connect(text, fg.link["text"])
    if edges:
        _add_edges(fg, header, another(channel))
    _add_bill(fg, says)
    for name in ("image", "psnr", "erased", "target_met"):
        fg.connect(fg.link[name], fg[name])
    return fg


def edge_link(header: Header | None = None, channel: Block | None = None) -> Flowgraph:
    """The link that carries edges. Inputs and outputs: those of `picture_link`."""
    rate = FixedRate(target_cbr=EDGE_CBR)
    return picture_link("edges", SwinJSCCCodec(), rate, header=header, channel=channel, uses_importance=False)


def _add_edges(fg: Flowgraph, header: Header | None, channel: Block | None) -> None:
    fg.edge_map, fg.edge_link = EdgeMap(), edge_link(header, channel)
    fg.connect(fg["image"], fg.edge_map["image"])
    fg.connect(fg.edge_map, fg.edge_link["image"])
    fg.connect(fg["snr_db"], fg.edge_link["snr_db"])
    fg.connect(fg.edge_link["image"], fg.link["edges"])
    fg.connect(fg.edge_link["image"], fg["edges"])


def _add_bill(fg: Flowgraph, says: bool) -> None:
    """What is sent beside the latent is kept free in the budget, and stands on the ledger."""
    beside = fg.caption_link["uses_total"] if says else None
    if "edge_link" in fg.blocks:
        fg.beside = TotalUses()
        fg.connect(fg.edge_link["ledger"], fg.beside["ledger"])
        if beside is not None:
            fg.connect(beside, fg.beside["uses"])
        beside = fg.beside.outputs["out"]
    bill = fg.link
    if beside is not None:
        fg.connect(beside, fg.link[RESERVED])
        fg.bill = bill = SideInformationLedger()
        fg.connect(fg.link["ledger"], fg.bill["ledger"])
        fg.connect(beside, fg.bill["uses"])
    for name in ("ledger", "cbr", "cbr_total"):
        fg.connect(bill[name], fg[name])
