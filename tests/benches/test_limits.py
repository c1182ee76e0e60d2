"""The limits of Gaussian KLT coefficients."""

import numpy as np
import pytest
import torch

from linksim.benches.limits import ANY_CODE, LINEAR_CODE, limit_rows, limits_db, patch_coefficients
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.theory import awgn_capacity
from linksim.types import PATCH


def picture_of(coefficients):
    """The picture, one patch high, of patches with these KLT coefficients [patches, components]."""
    basis = klt_basis()[0][: coefficients.shape[1]].double().reshape(-1, 3, PATCH, PATCH)
    return torch.cat([0.5 + torch.einsum("k,kcyx->cyx", row, basis) for row in torch.from_numpy(coefficients)], 2)


def test_coefficients_come_back():
    known = np.random.default_rng(1).normal(size=(6, 5))
    found, beside = patch_coefficients(picture_of(known))
    # The basis is stored rounded.
    np.testing.assert_allclose(found[:, :5], known, atol=1e-3)
    np.testing.assert_allclose(found[:, 5:], 0, atol=1e-3)
    np.testing.assert_allclose(beside, 0, atol=1e-2)


def test_one_component_alone_is_the_distortion_rate_function():
    """D = v 2^(-2 uses C): Shannon's for a single Gaussian component."""
    variance, cbr, snr_db = 4.0, 1 / 768, 10.0
    picture = picture_of(np.full((8, 1), variance**0.5))
    any_code, linear = limits_db(picture, cbr, snr_db, classes=1)
    error = variance * 2.0 ** (-2 * float(awgn_capacity(snr_db)))
    assert any_code == pytest.approx(10 * np.log10(768 / error), abs=0.01)
    assert linear < any_code


def test_more_of_anything_is_not_worse(photograph):
    image = photograph[0, :, :256, :256]
    found = [limits_db(image, cbr, snr) for cbr, snr in ((1 / 48, 0.0), (1 / 48, 10.0), (1 / 16, 10.0))]
    for i in range(2):
        assert found[0][i] < found[1][i] < found[2][i]
    assert all(linear < any_code for any_code, linear in found)
    # Sorting patches costs nothing here and tells more of the picture.
    assert limits_db(image, 1 / 16, 10.0, classes=1)[0] < found[2][0]


def test_rows_are_means_over_pictures(photograph):
    pictures = [photograph[0, :, :64, :64], photograph[0, :, 64:128, :64]]
    rows = limit_rows(pictures, [(1 / 16, 10.0)])
    each = np.array([limits_db(picture, 1 / 16, 10.0) for picture in pictures]).mean(0)
    assert (rows[ANY_CODE][0], rows[LINEAR_CODE][0]) == pytest.approx(tuple(each))
