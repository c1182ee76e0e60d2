"""The quality that an allocation will give, known before sending."""

import math

from torch import Tensor

from linksim.types import PATCH, Distortion


def expected_psnr(distortion: Distortion, index: int, levels: Tensor, values: Tensor, snr_db: float) -> float:
    """Expected PSNR in dB of picture `index` at these levels, int64 [rows, cols]: peak 1, before clamping and
    rounding."""
    error = distortion.expected_error(index, levels, values, 10.0 ** (-snr_db / 10.0))
    return -10.0 * math.log10(max(error / (levels.numel() * 3 * PATCH * PATCH), 1e-12))
