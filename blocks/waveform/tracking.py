"""Following a burst from its preamble to its end: clock, frequency, gain and noise from the pilots."""

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple, Self

import torch
from torch import Tensor

from linksim.blocks.waveform.burst import BurstLayout
from linksim.blocks.waveform.filtering import interpolated
from linksim.blocks.waveform.known_symbols import KnownSymbols, known_symbols
from linksim.blocks.waveform.periodogram import frequency_deviation, peak_turn
from linksim.blocks.waveform.smoothing import nearby, smoothed
from linksim.theory.synchronisation import raised_cosine_curvature

FIRST_STRETCH = 1024
"""Symbols that are followed at first; each pass doubles them, so that no clock error grows to a symbol unseen."""
CLOCK_DEVIATION = 20e-6
"""What is known of crystal clocks before: standard deviation of their relative error."""
LARGEST_CLOCK_PPM = 100.0
"""Clock errors that are followed, in parts per million."""
LEAST_NOISE = 1e-12
JUDGED_PILOTS, LEAST_COHERENCE = 64, 0.15


class Track(NamedTuple):
    """Symbol n stands at sample `start` + n * `spacing`, turned by `frequency` * n radians and by the phase of its
    gain. Gains are complex [batch, blocks], at symbols `centres` [batch, blocks], with their errors' variance; `walk`
    is by how much a gain moves from one block to the next. Noise variance [batch] is per symbol; `kept` [batch] says
    whether the burst was followed to its end. The deviations are those of noise's errors in `frequency` and `start`.
    """

    start: Tensor
    spacing: Tensor
    frequency: Tensor
    centres: Tensor
    gains: Tensor
    variance: Tensor
    walk: Tensor
    noise_variance: Tensor
    kept: Tensor
    frequency_deviation: Tensor
    start_deviation: Tensor


@dataclass(frozen=True)
class BurstFollower:
    """What is known on the way: the matched filter's output, complex [batch, time], how bursts are made, and the first
    symbol's place in samples, the distance of symbols, and the frequency in radians per symbol, float64 [batch].

    Sources: Mengali and D'Andrea, Synchronization Techniques for Digital Receivers, sections 3.2 and 7.3 (data-aided
    maximum likelihood).
    """

    signal: Tensor
    layout: BurstLayout
    samples_per_symbol: int
    roll_off: float
    start: Tensor
    spacing: Tensor
    frequency: Tensor

    def follow(self, data: Tensor, blocks: int) -> Track:
        """Track bursts with so many data symbols, int64 [batch], by so many blocks of pilots at most."""
        known, now = known_symbols(self.signal, data, self.layout, blocks), self
        last = int(known.places.max())
        stretch, before = max(FIRST_STRETCH, 2 * self.layout.preamble_length), self.layout.preamble_length
        while True:
            part = known.until(stretch)
            now = now._turned(part, before)._timed(part)
            if stretch > last:
                break
            before, stretch = stretch, 2 * stretch
        # With the last timing the frequency is the best.
        return now._turned(known, before)._track(known)

    def _track(self, known: KnownSymbols) -> Track:
        gains, counts, noise = self._measured(known)
        smooth, centres = smoothed(gains, counts, noise), known.centres
        energy = counts * gains.abs().square() / noise[:, None]
        return Track(
            self.start,
            self.spacing,
            self.frequency,
            centres,
            smooth.values,
            smooth.variance,
            smooth.walk,
            noise,
            self._coherent(known),
            frequency_deviation(energy, centres),
            self._start_deviation(energy, centres),
        )

    def _despread(self, known: KnownSymbols, shift: float = 0.0) -> Tensor:
        """Known symbols, `shift` samples late, without what is known of them, complex [batch, n]."""
        instants = self.start[:, None] + self.spacing[:, None] * known.places + shift
        phase = torch.remainder(-self.frequency[:, None] * known.places, 2 * math.pi).to(self.signal.real.dtype)
        turn = torch.polar(torch.ones_like(phase), phase)
        return interpolated(self.signal, instants) * known.values.conj() * turn

    def _measured(self, known: KnownSymbols) -> tuple[Tensor, Tensor, Tensor]:
        """Each block's mean gain [batch, blocks], how many pilots made it (0 for blocks that are not there), and the
        noise variance [batch], from how pilots scatter about their block's mean."""
        values = self._despread(known)
        means = known.sums(values) / known.sizes
        scatter = known.sums((values - means[:, known.block]).abs().square()) * known.valid
        freedom = ((known.sizes - 1) * known.valid).sum(1)
        noise = (scatter.sum(1) / freedom).double().clamp_min(LEAST_NOISE)
        return means, known.sizes * known.valid, noise

    def _turned(self, known: KnownSymbols, resolved: int) -> Self:
        """With a better frequency: the peak of the periodogram within what `resolved` symbols left open. Pieces of the
        preamble tell which of several turns between distant blocks is meant."""
        if len(known.sizes) == 1:
            return self
        valid, layout = known.valid[:, known.block], self.layout
        sums, places = known.pieces(self._despread(known) * valid)
        extent = float((known.places * valid).amax()) + 1
        pilots = (
            layout.preamble_length + (resolved - layout.preamble_length) * layout.pilot_length / layout.pilot_spacing
        )
        # Five standard deviations at -6 dB of what the stretch before gave.
        reach = max(5 * math.sqrt(24 / pilots) / resolved, math.pi / (4 * resolved))
        return replace(self, frequency=self.frequency + peak_turn(sums, places, reach, extent))

    def _timed(self, known: KnownSymbols) -> Self:
        """With better start and spacing: a line through the blocks' timing errors, weighted by their variances."""
        gains, counts, noise = self._measured(known)
        gains = nearby(gains, counts)
        width, step = self.samples_per_symbol / 16, self.samples_per_symbol
        slope = self._despread(known, width) - self._despread(known, -width)
        power = gains.abs().square().double().clamp_min(1e-30)
        error = (gains.conj() * known.sums(slope)).real.double() / (2 * width * self._curvature * known.sizes * power)
        thermal = noise[:, None] / (2 * known.sizes * self._curvature * power)
        # The known symbols inside a block do not disturb each other's sum; the unknown ones at its edges do.
        edges = _edge_noise(self.layout.pilot_length, self.roll_off) * step**2
        weight = known.valid / (thermal + edges / known.sizes.square() + 1e-9)
        w, wn, wnn = self._normal_equations(weight, known.centres)
        drift = self.spacing - step
        e, en = (weight * error).sum(1), (weight * error * known.centres).sum(1) - self._clock_prior * drift
        determinant = w * wnn - wn.square()
        shift = ((wnn * e - wn * en) / determinant).clamp(-step / 2, step / 2)
        spacing = self.spacing + (w * en - wn * e) / determinant
        return replace(self, start=self.start + shift, spacing=spacing)

    def _normal_equations(self, weight: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the line, with what is known of clocks: sums of the weights, times places, times squared places."""
        squares = (weight * centres.square()).sum(1) + self._clock_prior
        return weight.sum(1), (weight * centres).sum(1), squares

    def _start_deviation(self, energy: Tensor, centres: Tensor) -> Tensor:
        """That of `start` in samples, [batch], which noise leaves to the line through the blocks' timing errors."""
        w, wn, wnn = self._normal_equations(2 * energy * self._curvature, centres)
        return (wnn / (w * wnn - wn.square()).clamp_min(1e-30)).sqrt()

    def _coherent(self, known: KnownSymbols) -> Tensor:
        """Whether the pilots of a burst's second half still fit, bool [batch]: a clock that is too far off loses them.
        Of noise the coherent power is 1 / pilot_length of the whole, at 0 dB over half; few pilots are not judged."""
        values = self._despread(known)
        number = torch.arange(len(known.sizes), device=values.device)
        second = known.valid & (number > 0) & (number >= known.valid.sum(1, keepdim=True) / 2)
        together = (known.sums(values).abs().square() / known.sizes * second).sum(1)
        whole = (known.sums(values.abs().square()) * second).sum(1)
        enough = (known.sizes * second).sum(1) >= JUDGED_PILOTS
        limit = 1 / self.layout.pilot_length + LEAST_COHERENCE * (1 - 1 / self.layout.pilot_length)
        return ~enough | (together >= limit * whole)

    @property
    def _curvature(self) -> float:
        """Of the pulse behind its matched filter, per square sample."""
        return raised_cosine_curvature(self.roll_off) / self.samples_per_symbol**2

    @property
    def _clock_prior(self) -> float:
        return 1 / (CLOCK_DEVIATION * self.samples_per_symbol) ** 2


@cache
def _edge_noise(length: int, roll_off: float) -> float:
    """Variance, times length^2 and in symbols^2, of a block's timing error by the unit-power data beside it."""
    total = 0.0
    for n in range(1, 65):
        edge = 1 - (2 * roll_off * n) ** 2
        slope = 1 / n if abs(edge) < 1e-6 else math.cos(math.pi * roll_off * n) / (n * edge)
        total += 2 * min(n, length) * slope**2
    return total / 2 / raised_cosine_curvature(roll_off) ** 2
