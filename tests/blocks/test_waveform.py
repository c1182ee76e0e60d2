"""Pulses and impairments against closed forms and against other libraries."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special

from linksim.blocks import (
    CarrierFrequencyOffset,
    Clipping,
    Converter,
    DCOffset,
    FractionalDelay,
    IQImbalance,
    MatchedFilter,
    PhaseNoise,
    PulseShaper,
    RappAmplifier,
    SamplingClockOffset,
    SymbolSampler,
    WaveformNoise,
)
from linksim.blocks.waveform.filtering import filtered, interpolated
from linksim.blocks.waveform.pulse import root_raised_cosine
from linksim.blocks.waveform.sequences import m_sequence, zadoff_chu
from linksim.errors import LinksimError, ParameterError
from linksim.theory import raised_cosine_curvature
from linksim.types import Symbols, Waveform

GAUSSIAN = 200_000


def waveform(samples):
    samples = torch.atleast_2d(samples)
    return Waveform(samples, torch.full((len(samples),), samples.shape[1]))


def tone(frequency, time, dtype=torch.float64):
    phase = 2 * math.pi * frequency * torch.arange(time, dtype=torch.float64)
    return torch.polar(torch.ones_like(phase), phase).to(dtype.to_complex())


def gaussian(count=GAUSSIAN, seed=1):
    return torch.randn(1, count, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


# -- pulses


@pytest.mark.parametrize("roll_off", [0.0, 0.2, 0.25, 0.35, 0.5, 1.0])
@pytest.mark.parametrize("step", [2, 3, 4, 8])
def test_taps_are_the_inverse_transform_of_the_square_root_of_a_raised_cosine(roll_off, step):
    """By numerical integration of the spectrum, not by the closed form."""
    span = 8
    taps = root_raised_cosine(step, roll_off, span).numpy()

    def spectrum(f):
        if f <= (1 - roll_off) / 2:
            return 1.0
        return math.sqrt(max(0.5 * (1 + math.cos(math.pi / roll_off * (f - (1 - roll_off) / 2))), 0))

    times = np.arange(-span // 2 * step, span // 2 * step + 1) / step
    edge = (1 + roll_off) / 2
    parts = [integrate.quad(lambda f, t=t: 2 * spectrum(f) * math.cos(2 * math.pi * f * t), 0, edge, limit=200,
                            points=[(1 - roll_off) / 2])[0] for t in times]  # fmt: skip
    expected = np.array(parts) / np.linalg.norm(parts)
    np.testing.assert_allclose(taps, expected, atol=2e-6)


def test_behind_both_filters_symbols_are_what_they_were_and_noise_keeps_its_variance():
    sent = torch.randn(3, 500, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    symbols = Symbols(sent, torch.tensor([500, 300, 1]))
    shaped = PulseShaper()(symbols=symbols)
    received = SymbolSampler()(waveform=MatchedFilter()(waveform=shaped), uses=symbols.length)
    error = (received.samples - sent * symbols.mask).abs().square().sum() / symbols.mask.sum()
    assert 10 * math.log10(error) < -50
    silence = waveform(torch.zeros(1, 400_000, dtype=torch.complex64))
    noise = WaveformNoise().seed(1)(waveform=silence, snr_db=torch.tensor([3.0]))
    matched = MatchedFilter()(waveform=noise).samples[0, 64:-64:4]
    power = matched.abs().square().mean().item()
    # The power of n exponentially distributed values has the standard deviation 1 / sqrt(n).
    assert power == pytest.approx(10**-0.3, rel=4 / math.sqrt(len(matched)))
    neighbours = (matched[1:] * matched[:-1].conj()).mean().abs().item()
    assert neighbours < 4 * power / math.sqrt(len(matched)), "white at the symbol's distance"


def test_power_of_a_waveform_does_not_depend_on_what_stands_beside_it():
    alone = PulseShaper()(symbols=Symbols(torch.ones(1, 50) + 0j, torch.tensor([50])))
    beside = PulseShaper()(symbols=Symbols(torch.ones(2, 90) + 0j, torch.tensor([50, 90])))
    length = int(alone.length)
    torch.testing.assert_close(alone.samples[0, :length], beside.samples[0, :length], atol=1e-6, rtol=0)
    assert not beside.samples[0, length:].any()


@pytest.mark.parametrize("time", [1, 5, 64, 65, 16384, 16385, 40001])
@pytest.mark.parametrize("taps", [1, 2, 65, 5000])
def test_filtering_is_convolution(time, taps):
    make = torch.Generator().manual_seed(time + taps)
    signal = torch.randn(2, time, dtype=torch.complex128, generator=make)
    weights = torch.randn(taps, dtype=torch.float64, generator=make)
    found = filtered(signal, weights)
    for row in range(2):
        np.testing.assert_allclose(found[row], np.convolve(signal[row], weights), atol=1e-9)


@pytest.mark.parametrize(("change", "wrong"), [
    ({"samples_per_symbol": 1}, "samples_per_symbol"), ({"roll_off": 1.1}, "roll_off"), ({"span": 7}, "span"),
])  # fmt: skip
def test_pulses_that_cannot_be_are_named(change, wrong):
    for kind in (PulseShaper, MatchedFilter):
        with pytest.raises(ParameterError, match=wrong):
            kind(**change)


# -- sequences


@pytest.mark.parametrize("degree", range(3, 17))
def test_m_sequences_have_two_valued_autocorrelation(degree):
    sequence = m_sequence(degree).numpy()
    correlation = np.fft.ifft(np.abs(np.fft.fft(sequence)) ** 2).real
    np.testing.assert_allclose(correlation[1:], -1, atol=1e-6)


@pytest.mark.parametrize(("length", "root"), [(63, 25), (64, 25), (353, 29), (139, 1)])
def test_zadoff_chu_sequences_are_flat_in_time_and_frequency(length, root):
    sequence = zadoff_chu(length, root).numpy()
    np.testing.assert_allclose(np.abs(sequence), 1)
    np.testing.assert_allclose(np.abs(np.fft.fft(sequence)), math.sqrt(length), rtol=1e-6)


# -- time


@pytest.mark.parametrize("frequency", [0.0, 0.1, -0.25, 0.33])
@pytest.mark.parametrize("delay", [0.0, 7.0, 3.37, 12.5])
def test_a_delayed_tone_is_a_tone_of_another_phase(frequency, delay):
    sent = tone(frequency, 400)
    late = FractionalDelay(shortest=delay, longest=delay).seed(1)(waveform=waveform(sent)).samples[0, 50:350]
    phase = torch.tensor(-2 * math.pi * frequency * delay)
    error = late - sent[50:350] * torch.polar(torch.ones(()), phase)
    assert 10 * math.log10(error.abs().square().mean() + 1e-20) < -70


def test_delays_are_uniform_between_their_limits():
    impulse = torch.zeros(2000, 1, dtype=torch.complex64)
    impulse[:, 0] = 1
    late = FractionalDelay(shortest=10.0, longest=30.0).seed(1)(waveform=waveform(impulse))
    power = late.samples.abs().square()
    places = (power * torch.arange(power.shape[1])).sum(1) / power.sum(1)
    assert places.min() > 9.5
    assert places.max() < 30.5
    assert places.mean().item() == pytest.approx(20, abs=4 * 20 / math.sqrt(12 * 2000))


@pytest.mark.parametrize("ppm", [-500.0, -3.0, 0.0, 3.0, 500.0])
def test_a_fast_clock_makes_a_tone_slower(ppm):
    time = 50_000
    taken = SamplingClockOffset(ppm=ppm)(waveform=waveform(tone(0.2, time))).samples[0, 50:-50]
    expected = tone(0.2 / (1 + ppm * 1e-6), time + 100)[50 : 50 + len(taken)]
    assert 10 * math.log10((taken - expected).abs().square().mean()) < -70


def test_interpolation_outside_is_silence():
    assert not interpolated(tone(0.1, 10)[None], torch.tensor([-20.0, 40.0])).any()


# -- oscillators


def test_frequency_offset_and_drift_are_a_quadratic_phase():
    block = CarrierFrequencyOffset(offset=1234.5, drift=1e5, phase=0.7, sample_rate=1e6)
    turned = block(waveform=waveform(torch.ones(100_000, dtype=torch.complex64))).samples[0].numpy()
    t = np.arange(100_000) / 1e6
    expected = np.exp(1j * (0.7 + 2 * np.pi * (1234.5 * t + 1e5 * t**2 / 2)))
    np.testing.assert_allclose(turned, expected, atol=1e-6)


def test_unknown_phases_are_uniform():
    turned = CarrierFrequencyOffset(offset=0.0).seed(1)(waveform=waveform(torch.ones(4000, 1) + 0j)).samples[:, 0]
    assert turned.mean().abs() < 4 / math.sqrt(4000)
    assert turned.square().mean().abs() < 4 / math.sqrt(4000)


def test_phase_noise_decorrelates_as_a_lorentzian_line():
    """E[exp(j (phi(t + s) - phi(t)))] = exp(-pi linewidth s)."""
    linewidth, rate, lag = 1000.0, 1e6, 200
    frames = waveform(torch.ones(400, 4000, dtype=torch.complex64))
    turned = PhaseNoise(linewidth=linewidth, sample_rate=rate).seed(1)(waveform=frames).samples
    seen = (turned[:, lag::lag] * turned[:, :-lag:lag].conj()).real.flatten()
    expected = math.exp(-math.pi * linewidth * lag / rate)
    assert seen.mean().item() == pytest.approx(expected, abs=4 * seen.std().item() / math.sqrt(len(seen)))


# -- front ends


@pytest.mark.parametrize(("gain_db", "degrees"), [(0.5, 0.0), (0.0, 5.0), (1.0, -3.0)])
def test_the_image_of_a_tone_is_as_strong_as_the_textbook_says(gain_db, degrees):
    """(1 + g^2 - 2 g cos phi) / (1 + g^2 + 2 g cos phi), Razavi, RF Microelectronics, section 4.2."""
    distorted = IQImbalance(gain_db=gain_db, phase_degrees=degrees)(waveform=waveform(tone(100 / 1000, 1000)))
    spectrum = np.abs(np.fft.fft(distorted.samples[0].numpy())) ** 2
    g, phi = 10 ** (gain_db / 20), math.radians(degrees)
    expected = (1 + g**2 - 2 * g * math.cos(phi)) / (1 + g**2 + 2 * g * math.cos(phi))
    assert spectrum[900] / spectrum[100] == pytest.approx(expected, rel=1e-6)


def test_an_offset_is_relative_to_the_signal():
    signal = 3 * gaussian()
    added = DCOffset(in_phase=0.1, quadrature=-0.2)(waveform=waveform(signal)).samples - signal
    rms = signal.abs().square().mean().sqrt()
    torch.testing.assert_close(added, ((0.1 - 0.2j) * rms).expand_as(added), atol=1e-5, rtol=0)


@pytest.mark.parametrize("smoothness", [1.0, 2.0, 5.0])
def test_the_amplifier_saturates(smoothness):
    amplitude = torch.logspace(-3, 1.5, 61)
    signal = amplitude * torch.polar(torch.ones(61), torch.linspace(-3, 3, 61))
    rms = float(signal.abs().square().mean().sqrt())
    backoff = 20 * math.log10(1 / rms)
    out = RappAmplifier(backoff_db=backoff, smoothness=smoothness)(waveform=waveform(signal)).samples[0]
    expected = amplitude / (1 + amplitude ** (2 * smoothness)) ** (1 / (2 * smoothness))
    torch.testing.assert_close(out.abs(), expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(out.angle(), signal.angle(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("ratio_db", [-3.0, 0.0, 3.0, 6.0])
def test_clipping_a_gaussian_signal_keeps_what_bussgang_says(ratio_db):
    """y = a x + d, a = 1 - exp(-r^2) + sqrt(pi) r erfc(r) / 2, and E|y|^2 = 1 - exp(-r^2); Ochiai and Imai 2002."""
    signal = gaussian()
    out = Clipping(ratio_db=ratio_db)(waveform=waveform(signal)).samples
    r = 10 ** (ratio_db / 20)
    kept = (out * signal.conj()).mean().real / signal.abs().square().mean()
    assert kept.item() == pytest.approx(1 - math.exp(-(r**2)) + math.sqrt(math.pi) * r * special.erfc(r) / 2, abs=4e-3)
    power = out.abs().square().mean() / signal.abs().square().mean()
    assert power.item() == pytest.approx(1 - math.exp(-(r**2)), abs=4e-3)


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_a_converter_has_six_decibels_a_bit(bits):
    """6.02 bits + 1.76 dB for a sine that fills it; Oppenheim and Schafer, section 4.8."""
    signal = tone(0.1234567, 100_000)
    scale = 20 * math.log10(math.sqrt(2) * (1 + 2**-bits))
    out = Converter(bits=bits, full_scale_db=scale)(waveform=waveform(signal)).samples[0]
    ratio = 10 * math.log10(signal.abs().square().mean() / (out - signal).abs().square().mean())
    assert ratio == pytest.approx(6.0206 * bits + 1.76, abs=0.6 if bits < 8 else 0.15)
    assert len(out.real.unique()) <= 2**bits


# -- all of them

IMPAIRMENTS = [
    FractionalDelay(longest=20.0),
    SamplingClockOffset(ppm=20.0),
    CarrierFrequencyOffset(),
    PhaseNoise(linewidth=100.0),
    IQImbalance(),
    DCOffset(),
    RappAmplifier(),
    Clipping(ratio_db=3.0),
    WaveformNoise(),
]


def through(block, samples, length):
    block = block.seed(3)
    more = {"snr_db": torch.full(length.shape, 10.0, device=samples.device, dtype=samples.real.dtype)}
    return block(waveform=Waveform(samples, length), **(more if isinstance(block, WaveformNoise) else {}))


@pytest.mark.parametrize("block", IMPAIRMENTS, ids=lambda block: type(block).__name__)
def test_gradients_agree_with_differences(block):
    samples = torch.randn(2, 30, dtype=torch.complex128, generator=torch.Generator().manual_seed(2), requires_grad=True)
    length = torch.tensor([30, 21])
    assert torch.autograd.gradcheck(lambda x: through(block, x, length).samples, samples)


@pytest.mark.parametrize("block", [*IMPAIRMENTS, Converter()], ids=lambda block: type(block).__name__)
def test_nothing_is_added_behind_the_end_and_dtypes_stay(block):
    for dtype in (torch.complex64, torch.complex128):
        samples = torch.randn(2, 300, dtype=dtype, generator=torch.Generator().manual_seed(2))
        length = torch.tensor([300, 120])
        samples[1, 120:] = 0
        out = through(block, samples, length)
        assert out.samples.dtype == dtype
        assert not (out.samples * ~out.mask).any()
        assert out.samples.shape[1] >= int(out.length.max())


def test_a_converter_passes_gradients_where_it_does_not_clip():
    samples = torch.tensor([[0.3 + 0.1j, 5 + 0.2j, 0.1j]], requires_grad=True)
    out = Converter(bits=6, full_scale_db=0.0)(waveform=waveform(samples)).samples
    (gradient,) = torch.autograd.grad(out.real[0, 0] + out.imag[0, 1], samples)
    assert gradient[0, 0].real.item() == pytest.approx(1, abs=0.5)


def test_an_snr_that_is_no_number_is_refused():
    with pytest.raises(LinksimError, match="NaN"):
        WaveformNoise().seed(1)(waveform=waveform(torch.ones(1, 4) + 0j), snr_db=torch.tensor([math.nan]))


@pytest.mark.parametrize("roll_off", [0.0, 0.35, 1.0])
def test_the_curvature_of_a_raised_cosine_is_its_spectrums_second_moment(roll_off):
    def spectrum(f):
        if f <= (1 - roll_off) / 2:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi / roll_off * (f - (1 - roll_off) / 2)))

    edge = (1 + roll_off) / 2
    moment = 2 * integrate.quad(lambda f: (2 * math.pi * f) ** 2 * spectrum(f), 0, edge, points=[(1 - roll_off) / 2])[0]
    assert raised_cosine_curvature(roll_off) == pytest.approx(moment, rel=1e-6)


def test_a_hard_amplifier_keeps_strong_samples_and_has_gradients_at_zero():
    samples = torch.tensor([[0j, 0.5, 30 + 40j]], requires_grad=True)
    out = RappAmplifier(backoff_db=0.0, smoothness=100.0)(waveform=waveform(samples)).samples
    saturation = samples.detach().abs().square().mean().sqrt()
    assert out[0, 2].abs().item() == pytest.approx(saturation.item(), rel=1e-3)
    (gradient,) = torch.autograd.grad(out.real.sum(), samples)
    assert gradient.abs().isfinite().all()


def test_lengths_of_long_waveforms_are_exact():
    time = 8_388_608
    expected = math.ceil(time * (1 + 3e-6))
    # Not by a call, which would refuse a length without its samples.
    out = SamplingClockOffset(ppm=3.0).forward(Waveform(torch.ones(1, 10) + 0j, torch.tensor([time])))
    assert out.length.tolist() == [expected]
