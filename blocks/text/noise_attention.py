"""NAM: features weighed by how noisy the channel is."""

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Decibels, TextFeatures

HIDDEN = (56, 128)
"""Widths of the network that reads the SNR (VLM-CSC, section III-C)."""
MIN_SNR_DB, MAX_SNR_DB = -40.0, 15.0
"""Codecs are trained up to a mean of 12 dB. Above 15 dB a channel counts as one of 15 dB."""


class NoiseAttention(Block):
    """Noise Attention Module: A = 2 sigmoid(e * v) * G, with e = W4 G + b4 of the features G and v from the SNR.

    v = sigmoid(W3 ReLU(W2 ReLU(W1 r + b1) + b2) + b3), r = snr_db / 10. In the paper e and v have 56 entries and G 128
    or 256, so that the product with G is not defined; here both have the width of G. The factor 2 lets a module start
    as the identity, which it is untrained.

    Shapes: features [batch, words, width]; snr_db [batch], held within -40..15; out as features. Gradients pass.
    Source: VLM-CSC (arXiv 2407.00020), section III-C, with the change above.

    Raises:
        ParameterError: the width is under 1.

    >>> features = torch.randn(2, 5, 16)
    >>> torch.equal(NoiseAttention(width=16)(features=features, snr_db=torch.zeros(2)), features)
    True
    """

    def __init__(self, *, width: int = 128) -> None:
        super().__init__()
        require(width > 0, "width", "at least 1", width)
        narrow, wide = HIDDEN
        with seeded_initialization():
            self.read_snr = nn.Sequential(
                nn.Linear(1, narrow),
                nn.ReLU(),
                nn.Linear(narrow, wide),
                nn.ReLU(),
                nn.Linear(wide, width),
                nn.Sigmoid(),
            )
            self.read_features = nn.Linear(width, width)
        nn.init.zeros_(self.read_features.weight)
        nn.init.zeros_(self.read_features.bias)

    @single_precision
    def forward(self, features: TextFeatures, snr_db: Decibels) -> TextFeatures:
        known = snr_db.to(features).clamp(MIN_SNR_DB, MAX_SNR_DB)[:, None] / 10
        weight: Tensor = self.read_snr(known)[:, None]
        return 2 * torch.sigmoid(self.read_features(features) * weight) * features
