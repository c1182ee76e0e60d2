"""The rate of NTSCC as published: by entropy alone, with a fixed factor and no target."""

import torch

from linksim.blocks.rate.contract import Allocation, RateBlock
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.errors import require
from linksim.types import Decibels, Entropy, Importance, Size


class EntropyRate(RateBlock):
    """The smallest k of V whose 2k real dimensions are at least eta times the bits of a patch, else the largest.

    There is no target: what a picture costs follows from its content. `RateAllocator` finds eta for a target, counts
    complex uses and rounds to the nearest. `eta`: real dimensions per bit, 0.2 in the authors' configuration.
    `rate_set` describes the codec; a link fills it in where it is None.

    Shapes: entropy [batch, rows, cols] in bits; lengths and base_rate, which are the same, [batch, rows, cols] complex
    uses; target_met [batch], always true. No gradient: a step function. Size, importance and SNR are taken, as by
    every rate block, and not used.
    Source: NTSCC, Dai et al., IEEE JSAC 2022, section III; github.com/wsxtyrdd/NTSCC_JSAC22.

    Raises:
        ParameterError: eta is not positive, or the set is unknown.

    >>> EntropyRate(rate_set=(8, 16, 24))(entropy=torch.tensor([[[80.0, 80.5, 999.0]]])).lengths.tolist()
    [[[8, 16, 24]]]
    """

    def __init__(self, *, eta: float = 0.2, rate_set: RateSet | None = None) -> None:
        super().__init__()
        require(0 < eta <= 1e3, "eta", "positive and at most 1000 real dimensions per bit", eta)
        self.eta = eta
        self.register_buffer("values", torch.tensor(rate_values(rate_set or "default")), persistent=False)

    def forward(
        self,
        entropy: Entropy,
        size: Size | None = None,  # noqa: ARG002
        importance: Importance | None = None,  # noqa: ARG002
        snr_db: Decibels | None = None,  # noqa: ARG002
    ) -> Allocation:
        values = self.get_buffer("values")
        wished = (self.eta * entropy.detach()).contiguous()
        lengths = values[torch.searchsorted(2 * values, wished).clamp_max(len(values) - 1)]
        return Allocation(lengths, lengths, torch.ones(len(entropy), dtype=torch.bool, device=entropy.device))
