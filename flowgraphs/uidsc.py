"""The part of a picture that a user wants, over a noisy link."""

from linksim import Block, Decibels, Flowgraph, Image
from linksim.blocks import PSNR, SSIM, FixedRate, MaskedPicture, RegionPSNR
from linksim.flowgraphs.parts import Header, PictureCodec, UIDSCCodec, picture_link
from linksim.types import Mask

CBR = 1 / 12
LINK_OUTPUTS = ("image", "erased", "target_met", "ledger", "cbr", "cbr_total")


def uidsc(
    *,
    intent: Block | None = None,
    codec: PictureCodec | None = None,
    rate: Block | None = None,
    header: Header | None = None,
    channel: Block | None = None,
    fill: float = 0.0,
) -> Flowgraph:
    """A sentence becomes a mask, and the masked picture crosses the channel by a codec that knows mask and SNR.

    The receiver is not told the mask: it sees the black background, as in the paper. With `rate=MaskedRate()` the rate
    map tells it which patches the mask touches, and the header, which codes the map, pays for that.

    The paper leaves open its rate, the size of its networks and its equalizer. Ours: CBR 1/12, 2 M parameters, MMSE.

    Args:
        intent: from image and sentence to mask, as `IntentMask()`; without it the mask is an input.
        codec: `UIDSCCodec()` unless given; any other codec of pictures is sent the same masked picture.
        rate: `FixedRate` at CBR 1/12 unless given.
        header: a `RobustHeader` unless given.
        channel: AWGN unless given.
        fill: what the background is painted with at the transmitter, 0 (black) to 1; every metric has it in black.

    Inputs: image, snr_db [batch], the mean SNR, which the transmitter knows; mask, or what `intent` takes: the sentence
    `intent`, `detections` and, where they are known, `instances`.
    Outputs: image; masked, the masked picture as it should arrive; mask; psnr and ssim of the whole masked picture;
    region_psnr, of the region of interest alone; masked_again_psnr, with all else blackened at the receiver; erased,
    target_met, ledger, cbr, cbr_total; with `intent` found and explanation.
    Source: UIDSC (arXiv 2508.05884), section II.
    """
    codec = codec or UIDSCCodec()
    types = {"image": Image, "snr_db": Decibels, **_intent_inputs(intent)}
    fg = Flowgraph("uidsc", inputs=types)
    mask = fg["mask"] if intent is None else None
    if intent is not None:
        fg.intent_mask = intent
        for name in intent.input_ports:
            fg.connect(fg[name], fg.intent_mask[name])
        mask = fg.intent_mask["mask"]
        for name in ("found", "explanation"):
            fg.connect(fg.intent_mask[name], fg[name])
    assert mask is not None
    fg.masking, fg.black = MaskedPicture(fill=fill), MaskedPicture()
    knows_mask = "mask" in codec.encoder.input_ports
    fg.link = picture_link(
        "masked_link",
        codec,
        rate or FixedRate(target_cbr=CBR),
        header=header,
        channel=channel,
        uses_importance=False,
        inputs={"mask": Mask} if knows_mask else None,
    )
    for block in (fg.masking, fg.black):
        fg.connect(fg["image"], block["image"])
        fg.connect(mask, block["mask"])
    fg.connect(fg.masking, fg.link["image"])
    fg.connect(fg["snr_db"], fg.link["snr_db"])
    if knows_mask:
        fg.connect(mask, fg.link["mask"])
    # The link's own PSNR would have the background as it was painted.
    fg.region_psnr, fg.ssim, fg.psnr = RegionPSNR(), SSIM(), PSNR()
    for block in (fg.region_psnr, fg.ssim, fg.psnr):
        fg.connect(fg.link["image"], block["image"])
        fg.connect(fg.black, block["original"])
    fg.connect(mask, fg.region_psnr["mask"])
    fg.connect(fg.region_psnr["region"], fg["region_psnr"])
    fg.connect(fg.region_psnr["masked_again"], fg["masked_again_psnr"])
    fg.connect(fg.ssim, fg["ssim"])
    fg.connect(fg.psnr, fg["psnr"])
    fg.connect(fg.black, fg["masked"])
    fg.connect(mask, fg["mask"])
    for name in LINK_OUTPUTS:
        fg.connect(fg.link[name], fg[name])
    return fg


def _intent_inputs(intent: Block | None) -> dict[str, object]:
    if intent is None:
        return {"mask": Mask}
    return {name: port.spec.annotation for name, port in intent.input_ports.items() if name != "image"}
