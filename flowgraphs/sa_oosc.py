"""SA-OOSC: a picture over a noisy link with a learned codec, a rate per patch by entropy and importance."""

from linksim import Block, Flowgraph
from linksim.flowgraphs.hv_codec import Weights, complete_heeding_link, hv_training
from linksim.flowgraphs.picture_link import PICTURE_INPUTS, Header

DEFAULT_ALPHA = 8.0
"""Complex uses for high importance, off low: of 0, 8 and 16 the one with the best non-background patches on street
scenes."""
DEFAULT_WEIGHTS = "small"
MOST_ALPHA = 24.0
"""That the coder is trained for."""


def sa_oosc(
    *,
    weights: str | None = DEFAULT_WEIGHTS,
    transform: str | None = None,
    eta: float | None = None,
    target_cbr: float | None = None,
    target_cbr_total: float | None = None,
    alpha: float = DEFAULT_ALPHA,
    importance_weights: Weights | None = None,
    importance_gain_db: float = 0.0,
    map_smoothing: float = 0.0,
    channel: Block | None = None,
    header: Header = "robust",
    header_code_rate: float = 0.5,
) -> Flowgraph:
    """SA-OOSC's link. Give eta or one target, else target_cbr is 0.0201; see `RateAllocator` for the rate's parameters.

    `weights`: a shipped name, the path of a .safetensors file, or None for an untrained codec. `transform`: "conv", or
    "swin", the paper's, for which none are shipped; None is that of the weights. `importance_weights`: in the
    place of the paper's alpha, rates of equal slope, each patch's error weighing by its label; (1, 2, 4, 8) are the
    paper's weights. `importance_gain_db`: so much more power for what gets more than its content asks for.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional), snr_db [batch], which the
    transmitter's coder knows too.
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    """
    fg = Flowgraph("sa_oosc", inputs=PICTURE_INPUTS)
    complete_heeding_link(
        fg,
        weights=weights,
        transform=transform,
        eta=eta,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        alpha=alpha,
        importance_weights=importance_weights,
        importance_gain_db=importance_gain_db,
        map_smoothing=map_smoothing,
        channel=channel,
        header=header,
        header_code_rate=header_code_rate,
    )
    fg.connect(fg.importance, fg.rate["importance"])
    return fg


def sa_oosc_training(
    *,
    weights: str | None = None,
    transform: str = "conv",
    least_cbr: float = 0.012,
    most_cbr: float = 0.09,
    fading_share: float = 0.25,
    importance_exponent: float = 2.0,
    evenness: float = 1.0,
) -> Flowgraph:
    """What `linksim train sa-oosc` runs; see `hv_training`."""
    return hv_training(
        "sa_oosc_training",
        weights=weights,
        transform=transform,
        least_cbr=least_cbr,
        most_cbr=most_cbr,
        most_alpha=MOST_ALPHA,
        fading_share=fading_share,
        importance_exponent=importance_exponent,
        evenness=evenness,
    )
