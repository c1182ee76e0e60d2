"""BRISQUE and NIQE: their fits against scipy's distributions, their models against direct sums, their order."""

import io

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from safetensors.torch import load_file
from scipy import signal, stats
from torch import Tensor
from torch.nn import functional

from linksim.blocks import BRISQUE, NIQE
from linksim.blocks.metrics import brisque as brisque_module
from linksim.blocks.metrics.natural_statistics import (
    asymmetric_fit,
    luminance,
    normalized,
    products,
    symmetric_fit,
)
from linksim.blocks.metrics.niqe import patch_features


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 4.0])
def test_the_symmetric_fit_finds_the_shape_and_variance_of_its_distribution(shape: float) -> None:
    drawn = torch.from_numpy(stats.gennorm.rvs(shape, scale=0.7, size=400_000, random_state=1))
    found, variance = symmetric_fit(drawn)
    assert found == pytest.approx(shape, rel=0.02)
    assert variance == pytest.approx(0.49 * stats.gennorm.var(shape), rel=0.02)


@pytest.mark.parametrize(("shape", "left", "right"), [(1.0, 0.5, 0.5), (2.0, 0.4, 0.9), (0.8, 1.0, 0.3)])
def test_the_asymmetric_fit_finds_its_distribution(shape: float, left: float, right: float) -> None:
    """Each side is half a generalised Gaussian, with a weight in proportion to its scale."""
    generator = np.random.default_rng(1)
    sizes = np.abs(stats.gennorm.rvs(shape, size=400_000, random_state=2))
    on_left = generator.random(400_000) < left / (left + right)
    values = torch.from_numpy(np.where(on_left, -left * sizes, right * sizes))
    found, mean, left_variance, right_variance = asymmetric_fit(values)
    assert found == pytest.approx(shape, rel=0.03)
    assert mean == pytest.approx(float(values.mean()), abs=0.01)
    for variance, scale in ((left_variance, left), (right_variance, right)):
        assert variance == pytest.approx(scale**2 * stats.gennorm.var(shape), rel=0.03)


def test_the_structure_is_what_scipy_filters_and_neighbours_are_matlabs() -> None:
    grey = torch.rand(20, 31, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 255
    line = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window = np.outer(line, line) / line.sum() ** 2
    mean = signal.correlate2d(grey.numpy(), window, mode="same")
    spread = np.sqrt(np.abs(signal.correlate2d(grey.numpy() ** 2, window, mode="same") - mean**2))
    expected = (grey.numpy() - mean) / (spread + 1)
    structure = normalized(grey)[0]
    assert np.allclose(structure.numpy(), expected)
    for product, shift in zip(products(structure), ((0, 1), (1, 0), (1, 1), (-1, 1)), strict=True):
        assert np.allclose(product.numpy(), expected * np.roll(expected, shift, (0, 1)))


def test_luminance_is_matlabs_grey_in_whole_numbers() -> None:
    image = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]])
    assert luminance(image).tolist() == [[76.0, 150.0]]


def test_the_regression_is_the_sum_over_support_vectors() -> None:
    model = load_file(str(brisque_module.__file__).replace("brisque.py", "brisque.safetensors"))
    features = torch.rand(1, 36, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    least, most = model["least"].double(), model["most"].double()
    scaled = -1 + 2 * (features[0] - least) / (most - least)
    total = sum(
        float(weight) * np.exp(-0.05 * float((vector.double() - scaled).square().sum()))
        for weight, vector in zip(model["coefficients"], model["support_vectors"], strict=True)
    )
    assert float(brisque_module._regressed(features)) == pytest.approx(total + 153.591, abs=1e-6)


def picture(edge: int = 224) -> Tensor:
    """Something like a photograph: smooth shapes of many sizes, with edges."""
    generator = torch.Generator().manual_seed(3)
    image = torch.zeros(1, 3, edge, edge)
    for size in (4, 8, 16, 32, 64, 112):
        noise = torch.rand(1, 3, size, size, generator=generator) - 0.5
        image += functional.interpolate(noise, size=(edge, edge), mode="bicubic") * (8 / size) ** 0.7
    return torch.sigmoid(3 * image).clamp(0, 1)


def compressed(image: Tensor, quality: int) -> Tensor:
    stream, pixels = io.BytesIO(), (image[0].movedim(0, -1) * 255).round().byte().numpy()
    PillowImage.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return torch.from_numpy(np.array(PillowImage.open(stream))).movedim(-1, 0)[None].float() / 255


@pytest.mark.parametrize("metric", [BRISQUE(), NIQE()])
def test_what_is_degraded_more_has_a_worse_score(metric: BRISQUE | NIQE, data_folder: object) -> None:
    from pathlib import Path

    from linksim.blocks.sources import read_picture

    files = sorted((Path(str(data_folder)) / "kodak").glob("*.png"))[:3]
    for file in files:
        image = read_picture(file)[None, :, 128:384, 256:512]
        scores = [float(metric(image=each).value) for each in (image, compressed(image, 20), compressed(image, 5))]
        assert scores == sorted(scores)


def test_scores_do_not_depend_on_the_batch_and_small_pictures_have_none() -> None:
    image = picture()
    pair = torch.cat([image, image.flip(3)])
    for metric in (BRISQUE(), NIQE()):
        assert float(metric(image=pair).value[0]) == float(metric(image=image).value[0])
    assert bool(BRISQUE()(image=image[..., :12]).value.isnan())
    assert bool(NIQE()(image=image[..., :100, :100]).value.isnan())


def test_a_flat_picture_has_a_finite_score() -> None:
    flat = torch.full((1, 3, 200, 200), 0.5)
    assert bool(BRISQUE()(image=flat).value.isfinite())
    assert bool(NIQE()(image=flat).value.isfinite())


def test_patches_are_whole_ones_and_sharp_ones_are_told() -> None:
    image = picture()[0]
    image[:, :96, :96] = 0.5
    features, sharpness = patch_features(image)
    assert features.shape == (4, 36)
    assert int(sharpness.argmin()) == 0
