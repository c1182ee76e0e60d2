"""A picture over a noisy link with a codec in closed form: KLT, a rate per patch, linear joint coding."""

from linksim import Block, Flowgraph
from linksim.blocks import (
    KLTDevectorizer,
    KLTVectorizer,
    LinearJSCCDecoder,
    LinearJSCCDistortion,
    LinearJSCCEncoder,
    RateAllocator,
)
from linksim.blocks.rate import RateSet
from linksim.flowgraphs.picture_link import PAPER_CBR, PICTURE_INPUTS, Header, connect_link, connect_vectorizer


def klt(
    *,
    eta: float | None = None,
    target_cbr: float | None = None,
    target_cbr_total: float | None = None,
    target_psnr: float | None = None,
    alpha: float = 8.0,
    importance_exponent: float = 2.0,
    rate_set: RateSet = "default",
    map_smoothing: float = 0.0,
    channel: Block | None = None,
    header: Header = "robust",
    header_code_rate: float = 0.5,
) -> Flowgraph:
    """The KLT link. Give eta or one target, else target_cbr is 0.0201; see `RateAllocator` for the rate's parameters.

    Inputs: image [batch, 3, height, width], boxes and known_importance (optional), snr_db [batch].
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    """
    if eta is None and target_cbr is None and target_cbr_total is None and target_psnr is None:
        target_cbr = PAPER_CBR
    fg = Flowgraph("klt", inputs=PICTURE_INPUTS)
    fg.vectorizer, fg.devectorizer = KLTVectorizer(), KLTDevectorizer()
    fg.rate = RateAllocator(
        eta=eta,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        target_psnr=target_psnr,
        alpha=alpha,
        rate_set=rate_set,
        map_smoothing=map_smoothing,
        header_code_rate=header_code_rate,
    )
    fg.jscc_encoder = LinearJSCCEncoder(rate_set=rate_set, importance_exponent=importance_exponent)
    fg.jscc_decoder = LinearJSCCDecoder(rate_set=rate_set)
    received = connect_link(fg, rate_set=rate_set, channel=channel, header=header, header_code_rate=header_code_rate)
    connect_vectorizer(fg)
    for block in (fg.rate, fg.jscc_encoder):
        fg.connect(fg.importance, block["importance"])
    fg.connect(fg.jscc_encoder["loading"], fg.header["loading"])
    fg.connect(received.outputs["loading"], fg.jscc_decoder["loading"])
    if target_psnr is not None:
        fg.distortion = LinearJSCCDistortion(importance_exponent=importance_exponent)
        fg.connect(fg.importance, fg.distortion["importance"])
        fg.connect(fg.vectorizer["latent"], fg.distortion, fg.rate["distortion"])
        fg.connect(fg["snr_db"], fg.rate["snr_db"])
    return fg
