import numpy as np
import pytest
from scipy import integrate, stats

from linksim.theory import bit_error_rate, bpsk_capacity_and_dispersion, bpsk_normal_approximation

SNRS_DB = np.array([-8.0, -2.0, 0.0, 5.0, 10.0])
SNRS = 10 ** (SNRS_DB / 10)


def test_awgn_against_the_q_function():
    np.testing.assert_allclose(bit_error_rate(SNRS_DB), stats.norm.sf(np.sqrt(2 * SNRS)), rtol=1e-9)
    np.testing.assert_allclose(bit_error_rate(SNRS_DB, modulation="qpsk"), stats.norm.sf(np.sqrt(SNRS)), rtol=1e-9)


def test_rayleigh_against_its_closed_form():
    expected = (1 - np.sqrt(SNRS / (1 + SNRS))) / 2
    np.testing.assert_allclose(bit_error_rate(SNRS_DB, k_factor_db=None), expected, rtol=1e-9)
    np.testing.assert_allclose(bit_error_rate(SNRS_DB, k_factor_db=-np.inf), expected, rtol=1e-9)


@pytest.mark.parametrize("k_factor_db", [-3.0, 6.0, 12.0])
def test_rician_against_an_integral_over_the_fading(k_factor_db):
    k = 10 ** (k_factor_db / 10)
    for snr_db, snr in zip(SNRS_DB, SNRS, strict=True):
        fading = stats.ncx2(2, 2 * k, scale=1 / (2 * (k + 1)))
        average, _ = integrate.quad(lambda s, snr=snr, f=fading: stats.norm.sf(np.sqrt(2 * snr * s)) * f.pdf(s), 0, 40)
        assert float(bit_error_rate(snr_db, k_factor_db=k_factor_db)) == pytest.approx(average, rel=1e-6)


def test_rician_lies_between_awgn_and_rayleigh():
    k = [bit_error_rate(5.0, k_factor_db=value) for value in (None, 0.0, 10.0, 30.0, np.inf)]
    assert k == sorted(k, reverse=True)


def test_capacity_and_dispersion_by_integration():
    for snr_db, snr in zip(SNRS_DB, SNRS, strict=True):
        moments = [
            integrate.quad(
                lambda z, p=p, a=snr**0.5: (1 - np.logaddexp(0, -4 * a * (a + z)) / np.log(2)) ** p
                * np.exp(-z * z) / np.sqrt(np.pi), -9, 9, epsabs=1e-12,
            )[0]
            for p in (1, 2)
        ]  # fmt: skip
        capacity, dispersion = bpsk_capacity_and_dispersion(snr_db)
        assert float(capacity) == pytest.approx(moments[0], abs=1e-6)
        assert float(dispersion) == pytest.approx(moments[1] - moments[0] ** 2, abs=1e-5)


def test_the_known_limit_of_rate_one_half():
    # BPSK at rate 1/2 needs Eb/N0 = 0.187 dB, so Es/N0 = -2.823 dB.
    assert float(bpsk_capacity_and_dispersion(0.187 - 10 * np.log10(2))[0]) == pytest.approx(0.5, abs=5e-4)


def test_longer_codes_come_closer():
    rates = [float(bpsk_normal_approximation(-2.5, information_bits=n / 2, uses=n)) for n in (200, 1000, 5000, 20000)]
    assert rates == sorted(rates, reverse=True)
