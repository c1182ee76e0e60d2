"""Which scheme each layer gets, and how many channel uses there are."""

from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.layers.control import CONTROL_USES
from linksim.blocks.layers.layout import LEVELS, LayerScheme
from linksim.blocks.transport.mcs import best_scheme
from linksim.errors import LinksimError, require
from linksim.types import Decibels, Image, Size, Uses

BASE_MARGIN_DB = 2.0
"""By how much the base is safer than the best scheme where the transmitter follows the SNR: with it all is lost."""


class LayerGrant(NamedTuple):
    """Scheme of each layer, payload uses in all, and the picture's size."""

    layer_scheme: LayerScheme
    total_uses: Uses
    size: Size


class LayerAdaptation(Block):
    """Unequal error protection: a modulation and coding scheme for each layer of a frame.

    Where the transmitter follows the SNR, each level gets the most efficient scheme that the SNR serves, and the base
    one for 2 dB less. Where the link is designed once, the schemes are chosen for the SNRs of the design, whatever the
    SNR is.

    Args:
        target_cbr_total: channel uses in all, control included, over 3*height*width.
        design_snr_db: None follows the SNR of each frame; else the SNRs in dB for which the levels background, low,
            medium and high are protected.
        base_snr_db: the SNR in dB for which the base is protected; only with `design_snr_db`.

    Shapes: image [batch, 3, height, width], of which only the size counts; snr_db [batch]; layer_scheme [batch, 5];
    total_uses [batch]; size [batch, 2]. No gradient.
    Source: 3GPP TS 38.214, table 5.1.3.1-2, for the schemes; Albanese et al., Priority Encoding Transmission, IEEE
    Trans. Inf. Theory 42(6), 1996, for protection by priority.

    Raises:
        ParameterError: a parameter is out of range.
        LinksimError: the ratio leaves no use for the payload.

    >>> adaptation = LayerAdaptation(target_cbr_total=0.1)
    >>> adaptation(image=torch.zeros(1, 3, 64, 64), snr_db=torch.tensor([10.0])).layer_scheme.tolist()
    [[8, 10, 10, 10, 10]]
    """

    shapes_only = frozenset({"image"})

    def __init__(
        self,
        *,
        target_cbr_total: float = 1 / 24,
        design_snr_db: tuple[float, float, float, float] | None = None,
        base_snr_db: float = 0.0,
    ) -> None:
        super().__init__()
        require(0 < target_cbr_total <= 10, "target_cbr_total", "in (0, 10]", target_cbr_total)
        count = len(LEVELS) if design_snr_db is None else len(design_snr_db)
        require(count == len(LEVELS), "design_snr_db", "an SNR for each of the 4 levels", design_snr_db)
        self.target_cbr_total, self.design_snr_db, self.base_snr_db = target_cbr_total, design_snr_db, base_snr_db

    def forward(self, image: Image, snr_db: Decibels) -> LayerGrant:
        batch, _, height, width = image.shape
        uses = int(self.target_cbr_total * 3 * height * width) - CONTROL_USES
        if uses < 1:
            raise LinksimError(
                f"target_cbr_total = {self.target_cbr_total:g} leaves a picture of {height}x{width} no channel use "
                f"beside the {CONTROL_USES} of the control"
            )
        chosen = [self._schemes(value) for value in snr_db.tolist()]
        size = torch.tensor([[height, width]], device=image.device).expand(batch, 2)
        total = torch.full((batch,), uses, device=image.device)
        return LayerGrant(torch.tensor(chosen, device=image.device), total, size)

    def _schemes(self, snr_db: float) -> list[int]:
        if self.design_snr_db is None:
            wanted = [snr_db - BASE_MARGIN_DB] + [snr_db] * len(LEVELS)
        else:
            wanted = [self.base_snr_db, *(self.design_snr_db[level] for level in LEVELS)]
        return [best_scheme(value).index for value in wanted]
