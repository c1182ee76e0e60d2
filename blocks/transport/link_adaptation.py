"""What a digital link may send: scheme, channel uses and bits."""

import math
from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.sionna.block_codes import information_bits_at
from linksim.blocks.transport.control import control_uses
from linksim.blocks.transport.mcs import best_scheme
from linksim.errors import LinksimError, require
from linksim.types import Decibels, Image, Score, Size, Uses

MAX_SNR_DB = 150.0
IDEAL_SCHEME = 255
"""The scheme's number where bits go at capacity, without a code."""


class Grant(NamedTuple):
    """Scheme's number, payload uses, and information bits, each [batch]; the picture's size."""

    scheme: Uses
    uses: Uses
    budget: Uses
    size: Size


class LinkAdaptation(Block):
    """Adaptive modulation and coding: the most efficient scheme that an SNR serves, within a channel bandwidth ratio.

    A scheme serves an SNR at which its block error rate was measured to be at most 1e-3 on AWGN; `linksim.blocks.
    transport.mcs` has the table.

    Args:
        target_cbr_total: channel uses in all, control included, over 3*height*width; of these `reserved` uses are left
            for what is sent beside the picture, as a caption. What a channel spends on pilots and guard comes on top,
            as it is the channel that knows.
        margin_db: how much more SNR than the table asks for.
        design_snr_db: the SNR for which the scheme is chosen, whatever comes; None adapts to each frame's.
        ideal: bits at channel capacity, log2(1 + SNR) per use, at the design SNR if one is given: what no code reaches.

    Shapes: image [batch, 3, height, width], of which only the size counts; snr_db [batch] in dB; reserved [batch];
    scheme, uses and budget [batch], the last in bits; size [batch, 2]. No gradient.
    Source: 3GPP TS 38.214, table 5.1.3.1-2, for the schemes; Shannon 1948 for the capacity.

    Raises:
        ParameterError: a parameter is out of range.
        LinksimError: the ratio leaves no use for the payload.

    >>> grant = LinkAdaptation(target_cbr_total=0.1)(image=torch.zeros(1, 3, 64, 64), snr_db=torch.tensor([30.0]))
    >>> grant.uses.tolist(), grant.budget.tolist()
    ([1064], [7856])
    """

    shapes_only = frozenset({"image"})

    def __init__(
        self,
        *,
        target_cbr_total: float = 1 / 24,
        margin_db: float = 0.0,
        design_snr_db: float | None = None,
        ideal: bool = False,
    ) -> None:
        super().__init__()
        require(0 < target_cbr_total <= 10, "target_cbr_total", "in (0, 10]", target_cbr_total)
        require(-20 <= margin_db <= 20, "margin_db", "in -20..20 dB", margin_db)
        self.target_cbr_total, self.margin_db, self.design_snr_db = target_cbr_total, margin_db, design_snr_db
        self.ideal = ideal

    def forward(self, image: Image, snr_db: Decibels, reserved: Score | None = None) -> Grant:
        batch, _, height, width = image.shape
        seen = snr_db if self.design_snr_db is None else torch.full_like(snr_db, self.design_snr_db)
        whole = self.target_cbr_total * 3 * height * width
        most = [whole] * batch if reserved is None else [whole - uses for uses in reserved.value.tolist()]
        granted = [
            self._grant(mean - self.margin_db, int(uses), (height, width))
            for mean, uses in zip(seen.tolist(), most, strict=True)
        ]
        scheme, uses, budget = torch.tensor(granted, device=image.device).T
        size = torch.tensor([[height, width]], device=image.device).expand(batch, 2)
        return Grant(scheme, uses, budget, size)

    def _grant(self, snr_db: float, most: int, size: tuple[int, int]) -> tuple[int, int, int]:
        if self.ideal:
            uses = self._payload_uses(most, size, IDEAL_SCHEME)
            return IDEAL_SCHEME, uses, int(uses * math.log2(1 + 10 ** (min(snr_db, MAX_SNR_DB) / 10)))
        scheme = best_scheme(snr_db)
        uses = self._payload_uses(most, size, scheme.index)
        bits = information_bits_at(uses * scheme.bits_per_symbol, scheme.code_rate)
        if bits == 0:
            raise LinksimError(
                f"target_cbr_total = {self.target_cbr_total:g} leaves {uses} uses for the payload: too few for the "
                f"code's check at {snr_db:g} dB; ask for more"
            )
        return scheme.index, uses, bits

    def _payload_uses(self, most: int, size: tuple[int, int], scheme: int) -> int:
        height, width = size
        control = control_uses(height, width, scheme)
        uses = most - control
        if uses < 1:
            raise LinksimError(
                f"target_cbr_total = {self.target_cbr_total:g} leaves a picture of {height}x{width} no channel use "
                f"beside the {control} of the control"
            )
        return uses
