"""An SNR in the conventions of others."""

import math
from types import MappingProxyType

from linksim.block import Block
from linksim.errors import require
from linksim.types import Decibels

PER_REAL_DIMENSION_DB = 10 * math.log10(2)
"""Es/N0 above an SNR that takes power 1 for each real dimension, and half of the noise that goes with it."""


class NominalSNR(Block):
    """Es/N0 per complex use, linksim's SNR, from an SNR as it is meant elsewhere: `offset_db` lies between them.

    Some code gives a symbol power 1 in each of its two real dimensions, but the noise of power 1 for both: the default
    of 3.01 dB is theirs.

    Shapes: snr_db and out [batch] in dB. Gradients pass. A result made with it says `snr: nominal`.

    Raises:
        ParameterError: `offset_db` is out of -20..20.

    >>> import torch
    >>> round(NominalSNR()(snr_db=torch.tensor([7.0])).item(), 2)
    10.01
    """

    labels = MappingProxyType({"snr": "nominal"})

    def __init__(self, *, offset_db: float = PER_REAL_DIMENSION_DB) -> None:
        super().__init__()
        require(-20 <= offset_db <= 20, "offset_db", "in -20..20", offset_db)
        self.offset_db = offset_db

    def forward(self, snr_db: Decibels) -> Decibels:
        return snr_db + self.offset_db
