"""MS-SSIM against the formula, computed another way."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from linksim.blocks import MSSSIM
from linksim.blocks.metrics.psnr import eight_bits

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def similarity(x, y):
    """Mean luminance-times-contrast and mean contrast of two grey pictures, Gaussian windows of 11, only whole ones."""

    def blurred(picture):
        return gaussian_filter(picture, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]

    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y, both = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2, blurred(x * y) - mean_x * mean_y
    contrast = (2 * both + 0.03**2) / (var_x + var_y + 0.03**2)
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return (luminance * contrast).mean(), contrast.mean()


def by_hand(x, y):
    product = 1.0
    for scale, weight in enumerate(WEIGHTS):
        whole, contrast = similarity(x, y)
        product *= max(whole if scale == 4 else contrast, 0.0) ** weight
        x, y = ((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4 for p in (x, y))
    return product


@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_it_is_the_formula(photograph, noise, generator):
    original = photograph[:, :, :192, :256]
    image = original + noise * torch.randn(original.shape, generator=generator)
    found = MSSSIM()(image=image, original=original).value.item()
    pairs = zip(eight_bits(image)[0].double().numpy(), eight_bits(original)[0].double().numpy(), strict=True)
    assert found == pytest.approx(np.mean([by_hand(x, y) for x, y in pairs]), abs=2e-4)


def test_each_picture_has_its_own_and_small_ones_none(photograph):
    original = photograph[:, :, :170, :170].expand(2, -1, -1, -1)
    image = torch.stack([original[0], original[1].flip(-1)])
    values = MSSSIM()(image=image, original=original).value
    assert values[0].item() == pytest.approx(1.0)
    assert values[1].item() < 0.6
    small = photograph[:, :, :160, :300]
    assert MSSSIM()(image=small, original=small).value.isnan().all()
