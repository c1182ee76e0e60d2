"""The sizes of a published SwinJSCC, as its file of weights says them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from linksim.blocks.jscc.published.swin_stages import StageSizes
from linksim.blocks.rate_set import MAX_USES
from linksim.errors import WeightsError
from linksim.types import PATCH
from linksim.weights import about_weights, weights_path

ABOUT = "swinjscc"
"""Under which a file of weights keeps its sizes."""
MOST = 4096
MOST_LENGTHS = 64
Sizes = TypeVar("Sizes")


@dataclass(frozen=True)
class SwinSizes:
    """Stages of the encoder and of the decoder, the channels of the features at the channel's border, and the widths of
    the networks that gate by the SNR and by the rate, 0 where there is none. With gates by the rate some of the
    channels are sent, else all."""

    analysis: tuple[StageSizes, ...]
    synthesis: tuple[StageSizes, ...]
    channels: int
    gates: int
    rate_gates: int = 0

    @property
    def cells(self) -> int:
        """Cells of the sent features along the edge of a patch."""
        return PATCH // 2 ** len(self.analysis)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The complex uses per patch that are possible, rising: at most 64, a power of two of channels apart."""
        counts = [self.channels]
        for step in (2**n for n in range(self.channels.bit_length()) if self.rate_gates):
            counts = [n for n in range(step, self.channels + 1, step) if 1 <= self.uses(n) <= MAX_USES]
            if len(counts) <= MOST_LENGTHS and step * self.cells**2 % 2 == 0:
                break
        return tuple(map(self.uses, counts))

    def uses(self, channels: int) -> int:
        """Complex uses per patch of so many channels."""
        return channels * self.cells**2 // 2

    def sent_channels(self, uses: int) -> int:
        """The channels that so many complex uses per patch carry."""
        return 2 * uses // self.cells**2

    def as_json(self) -> str:
        """For a file of weights."""
        return json.dumps(asdict(self))


def stages_of(
    depths: Sequence[int], widths: Sequence[int], heads: Sequence[int], window: int
) -> tuple[StageSizes, ...]:
    """Stages with one window, every second block shifted."""
    return tuple(
        StageSizes(width, head, depth, window, shifted=depth > 1)
        for width, head, depth in zip(widths, heads, depths, strict=True)
    )


OFFICIAL = SwinSizes(
    stages_of((2, 2, 6, 2), (128, 192, 256, 320), (4, 6, 8, 10), 8),
    stages_of((2, 6, 2, 2), (320, 256, 192, 128), (10, 8, 6, 4), 8),
    channels=96,
    gates=480,
)
"""The authors' base size for pictures of 256x256 pixels."""
ADAPTIVE = replace(OFFICIAL, channels=320, rate_gates=480)
"""The same, adapted to SNR and rate."""


def blocks_sizes(weights: str | None, *, adaptive: bool) -> SwinSizes:
    """As `sizes_of`, for blocks of one rate, or for those that adapt to the rate.

    Raises `WeightsError` also where the weights are for the others.
    """
    if weights is None:
        return ADAPTIVE if adaptive else OFFICIAL
    sizes = sizes_of(weights)
    if bool(sizes.rate_gates) != adaptive:
        theirs = "adapt to the rate" if sizes.rate_gates else "have one rate"
        raise WeightsError(f"'{weights}' holds networks that {theirs}; PublishedSwinJSCCCodec takes either")
    return sizes


def sizes_of(weights: str | None) -> SwinSizes:
    """The sizes that a file of weights says, the official ones for None.

    Raises `WeightsError` where it says none, or what cannot be.
    """
    if weights is None:
        return OFFICIAL
    found, said = stored_sizes(weights, ABOUT, "SwinJSCC", _read)
    widths = [stage.width for stage in (*found.analysis, *found.synthesis)]
    known = 1 <= len(found.analysis) <= 4 and max(*widths, found.channels) <= MOST
    least = 2 if found.rate_gates else 1
    # Those that adapt to the rate send the features themselves.
    known &= not found.rate_gates or widths[len(found.analysis) - 1] == found.channels
    if not (known and len(found.lengths) >= least and found.lengths[0] >= 1 and found.lengths[-1] <= MAX_USES):
        raise WeightsError(f"the sizes that '{weights}' says are out of range: {said[:200]}")
    return found


def _read(values: Any) -> SwinSizes:
    stages = read_stages(values["analysis"]), read_stages(values["synthesis"])
    # Files that were imported before there were gates by the rate do not name them.
    gates = int(values["gates"]), int(values.get("rate_gates", 0))
    return SwinSizes(*stages, int(values["channels"]), *gates)


def stored_sizes(weights: str, about: str, codec: str, read: Callable[[Any], Sizes]) -> tuple[Sizes, str]:
    """The sizes that a file of weights keeps under the name `about`, made of plain values by `read`, and their text.

    Raises `WeightsError` where there are none, or they cannot be read.
    """
    said = about_weights(weights_path(weights)).get(about)
    if said is None:
        raise WeightsError(
            f"'{weights}' holds no published {codec}; make it with: linksim import {codec.lower()} CHECKPOINT"
        )
    try:
        return read(json.loads(said)), said
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"the sizes that '{weights}' says cannot be read ({type(error).__name__})") from None


def read_stages(values: Any) -> tuple[StageSizes, ...]:
    """Stages from plain values. Raises `KeyError`, `TypeError` or `ValueError` where these are none."""
    numbers = ("width", "heads", "blocks", "window")
    return tuple(
        StageSizes(**{name: int(each[name]) for name in numbers}, shifted=bool(each["shifted"])) for each in values
    )
