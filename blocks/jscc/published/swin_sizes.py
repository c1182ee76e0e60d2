"""The sizes of a published SwinJSCC, as its file of weights says them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from linksim.blocks.jscc.published.swin_stages import StageSizes
from linksim.blocks.rate_set import MAX_USES
from linksim.errors import WeightsError
from linksim.types import PATCH
from linksim.weights import about_weights, weights_path

ABOUT = "swinjscc"
"""Under which a file of weights keeps its sizes."""
MOST = 4096


@dataclass(frozen=True)
class SwinSizes:
    """Stages of the encoder and of the decoder, real channels that are sent, and whether gates see the SNR, of what
    width."""

    analysis: tuple[StageSizes, ...]
    synthesis: tuple[StageSizes, ...]
    channels: int
    gates: int

    @property
    def cells(self) -> int:
        """Cells of the sent features along the edge of a patch."""
        return PATCH // 2 ** len(self.analysis)

    @property
    def uses(self) -> int:
        """Complex uses per patch."""
        return self.channels * self.cells**2 // 2

    def as_json(self) -> str:
        """For a file of weights."""
        return json.dumps(asdict(self))


def _stages(depths: Sequence[int], widths: Sequence[int], heads: Sequence[int], window: int) -> tuple[StageSizes, ...]:
    return tuple(
        StageSizes(width, head, depth, window, shifted=True)
        for width, head, depth in zip(widths, heads, depths, strict=True)
    )


OFFICIAL = SwinSizes(
    _stages((2, 2, 6, 2), (128, 192, 256, 320), (4, 6, 8, 10), 8),
    _stages((2, 6, 2, 2), (320, 256, 192, 128), (10, 8, 6, 4), 8),
    channels=96,
    gates=480,
)
"""The authors' base size for pictures of 256x256 pixels."""


def sizes_of(weights: str | None) -> SwinSizes:
    """The sizes that a file of weights says, the official ones for None.

    Raises `WeightsError` where it says none, or what cannot be.
    """
    if weights is None:
        return OFFICIAL
    said = about_weights(weights_path(weights)).get(ABOUT)
    if said is None:
        raise WeightsError(f"'{weights}' holds no published SwinJSCC; make it with: linksim import swinjscc CHECKPOINT")
    try:
        values = json.loads(said)
        stages = _read_stages(values["analysis"]), _read_stages(values["synthesis"])
        found = SwinSizes(*stages, int(values["channels"]), int(values["gates"]))
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"the sizes that '{weights}' says cannot be read ({type(error).__name__})") from None
    widths = [stage.width for stage in (*found.analysis, *found.synthesis)]
    if not (1 <= len(found.analysis) <= 4 and max(widths) <= MOST and 1 <= found.uses <= MAX_USES):
        raise WeightsError(f"the sizes that '{weights}' says are out of range: {said[:200]}")
    return found


def _read_stages(values: Any) -> tuple[StageSizes, ...]:
    numbers = ("width", "heads", "blocks", "window")
    return tuple(
        StageSizes(**{name: int(each[name]) for name in numbers}, shifted=bool(each["shifted"])) for each in values
    )
