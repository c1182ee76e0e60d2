"""DeepJSCC: a picture by convolutions straight to channel symbols and back, every patch alike."""

from linksim import Block, Flowgraph
from linksim.blocks import DeepJSCCDecoder, DeepJSCCEncoder
from linksim.blocks.jscc.deepjscc import FIXED_RATES
from linksim.blocks.vectorizer.conv_transform import TOKEN
from linksim.flowgraphs.direct_codec import direct_link, direct_training
from linksim.flowgraphs.picture_link import Header


def deepjscc(
    *,
    weights: str | None = "deepjscc",
    target_cbr: float | None = None,
    target_cbr_total: float | None = None,
    channel: Block | None = None,
    header: Header = "robust",
    header_code_rate: float = 0.5,
) -> Flowgraph:
    """DeepJSCC's link at the highest of its rates, 15, 16, 32, 48 or 64 uses per patch, that the target allows.

    Without a target, target_cbr is 0.0201. The weights are for 10 dB; the coder knows no SNR and heeds no importance.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional, for the metrics), snr_db [batch].
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    Source: Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019; see `DeepJSCCEncoder`.
    """
    return direct_link(
        "deepjscc",
        DeepJSCCEncoder(weights=weights),
        DeepJSCCDecoder(weights=weights),
        token=TOKEN,
        rate_set=FIXED_RATES,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        channel=channel,
        header=header,
        header_code_rate=header_code_rate,
    )


def deepjscc_training(*, weights: str | None = None, fading_share: float = 0.0, evenness: float = 1.0) -> Flowgraph:
    """What `linksim train deepjscc` runs; see `direct_training`. One length for all pictures of a batch."""
    encoder, decoder = DeepJSCCEncoder(weights=weights), DeepJSCCDecoder(weights=weights)
    return direct_training(
        "deepjscc_training", encoder, decoder, token=TOKEN, fading_share=fading_share, evenness=evenness
    )
