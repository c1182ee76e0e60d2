import numpy as np
import pytest
from scipy import integrate, stats

from linksim.errors import ParameterError
from linksim.theory import (
    awgn_capacity,
    awgn_capacity_and_dispersion,
    awgn_normal_approximation,
    bit_error_rate,
    bits_per_pixel,
    bpsk_capacity_and_dispersion,
    bpsk_normal_approximation,
    channel_bandwidth_ratio,
    constellation_capacity,
    gaussian_separation_limit,
    linear_coding_limit,
    linear_coding_loss_db,
    parallel_gaussian_limit,
    rayleigh_ergodic_capacity,
    rayleigh_outage_capacity,
    rayleigh_outage_probability,
)

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


def gray_pam_bit_error_rate(snr, bits):
    """By counting: every sent amplitude, every decided one, the bits in which their Gray labels differ."""
    side = 2 ** (bits // 2)
    points = np.arange(1 - side, side, 2.0)
    points /= np.sqrt(2 * np.mean(points**2) / snr)
    edges = np.concatenate([[-np.inf], (points[1:] + points[:-1]) / 2, [np.inf]])
    labels = np.arange(side) ^ (np.arange(side) >> 1)
    differing = np.array([[bin(a ^ b).count("1") for b in labels] for a in labels])
    decided = np.diff(stats.norm.cdf((edges - points[:, None]) * np.sqrt(2)), axis=1)
    return (differing * decided).sum() / side / (bits // 2)


@pytest.mark.parametrize(("modulation", "bits"), [("qpsk", 2), ("16qam", 4), ("64qam", 6), ("256qam", 8)])
def test_qam_against_counting_over_gray_labels(modulation, bits):
    for snr_db in (-2.0, 6.0, 14.0, 22.0):
        expected = gray_pam_bit_error_rate(10 ** (snr_db / 10), bits)
        assert float(bit_error_rate(snr_db, modulation=modulation)) == pytest.approx(expected, rel=1e-7, abs=1e-14)


def test_qam_on_rayleigh_against_an_integral_over_the_fading():
    for modulation, bits in (("16qam", 4), ("64qam", 6)):
        average, _ = integrate.quad(lambda h, b=bits: gray_pam_bit_error_rate(100 * h + 1e-12, b) * np.exp(-h), 0, 30)
        assert float(bit_error_rate(20.0, modulation=modulation, k_factor_db=None)) == pytest.approx(average, rel=1e-5)


def test_an_unknown_modulation_names_the_nearest():
    with pytest.raises(ParameterError, match="did you mean '16qam'"):
        bit_error_rate(3.0, modulation="16-qam")
    with pytest.raises(ParameterError, match="no modulation 'pam'"):
        constellation_capacity(3.0, modulation="pam")


@pytest.mark.parametrize(("modulation", "bits"), [("bpsk", 1), ("qpsk", 2), ("16qam", 4), ("64qam", 6), ("256qam", 8)])
def test_constellation_capacity_against_the_entropy_of_the_output(modulation, bits):
    """I = h(y) - h(n), the density of y integrated on a grid, per real dimension."""
    dimensions = 1 if modulation == "bpsk" else 2
    side = 2 ** (bits // dimensions)
    points = np.arange(1 - side, side, 2.0)
    for snr_db in (-5.0, 5.0, 15.0, 25.0):
        scaled = points / np.sqrt(np.mean(points**2)) * np.sqrt(10 ** (snr_db / 10) / dimensions)
        y = np.linspace(scaled[0] - 7, scaled[-1] + 7, 60_001)
        density = stats.norm.pdf(y[:, None], scaled, np.sqrt(0.5)).mean(1)
        entropy = integrate.simpson(-density * np.log2(np.maximum(density, 1e-300)), x=y)
        expected = dimensions * (entropy - 0.5 * np.log2(np.pi * np.e))
        assert float(constellation_capacity(snr_db, modulation=modulation)) == pytest.approx(expected, abs=2e-4)


def test_bpsk_capacity_agrees_with_the_finite_length_file():
    ours = constellation_capacity(SNRS_DB)
    np.testing.assert_allclose(ours, bpsk_capacity_and_dispersion(SNRS_DB)[0], atol=1e-5)


def test_rayleigh_capacities_against_integrals_over_the_fading():
    for snr_db in (-40.0, -23.1, -22.9, -10.0, 10.0, 40.0):
        snr = 10 ** (snr_db / 10)
        average, _ = integrate.quad(lambda h, s=snr: np.log2(1 + s * h) * np.exp(-h), 0, 60, epsabs=1e-14, epsrel=1e-10)
        assert float(rayleigh_ergodic_capacity(snr_db)) == pytest.approx(average, rel=1e-7)
    for rate in (0.1, 1.0, 4.0):
        outage = float(rayleigh_outage_probability(10.0, rate=rate))
        assert outage == pytest.approx(stats.expon.cdf((2**rate - 1) / 10), rel=1e-12)
        assert float(rayleigh_outage_capacity(10.0, outage=outage)) == pytest.approx(rate, rel=1e-12)


def test_awgn_dispersion_is_the_variance_of_the_information_density():
    """For points on a sphere: by its closed form for two real dimensions, each with snr/2 over 1/2."""
    for snr in (0.1, 1.0, 10.0):
        capacity, dispersion = awgn_capacity_and_dispersion(10 * np.log10(snr))
        real_capacity = 0.5 * np.log2(1 + snr)
        real_dispersion = snr / 2 * (snr + 2) / (snr + 1) ** 2 * np.log2(np.e) ** 2
        assert float(capacity) == pytest.approx(2 * real_capacity)
        assert float(dispersion) == pytest.approx(2 * real_dispersion)
        # At information_bits = n C + log2(2n)/2 the approximation says one half.
        uses = 400
        bits = uses * float(capacity) + np.log2(2 * uses) / 2
        assert float(awgn_normal_approximation(10 * np.log10(snr), information_bits=bits, uses=uses)) == pytest.approx(
            0.5
        )


def test_gaussian_source_over_awgn():
    # One complex use for two real samples: uncoded transmission is optimal, D = 1/(1 + snr).
    for snr_db in (0.0, 10.0, 20.0):
        limit = float(gaussian_separation_limit(snr_db, uses_per_sample=0.5))
        assert limit == pytest.approx(-10 * np.log10(1 + 10 ** (snr_db / 10)))
    assert float(channel_bandwidth_ratio(bits_per_pixel(0.0201, 7.0), 7.0)) == pytest.approx(0.0201)
    assert float(bits_per_pixel(1 / 3, 0.0)) == pytest.approx(1.0)
    assert float(awgn_capacity(0.0)) == 1.0


VARIANCES = np.array([9.0, 4.0, 1.0, 0.5, 0.01, 0.0])


def test_equal_components_are_one_memoryless_source():
    for snr_db in (-5.0, 0.0, 10.0, 30.0):
        limit = parallel_gaussian_limit(np.full(12, 3.0), snr_db, uses=4.0)
        known = gaussian_separation_limit(snr_db, uses_per_sample=4.0 / 12)
        assert 10 * np.log10(limit / 36.0) == pytest.approx(float(known), abs=1e-9)


def test_the_water_level_spends_the_rate():
    from scipy.optimize import brentq

    known = VARIANCES[VARIANCES > 0]

    def excess(log_level, bits):
        return 0.5 * np.log2(np.maximum(known / np.exp(log_level), 1)).sum() - bits

    for snr_db, uses in ((-10.0, 0.5), (10.0, 2.0), (30.0, 40.0)):
        limit = parallel_gaussian_limit(VARIANCES, snr_db, uses=uses)
        level = brentq(excess, -600, 10, args=(uses * float(awgn_capacity(snr_db)),))
        assert limit == pytest.approx(np.minimum(known, np.exp(level)).sum(), rel=1e-6)
    assert parallel_gaussian_limit(VARIANCES, 10.0, uses=0.0) == pytest.approx(VARIANCES.sum())


def test_linear_coding_is_the_optimum_of_a_search_and_what_a_simulation_gives():
    from scipy.optimize import minimize

    for snr_db, uses in ((-5.0, 2.0), (5.0, 2.0), (15.0, 3.0)):
        count, power = min(5, int(2 * uses)), 2 * uses * 10 ** (snr_db / 10)
        sent, rest = VARIANCES[:count], VARIANCES[count:].sum()

        def error(logits, sent=sent, rest=rest, power=power):
            shares = power * np.exp(logits) / np.exp(logits).sum()
            return (sent / (1 + shares)).sum() + rest

        best = min(minimize(error, np.zeros(count), method="BFGS").fun, error(np.log(np.sqrt(sent))))
        limit = linear_coding_limit(VARIANCES, snr_db, uses=uses)
        assert limit <= best * (1 + 1e-9)
        assert limit == pytest.approx(best, rel=1e-4)
    # All five components are sent: amplitudes by the formula, LMMSE at the receiver.
    chance, power = np.random.default_rng(1), 5 * 100.0
    deviations = np.sqrt(VARIANCES[:5])
    shares = deviations * (5 + power) / deviations.sum() - 1
    source = chance.normal(size=(20_000, 5)) * deviations
    gain = np.sqrt(shares) / deviations
    received = source * gain + chance.normal(size=source.shape)
    errors = np.square(received * gain * VARIANCES[:5] / (1 + shares) - source).sum(1)
    middle, spread = errors.mean(), 4 * errors.std() / np.sqrt(len(errors))
    assert middle - spread < linear_coding_limit(VARIANCES, 20.0, uses=2.5) < middle + spread


def test_linear_coding_loses_the_ratio_of_means():
    known = VARIANCES[:4]
    for snr_db in (15.0, 40.0):
        linear, limit = (f(known, snr_db, uses=2.0) for f in (linear_coding_limit, parallel_gaussian_limit))
        assert 10 * np.log10(linear / limit) == pytest.approx(linear_coding_loss_db(known), abs=1e-6)
    assert linear_coding_loss_db([2.0, 2.0]) == pytest.approx(0.0, abs=1e-12)
    assert linear_coding_loss_db([2.0, 0.0]) == np.inf
    chance = np.random.default_rng(2)
    for _ in range(50):
        variances, uses, snr_db = chance.exponential(size=8), chance.uniform(0.5, 6), chance.uniform(-10, 30)
        limit = parallel_gaussian_limit(variances, snr_db, uses=uses)
        assert limit <= linear_coding_limit(variances, snr_db, uses=uses) * (1 + 1e-9)


def test_variances_that_are_none_are_refused():
    for limit in (parallel_gaussian_limit, linear_coding_limit):
        with pytest.raises(ParameterError, match="variances"):
            limit([1.0, -1.0], 0.0, uses=1.0)
        with pytest.raises(ParameterError, match="uses"):
            limit([1.0], 0.0, uses=-1.0)
    with pytest.raises(ParameterError, match="at least one"):
        linear_coding_loss_db([])
