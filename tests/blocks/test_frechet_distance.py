"""The Fréchet distance of two sets of pictures: against scipy's matrix root, on known Gaussians, on worse pictures."""

import numpy as np
import pytest
import torch
from scipy import linalg
from torch.nn import functional

from linksim.blocks.metrics import FeatureMoments, feature_moments, frechet_distance
from linksim.errors import LinksimError


def moments_of(features):
    """Of features [places, channels]."""
    return FeatureMoments(len(features), features.sum(0), features.T @ features)


def drawn(seed, channels=6, places=500):
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    own = torch.randn(places, channels, generator=generator, dtype=torch.float64)
    return own @ mixed + torch.randn(channels, generator=generator, dtype=torch.float64)


def test_it_is_the_published_formula_with_scipys_root():
    first, second = drawn(1), drawn(2)
    covariances = [np.cov(each.numpy().T) for each in (first, second)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    gap = float((first.mean(0) - second.mean(0)).square().sum())
    expected = gap + float(np.trace(covariances[0] + covariances[1] - 2 * root))
    assert frechet_distance([moments_of(first)], [moments_of(second)]) == pytest.approx(expected, rel=1e-8)


def test_a_shift_costs_its_square():
    features = drawn(3)
    shifted = features + torch.tensor([3.0, 4, 0, 0, 0, 0], dtype=torch.float64)
    assert frechet_distance([moments_of(shifted)], [moments_of(features)]) == pytest.approx(25)


def test_parts_of_a_set_add_up():
    features, other = drawn(4), drawn(5)
    parts = [moments_of(each) for each in features.split([123, 377])]
    whole = frechet_distance([moments_of(features)], [moments_of(other)])
    assert frechet_distance(parts, [moments_of(other)]) == pytest.approx(whole, rel=1e-9)


def pictures():
    coarse = torch.rand(3, 3, 12, 16, generator=torch.Generator().manual_seed(6))
    return functional.interpolate(coarse, (96, 128), mode="bicubic").clamp(0, 1)


def test_worse_pictures_are_farther():
    images = pictures()
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(7))
    original = feature_moments(images)
    found = [frechet_distance(feature_moments(images + sigma * noise), original) for sigma in (0.0, 0.03, 0.1, 0.3)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(0, abs=1e-6)


def test_a_batch_is_its_pictures():
    images = pictures()
    together = feature_moments(images)
    alone = [feature_moments(each[None])[0] for each in images]
    for mine, other in zip(together, alone, strict=True):
        torch.testing.assert_close(mine.products, other.products, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("places", [0, 6])
def test_too_few_places_are_refused(places):
    few = [moments_of(drawn(8, places=places))] if places else []
    with pytest.raises(LinksimError, match="empty" if not places else "needs more than 6 places; a set has 6"):
        frechet_distance(few, [moments_of(drawn(9))])
