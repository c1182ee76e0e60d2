"""Finding a known preamble in a waveform: the search, and the first estimates of delay and frequency."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.blocks.waveform.filtering import HALF_TAPS, interpolated
from linksim.theory.synchronisation import detection_threshold

TRANSFORM = 1 << 15
"""Samples that one transform correlates: longer signals are cut, so that the transforms stay in the cache."""
COHERENT_CYCLES = 0.32
"""How far the largest frequency offset turns one segment of the preamble; it costs 1.5 dB."""
ZERO_PADDING, FINE = 8, 16
ROUNDING = 1e-9
"""The least energy that counts, as a share of the largest nearby."""


class Found(NamedTuple):
    """Per offset: the largest normalised correlation over frequency, float [batch, offsets], and the threshold that
    noise alone crosses with the wanted probability; `step` samples lie between two offsets."""

    correlation: Tensor
    threshold: float
    step: int


def search(
    filtered_signal: Tensor, known: Tensor, samples_per_symbol: int, largest_offset: float, false_alarm: float
) -> Found:
    """Correlate a matched filter's output, complex [batch, time], with the preamble, complex [symbols], at every half
    symbol and over the frequencies up to `largest_offset` cycles per symbol.

    The preamble is cut into segments, which are correlated coherently; a Fourier transform over them tries the
    frequencies. The squared correlation over the energies of signal and preamble is in 0..1 and knows no signal power.
    Source: Kay, Fundamentals of Statistical Signal Processing II, sections 7.6 and 9.5 (CFAR matched-filter detector);
    Sust et al., IEEE MILCOM 1992 (segments and transform).
    """
    step = samples_per_symbol // 2 if samples_per_symbol % 2 == 0 else 1
    stride = samples_per_symbol // step
    length = max(min(int(COHERENT_CYCLES / largest_offset), len(known)), 1)
    segments = math.ceil(len(known) / length)
    bins = 2 * segments if segments > 1 else 1
    decimated = filtered_signal[:, ::step]
    offsets = decimated.shape[1] - (len(known) - 1) * stride
    threshold = detection_threshold(false_alarm / max(offsets * bins, 1), len(known))
    if offsets <= 0:
        return Found(filtered_signal.real.new_zeros(len(filtered_signal), 1), threshold, step)
    span = (len(known) - 1) * stride
    size = TRANSFORM if offsets > TRANSFORM // 2 else 1 << math.ceil(math.log2(offsets + 2 * span))
    size = max(size, 1 << math.ceil(math.log2(4 * span + 1)))
    replicas = _replicas(known.to(decimated), length, stride, size)
    turns = _turns(segments, bins, decimated)
    pieces = [
        _correlation(decimated[:, start : start + size], replicas, turns, offsets=min(size - span, offsets - start))
        / _energy(decimated[:, start : start + size], known, stride, min(size - span, offsets - start))
        for start in range(0, offsets, size - span)
    ]
    return Found(torch.cat(pieces, 1).clamp_max(1), threshold, step)


def _replicas(known: Tensor, length: int, stride: int, size: int) -> Tensor:
    """The conjugate spectra of the preamble's segments, each at its place, complex [segments, size]."""
    starts = range(0, len(known), length)
    spread = known.new_zeros(len(starts), size)
    for row, start in zip(spread, starts, strict=True):
        part = known[start : start + length]
        row[start * stride : (start + len(part)) * stride : stride] = part
    return torch.fft.fft(spread).conj()


def _turns(segments: int, bins: int, like: Tensor) -> Tensor:
    """What a discrete Fourier transform over the segments multiplies with, complex [bins, segments]."""
    phase = -2 * math.pi / bins * torch.arange(bins)[:, None] * torch.arange(segments)
    return torch.polar(torch.ones_like(phase), phase).to(like)


def _correlation(signal: Tensor, replicas: Tensor, turns: Tensor, offsets: int) -> Tensor:
    """The largest squared correlation over the frequencies, float [batch, offsets]."""
    spectrum = torch.fft.fft(signal, n=replicas.shape[1])
    sums = torch.fft.ifft(spectrum[:, None] * replicas)[..., :offsets]
    tried = torch.matmul(turns, sums)
    return (tried.real.square() + tried.imag.square()).amax(1)


def _energy(signal: Tensor, known: Tensor, stride: int, offsets: int) -> Tensor:
    """The energy that the correlation is divided by, float [batch, offsets]."""
    energy = _moving_energy(signal, len(known), stride)[:, :offsets]
    # Beside something strong, silence has the energy of rounding errors.
    floor = ROUNDING * energy.amax(1, keepdim=True) + torch.finfo(energy.dtype).tiny
    return energy.maximum(floor) * float(known.abs().square().sum())


def _moving_energy(signal: Tensor, symbols: int, stride: int) -> Tensor:
    """The energy of `symbols` values `stride` apart from each place on."""
    power = signal.abs().square().double()
    power = torch.nn.functional.pad(power, (0, -power.shape[1] % stride))
    sums = torch.nn.functional.pad(power.unflatten(1, (-1, stride)).cumsum(1), (0, 0, 1, 0))
    return (sums[:, symbols:] - sums[:, :-symbols]).flatten(1).to(signal.real.dtype)


def refine(
    filtered_signal: Tensor, start: Tensor, known: Tensor, samples_per_symbol: int, largest_offset: float
) -> tuple[Tensor, Tensor]:
    """Maximum-likelihood delay and frequency near `start`, samples int64 [batch]: (samples float64 [batch], cycles per
    symbol float64 [batch]).

    Source: Rife and Boorstyn, IEEE Trans. Inf. Theory 1974 (frequency: the periodogram's peak); Mengali and D'Andrea,
    Synchronization Techniques for Digital Receivers, section 7.3 (timing).
    """
    known = known.to(filtered_signal)
    frequency = torch.zeros(len(start), dtype=torch.float64, device=start.device)
    delay = start.double()
    for _ in range(2):
        places = delay[:, None] + torch.arange(len(known), device=start.device) * samples_per_symbol
        despread = interpolated(filtered_signal, places) * known.conj()
        frequency = _peak_frequency(despread, largest_offset)
        delay = _peak_delay(filtered_signal, delay, frequency, known, samples_per_symbol)
    return delay, frequency


def _peak_frequency(despread: Tensor, largest_offset: float) -> Tensor:
    """The frequency of a noisy exponential, cycles per symbol float64 [batch]."""
    size = ZERO_PADDING << math.ceil(math.log2(despread.shape[1]))
    power = torch.fft.fft(despread, n=size).abs().square()
    frequencies = torch.fft.fftfreq(size, device=despread.device)
    best = (power * (frequencies.abs() <= 1.1 * largest_offset)).argmax(1)
    around = torch.stack([power.gather(1, ((best + shift) % size)[:, None])[:, 0] for shift in (-1, 0, 1)], 1)
    return (frequencies.double()[best] + vertex(around) / size).clamp(-1.1 * largest_offset, 1.1 * largest_offset)


def _peak_delay(signal: Tensor, delay: Tensor, frequency: Tensor, known: Tensor, samples_per_symbol: int) -> Tensor:
    reach = samples_per_symbol + HALF_TAPS
    near = torch.arange(-reach, reach + 1, device=delay.device)
    symbols = torch.arange(len(known), device=delay.device)
    turned = (-2 * math.pi * frequency[:, None] * symbols).to(signal.real.dtype)
    replica = known.conj() * torch.polar(torch.ones_like(turned), turned)
    whole = delay.floor().long()
    places = whole[:, None, None] + near[:, None] + symbols * samples_per_symbol
    inside = (places >= 0) & (places < signal.shape[1])
    values = signal.gather(1, places.clamp(0, signal.shape[1] - 1).flatten(1)).view(places.shape) * inside
    correlation = (values * replica[:, None]).sum(-1)
    grid = torch.arange(-FINE * samples_per_symbol // 2, FINE * samples_per_symbol // 2 + 1, device=delay.device) / FINE
    power = interpolated(correlation, (grid + reach).double().expand(len(delay), -1)).abs().square()
    best = power.argmax(1).clamp(1, len(grid) - 2)
    around = torch.stack([power.gather(1, (best + shift)[:, None])[:, 0] for shift in (-1, 0, 1)], 1)
    return whole + grid.double()[best] + vertex(around) / FINE


def vertex(values: Tensor) -> Tensor:
    """Where the parabola through three values at -1, 0 and 1 has its peak, float64 [batch] in -1..1."""
    before, middle, after = values.double().unbind(1)
    bend = (before - 2 * middle + after).clamp_max(-torch.finfo(torch.float32).tiny)
    return ((before - after) / (2 * bend)).nan_to_num().clamp(-1, 1)
