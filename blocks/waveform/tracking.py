"""Following a burst from its preamble to its end: clock, frequency, gain and noise from the pilots."""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.blocks.waveform.burst import BurstLayout
from linksim.blocks.waveform.detection import vertex
from linksim.blocks.waveform.filtering import interpolated
from linksim.blocks.waveform.smoothing import smoothed
from linksim.theory.synchronisation import raised_cosine_curvature

FIRST_STRETCH = 1024
"""Symbols that are followed at first; each pass doubles them, so that no clock error grows to a symbol unseen."""
CLOCK_DEVIATION = 20e-6
"""What is known of crystal clocks before: standard deviation of their relative error."""
LARGEST_CLOCK_PPM = 100.0
"""Clock errors that are followed; at 200 ppm bursts of 2,000 symbols still are."""
LEAST_NOISE = 1e-12
NEARBY = 2
CANDIDATES, CLOSER = 8, 8
JUDGED_PILOTS, LEAST_COHERENCE = 64, 0.15
PIECE = 32
"""Symbols of the preamble that are summed when a frequency is looked for."""


class Pulse(NamedTuple):
    """What tracking must know of the waveform."""

    samples_per_symbol: int
    roll_off: float


class Track(NamedTuple):
    """Symbol n stands at sample `start` + n * `spacing`, turned by `frequency` * n radians and by the phase of its
    gain. Gains are complex [batch, blocks], at symbols `centres` [batch, blocks], with their errors' variance; `walk`
    is by how much a gain moves from one block to the next. Noise variance [batch] is per symbol; `kept` [batch] says
    whether the burst was followed to its end. The deviations are those of noise's errors in `frequency` and
    `start`."""

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


class _Known(NamedTuple):
    """Known symbols: places int64 [batch, n], values complex [n], the block of each [n], and blocks' sizes [blocks].
    The preamble is one block; `piece` [n] cuts it into several."""

    places: Tensor
    values: Tensor
    block: Tensor
    sizes: Tensor
    piece: Tensor


def follow(
    signal: Tensor, start: Tensor, frequency: Tensor, data: Tensor, layout: BurstLayout, pulse: Pulse, blocks: int
) -> Track:
    """Track bursts in a matched filter's output, complex [batch, time], from first estimates of `start`, in samples,
    and `frequency`, in radians per symbol, float64 [batch].

    `data` int64 [batch]: how many data symbols each burst has; `blocks`: how many blocks of pilots are used at most.
    The first known block is the preamble. Sources: Mengali and D'Andrea, Synchronization Techniques for Digital
    Receivers, sections 3.2 and 7.3 (data-aided maximum likelihood); Rauch, Tung and Striebel, AIAA Journal 1965.
    """
    known = _known(signal, data, layout, blocks)
    last = int(known.places.max())
    first_stretch = max(FIRST_STRETCH, 2 * layout.preamble_length)
    spacing = torch.full_like(start, float(pulse.samples_per_symbol))
    stretch, before = first_stretch, layout.preamble_length
    while True:
        part = _until(known, stretch)
        frequency = _turned(signal, start, spacing, frequency, part, data, layout, before)
        start, spacing = _timed(signal, start, spacing, frequency, part, data, layout, pulse)
        if stretch > last:
            break
        before, stretch = stretch, 2 * stretch
    # With the last timing the frequency is the best.
    frequency = _turned(signal, start, spacing, frequency, known, data, layout, before)
    gains, counts, noise = _measured(signal, start, spacing, frequency, known, data, layout)
    smooth, centres = smoothed(gains, counts, noise), _centres(known)
    kept = _coherent(signal, start, spacing, frequency, known, data, layout)
    valid = _valid(known, data, layout)
    weight = known.sizes * valid * gains.abs().square() / noise[:, None]
    deviation = frequency_deviation(weight, centres)
    track = Track(
        start,
        spacing,
        frequency,
        centres,
        smooth.values,
        smooth.variance,
        smooth.walk,
        noise,
        kept,
        deviation,
        deviation,
    )
    return track._replace(start_deviation=_start_deviation(track, weight, pulse))


def frequency_deviation(weight: Tensor, places: Tensor) -> Tensor:
    """The Cramér-Rao bound of a frequency's deviation in radians per place, [batch]: `weight` is the energy over the
    noise variance of what is known at each place, [batch, n]. Source: Rife and Boorstyn, IEEE Trans. Inf. Theory 1974.
    """
    total = weight.sum(1, keepdim=True).clamp_min(1e-30)
    middle = (weight * places).sum(1, keepdim=True) / total
    return (2 * (weight * (places - middle).square()).sum(1)).clamp_min(1e-30).rsqrt()


def _start_deviation(track: Track, weight: Tensor, pulse: Pulse) -> Tensor:
    """The deviation of `start` in samples, [batch], of the line through the blocks' timing errors."""
    curvature = raised_cosine_curvature(pulse.roll_off) / pulse.samples_per_symbol**2
    known = 2 * weight * curvature
    n = track.centres
    prior = 1 / (CLOCK_DEVIATION * pulse.samples_per_symbol) ** 2
    w, wn, wnn = known.sum(1), (known * n).sum(1), (known * n.square()).sum(1) + prior
    return (wnn / (w * wnn - wn.square()).clamp_min(1e-30)).sqrt()


def _coherent(
    signal: Tensor, start: Tensor, spacing: Tensor, frequency: Tensor, known: _Known, data: Tensor, layout: BurstLayout
) -> Tensor:
    """Whether the pilots of a burst's second half still fit, bool [batch]: a clock that is too far off loses them. Of
    noise the coherent power is 1 / pilot_length of the whole, at 0 dB over half; few pilots are not judged."""
    values = _despread(signal, _instants(start, spacing, known.places), frequency, known)
    valid = _valid(known, data, layout)
    number = torch.arange(len(known.sizes), device=data.device)
    second = valid & (number > 0) & (number >= valid.sum(1, keepdim=True) / 2)
    together = (_sums(values, known).abs().square() / known.sizes * second).sum(1)
    whole = (_sums(values.abs().square(), known) * second).sum(1)
    enough = (known.sizes * second).sum(1) >= JUDGED_PILOTS
    limit = 1 / layout.pilot_length + LEAST_COHERENCE * (1 - 1 / layout.pilot_length)
    return ~enough | (together >= limit * whole)


def _known(signal: Tensor, data: Tensor, layout: BurstLayout, blocks: int) -> _Known:
    device = signal.device
    sequence, pilots = layout.sequence(), layout.pilots(blocks)
    front = torch.arange(layout.preamble_length, device=device).expand(len(data), -1)
    rest = layout.pilot_places(data.cpu(), blocks)[..., None] + torch.arange(layout.pilot_length)
    block = torch.cat([torch.zeros(len(sequence)), torch.arange(1, blocks + 1).repeat_interleave(layout.pilot_length)])
    sizes = torch.tensor([len(sequence), *[layout.pilot_length] * blocks], device=device)
    places = torch.cat([front, rest.flatten(1).to(device)], 1)
    block, pieces = block.long().to(device), math.ceil(len(sequence) / PIECE)
    piece = torch.where(block == 0, torch.arange(len(block), device=device) // PIECE, block + pieces - 1)
    return _Known(places, torch.cat([sequence, pilots.flatten()]).to(signal), block, sizes, piece)


def _until(known: _Known, stretch: int) -> _Known:
    """Only the blocks that begin in the first `stretch` symbols of all bursts that have them."""
    first = known.places.amax(0) < stretch
    blocks = int(known.block[first].max()) + 1
    inside = known.block < blocks
    some = known.places[:, inside], known.values[inside], known.block[inside], known.sizes[:blocks]
    return _Known(*some, known.piece[inside])


def _valid(known: _Known, data: Tensor, layout: BurstLayout) -> Tensor:
    """Which blocks belong to each burst, bool [batch, blocks]."""
    groups = torch.div(data + layout.pilot_spacing - 1, layout.pilot_spacing, rounding_mode="floor")
    return torch.arange(len(known.sizes), device=data.device) <= groups[:, None]


def _sums(values: Tensor, known: _Known) -> Tensor:
    """Per block, [batch, blocks]."""
    return values.new_zeros(len(values), len(known.sizes)).index_add(1, known.block, values)


def _centres(known: _Known) -> Tensor:
    return _sums(known.places.double(), known) / known.sizes


def _instants(start: Tensor, spacing: Tensor, places: Tensor) -> Tensor:
    return start[:, None] + spacing[:, None] * places


def _despread(signal: Tensor, instants: Tensor, frequency: Tensor, known: _Known) -> Tensor:
    """Known symbols without what is known of them, complex [batch, n]."""
    phase = torch.remainder(-frequency[:, None] * known.places, 2 * math.pi).to(signal.real.dtype)
    return interpolated(signal, instants) * known.values.conj() * torch.polar(torch.ones_like(phase), phase)


def _turned(
    signal: Tensor,
    start: Tensor,
    spacing: Tensor,
    frequency: Tensor,
    known: _Known,
    data: Tensor,
    layout: BurstLayout,
    resolved: int,
) -> Tensor:
    """The frequency in radians per symbol, made better: the peak of the blocks' periodogram within what `resolved`
    symbols left open."""
    if len(known.sizes) == 1:
        return frequency
    # Pieces of the preamble tell which of several turns between distant blocks is meant.
    valid = _valid(known, data, layout)[:, known.block]
    values = _despread(signal, _instants(start, spacing, known.places), frequency, known) * valid
    pieces = int(known.piece.max()) + 1
    sums = values.new_zeros(len(values), pieces).index_add(1, known.piece, values)
    count = torch.zeros(pieces, device=signal.device).index_add(0, known.piece, torch.ones_like(known.piece).float())
    centres = known.places.new_zeros(sums.shape).index_add(1, known.piece, known.places) / count
    extent = float((known.places * valid).amax()) + 1
    pilots = layout.preamble_length + (resolved - layout.preamble_length) * layout.pilot_length / layout.pilot_spacing
    # Five standard deviations at -6 dB of what the stretch before gave.
    reach = max(5 * math.sqrt(24 / pilots) / resolved, math.pi / (4 * resolved))
    return frequency + peak_turn(sums, centres.double(), reach, extent)


def peak_turn(values: Tensor, places: Tensor, reach: float, extent: float) -> Tensor:
    """By how many radians per place complex values [batch, n] at places [batch, n] turn, float64 [batch]: the peak of
    their periodogram within `reach`, of places that cover `extent`."""
    step = 2 * math.pi / (4 * extent)
    steps = min(max(math.ceil(reach / step), 2), 512)
    grid = (torch.arange(-steps, steps + 1, device=places.device) * step).expand(len(values), -1)
    # Of blocks that stand far apart several turns are nearly as good: the best few are looked at closely.
    best = grid.gather(1, _turned_power(values, places, grid).topk(min(CANDIDATES, grid.shape[1]), 1).indices)
    near = torch.linspace(-1, 1, 2 * CLOSER + 1, device=places.device, dtype=torch.float64) * step
    close = (best[..., None] + near).flatten(1)
    power = _turned_power(values, places, close)
    inside = torch.arange(power.shape[1], device=places.device) % len(near)
    inner = (inside > 0) & (inside < len(near) - 1)
    top = torch.where(inner, power, -1.0).argmax(1)
    around = torch.stack([power.gather(1, (top + shift)[:, None])[:, 0] for shift in (-1, 0, 1)], 1)
    return close.gather(1, top[:, None])[:, 0] + step / CLOSER * vertex(around)


def _turned_power(values: Tensor, places: Tensor, turns: Tensor) -> Tensor:
    """The periodogram at turns in radians per place, [batch, turns]."""
    phase = torch.remainder(-turns[..., None] * places[:, None], 2 * math.pi).to(values.real.dtype)
    return (values[:, None] * torch.polar(torch.ones_like(phase), phase)).sum(-1).abs().square()


def _timed(
    signal: Tensor,
    start: Tensor,
    spacing: Tensor,
    frequency: Tensor,
    known: _Known,
    data: Tensor,
    layout: BurstLayout,
    pulse: Pulse,
) -> tuple[Tensor, Tensor]:
    """Start and spacing, made better: a line through the blocks' timing errors, weighted by their variances."""
    gains, counts, noise = _measured(signal, start, spacing, frequency, known, data, layout)
    gains = _nearby(gains, counts)
    width = pulse.samples_per_symbol / 16
    instants = _instants(start, spacing, known.places)
    slope = _despread(signal, instants + width, frequency, known) - _despread(
        signal, instants - width, frequency, known
    )
    curvature = raised_cosine_curvature(pulse.roll_off) / pulse.samples_per_symbol**2
    power = gains.abs().square().double().clamp_min(1e-30)
    error = (gains.conj() * _sums(slope, known)).real.double() / (2 * width * curvature * known.sizes * power)
    thermal = noise[:, None] / (2 * known.sizes * curvature * power)
    # The known symbols inside a block do not disturb each other's sum; the unknown ones at its edges do.
    edges = _edge_noise(layout.pilot_length, pulse.roll_off) * pulse.samples_per_symbol**2
    weight = _valid(known, data, layout) / (thermal + edges / known.sizes.square() + 1e-9)
    centres, drift = _centres(known), spacing - pulse.samples_per_symbol
    prior = 1 / (CLOCK_DEVIATION * pulse.samples_per_symbol) ** 2
    w, wn, wnn = weight.sum(1), (weight * centres).sum(1), (weight * centres.square()).sum(1) + prior
    e, en = (weight * error).sum(1), (weight * error * centres).sum(1) - prior * drift
    determinant = w * wnn - wn.square()
    most = pulse.samples_per_symbol / 2
    shift = ((wnn * e - wn * en) / determinant).clamp(-most, most)
    return start + shift, spacing + (w * en - wn * e) / determinant


def _nearby(gains: Tensor, counts: Tensor) -> Tensor:
    """Each block's gain as the mean over it and up to `NEARBY` blocks on either side."""

    def total(values: Tensor) -> Tensor:
        sums = torch.nn.functional.pad(values.cumsum(1), (NEARBY + 1, 0))
        sums = torch.cat([sums, sums[:, -1:].expand(-1, NEARBY)], 1)
        return sums[:, 2 * NEARBY + 1 :] - sums[:, : -2 * NEARBY - 1]

    return total(gains * counts) / total(counts).clamp_min(1)


@cache
def _edge_noise(length: int, roll_off: float) -> float:
    """Variance, times length^2 and in symbols^2, of a block's timing error by the unit-power data beside it."""
    total = 0.0
    for n in range(1, 65):
        edge = 1 - (2 * roll_off * n) ** 2
        slope = 1 / n if abs(edge) < 1e-6 else math.cos(math.pi * roll_off * n) / (n * edge)
        total += 2 * min(n, length) * slope**2
    return total / 2 / raised_cosine_curvature(roll_off) ** 2


def _measured(
    signal: Tensor, start: Tensor, spacing: Tensor, frequency: Tensor, known: _Known, data: Tensor, layout: BurstLayout
) -> tuple[Tensor, Tensor, Tensor]:
    """Each block's mean gain [batch, blocks], how many pilots made it (0 for blocks that are not there), and the noise
    variance [batch], from how pilots scatter about their block's mean."""
    values = _despread(signal, _instants(start, spacing, known.places), frequency, known)
    means = _sums(values, known) / known.sizes
    valid = _valid(known, data, layout)
    scatter = _sums((values - means[:, known.block]).abs().square(), known) * valid
    freedom = ((known.sizes - 1) * valid).sum(1)
    noise = (scatter.sum(1) / freedom).double().clamp_min(LEAST_NOISE)
    return means, known.sizes * valid, noise
