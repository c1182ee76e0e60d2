"""NTSCC: SA-OOSC's codec without importance, the rate of a patch by its entropy alone."""

from linksim import Block, Flowgraph
from linksim.blocks import RateAllocator
from linksim.flowgraphs.hv_codec import complete_hv_link, hv_training
from linksim.flowgraphs.picture_link import PAPER_CBR, PICTURE_INPUTS, Header


def ntscc(
    *,
    weights: str | None = "ntscc",
    transform: str | None = None,
    eta: float | None = None,
    target_cbr: float | None = None,
    target_cbr_total: float | None = None,
    map_smoothing: float = 0.0,
    channel: Block | None = None,
    header: Header = "robust",
    header_code_rate: float = 0.5,
) -> Flowgraph:
    """NTSCC's link. Give eta or one target, else target_cbr is 0.0201; see `RateAllocator` for the rate's parameters.

    Neither the rate nor the coder nor the weights' training knows importance; the header carries k alone.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional, for the metrics), snr_db [batch].
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    Source: Dai et al., IEEE JSAC 2022, in SA-OOSC's terms (its ref. 11): Q0 rounds to the nearest of V.
    """
    if eta is None and target_cbr is None and target_cbr_total is None:
        target_cbr = PAPER_CBR
    fg = Flowgraph("ntscc", inputs=PICTURE_INPUTS)
    fg.rate = RateAllocator(
        eta=eta,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        alpha=0.0,
        map_smoothing=map_smoothing,
        header_code_rate=header_code_rate,
        header_loading=False,
    )
    complete_hv_link(
        fg, weights=weights, transform=transform, channel=channel, header=header, header_code_rate=header_code_rate
    )
    return fg


def ntscc_training(
    *,
    weights: str | None = None,
    transform: str = "conv",
    least_cbr: float = 0.012,
    most_cbr: float = 0.09,
    fading_share: float = 0.25,
    evenness: float = 1.0,
) -> Flowgraph:
    """What `linksim train ntscc` runs; see `hv_training`. All patches weigh alike, and k follows the entropy alone."""
    return hv_training(
        "ntscc_training",
        weights=weights,
        transform=transform,
        least_cbr=least_cbr,
        most_cbr=most_cbr,
        most_alpha=0.0,
        fading_share=fading_share,
        importance_exponent=0.0,
        evenness=evenness,
    )
