"""SwinJSCC: a picture straight to channel symbols and back, one model for all SNRs and rates."""

from linksim import Block, Flowgraph
from linksim.blocks import SwinJSCCDecoder, SwinJSCCEncoder
from linksim.blocks.jscc.swinjscc import ANY_RATE
from linksim.blocks.vectorizer.conv_transform import TOKEN
from linksim.flowgraphs.direct_codec import direct_link, direct_training
from linksim.flowgraphs.picture_link import Header


def swinjscc(
    *,
    weights: str | None = "swinjscc",
    target_cbr: float | None = None,
    target_cbr_total: float | None = None,
    channel: Block | None = None,
    header: Header = "robust",
    header_code_rate: float = 0.5,
) -> Flowgraph:
    """SwinJSCC's link at the highest rate, 1 to 64 uses per patch, that the target allows, every patch alike.

    Without a target, target_cbr is 0.0201. The transmitter's coder knows the SNR; it heeds no importance.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional, for the metrics), snr_db [batch].
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    Source: SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025; see `SwinJSCCEncoder`.
    """
    return direct_link(
        "swinjscc",
        SwinJSCCEncoder(weights=weights),
        SwinJSCCDecoder(weights=weights),
        token=TOKEN,
        rate_set=ANY_RATE,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        channel=channel,
        header=header,
        header_code_rate=header_code_rate,
    )


def swinjscc_training(*, weights: str | None = None, fading_share: float = 0.25, evenness: float = 1.0) -> Flowgraph:
    """What `linksim train swinjscc` runs; see `direct_training`."""
    encoder, decoder = SwinJSCCEncoder(weights=weights), SwinJSCCDecoder(weights=weights)
    return direct_training(
        "swinjscc_training", encoder, decoder, token=TOKEN, fading_share=fading_share, evenness=evenness
    )
