"""The sizes of a published NTSCC, as its file of weights says them."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from linksim.blocks.jscc.published.swin_sizes import MOST, read_stages, stages_of, stored_sizes
from linksim.blocks.jscc.published.swin_stages import StageSizes
from linksim.blocks.rate_set import MAX_USES
from linksim.errors import WeightsError

ABOUT = "ntscc"
"""Under which a file of weights keeps its sizes."""


@dataclass(frozen=True)
class NTSCCSizes:
    """Stages of the transform each way, the blocks of the joint encoder and decoder, the width of the coarser latent,
    and the rates in real dimensions per patch."""

    analysis: tuple[StageSizes, ...]
    synthesis: tuple[StageSizes, ...]
    encoder: StageSizes
    decoder: StageSizes
    hyper: int
    rates: tuple[int, ...]

    @property
    def width(self) -> int:
        """Of the latent."""
        return self.analysis[-1].width

    @property
    def lengths(self) -> tuple[int, ...]:
        """The complex uses per patch."""
        return tuple(rate // 2 for rate in self.rates)

    def as_json(self) -> str:
        """For a file of weights."""
        return json.dumps(asdict(self))


OFFICIAL = NTSCCSizes(
    stages_of((1, 1, 2, 4), (256,) * 4, (8,) * 4, 8),
    stages_of((4, 2, 1, 1), (256,) * 4, (8,) * 4, 8),
    StageSizes(256, 8, 4, 16, shifted=False),
    StageSizes(256, 8, 4, 16, shifted=False),
    hyper=192,
    rates=(16, 32, 48, 64, 80, 96, 102, 118, 134, 160, 186, 192, 208, 224, 240, 256),
)
"""The authors' size."""


def ntscc_sizes_of(weights: str | None) -> NTSCCSizes:
    """The sizes that a file of weights says, the official ones for None.

    Raises `WeightsError` where it says none, or what cannot be.
    """
    if weights is None:
        return OFFICIAL
    found, said = stored_sizes(weights, ABOUT, "NTSCC", _read)
    rates, widths = found.rates, [stage.width for stage in (*found.analysis, *found.synthesis)]
    rising = 2 <= len(rates) <= 64 and list(rates) == sorted(set(rates)) and all(rate % 2 == 0 for rate in rates)
    fits = rising and rates[0] > 0 and rates[-1] <= min(found.width, 2 * MAX_USES)
    same = found.encoder.width == found.decoder.width == found.width == found.synthesis[0].width
    if not (len(found.analysis) == len(found.synthesis) == 4 and max(*widths, found.hyper) <= MOST and fits and same):
        raise WeightsError(f"the sizes that '{weights}' says are out of range: {said[:200]}")
    return found


def _read(values: Any) -> NTSCCSizes:
    analysis, synthesis = read_stages(values["analysis"]), read_stages(values["synthesis"])
    encoder, decoder = read_stages([values["encoder"], values["decoder"]])
    rates = tuple(int(rate) for rate in values["rates"])
    return NTSCCSizes(analysis, synthesis, encoder, decoder, int(values["hyper"]), rates)
