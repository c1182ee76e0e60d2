"""OOSC: SA-OOSC's link with one importance for all objects of a class, wherever they are."""

from linksim import Block, Detections, Flowgraph
from linksim.blocks import ClassImportance, PatchImportance
from linksim.flowgraphs.hv_codec import Weights, complete_heeding_link
from linksim.flowgraphs.picture_link import PICTURE_INPUTS, Header
from linksim.flowgraphs.sa_oosc import DEFAULT_ALPHA, DEFAULT_WEIGHTS


def oosc(
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
    """OOSC's link. Give eta or one target, else target_cbr is 0.0201; see `RateAllocator` for the rate's parameters.

    The rate heeds the classes of `detections` by a static table (`ClassImportance`); `boxes` and `known_importance`,
    what truly matters, go to the metrics alone. `importance_weights` and `importance_gain_db` as for `sa_oosc`. The
    codec takes labels from anywhere, so the weights are SA-OOSC's.
    Inputs: image [batch, 3, height, width], detections (an empty list where there are none), boxes and known_importance
    (optional), snr_db [batch].
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    Source: SA-OOSC, section 4 (its ref. 13).
    """
    fg = Flowgraph("oosc", inputs={**PICTURE_INPUTS, "detections": Detections})
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
    fg.class_importance, fg.class_patches = ClassImportance(), PatchImportance()
    fg.connect(fg["detections"], fg.class_importance, fg.class_patches["boxes"])
    fg.connect(fg["image"], fg.class_patches["image"])
    fg.connect(fg.class_patches, fg.rate["importance"])
    return fg
