"""Reading OFDM bursts: training, fractional and integer frequency offset, timing, and the channel from slot to slot."""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.blocks.channels.noise import MIN_NOISE_VARIANCE
from linksim.blocks.sionna.ofdm_channel import PILOT_SYMBOLS, SYMBOLS_PER_SLOT
from linksim.blocks.waveform.detection import vertex
from linksim.blocks.waveform.frames import Taken
from linksim.blocks.waveform.ofdm_frame import TRAINING, OFDMFrame
from linksim.blocks.waveform.periodogram import frequency_deviation, peak_turn
from linksim.blocks.waveform.tracking import CLOCK_DEVIATION
from linksim.types import SynchronisationEstimate, sent_mask

FINE = 8
"""Delays that are tried per sample."""
EARLIEST = 2.0
"""Channel uses by which an echo may come before the strongest path."""
FREQUENCY_REACH = 0.15
"""In subcarrier spacings: four standard deviations, at 0 dB, of what the training leaves open."""


class OFDMTrack(NamedTuple):
    """Sample of the first prefix, samples per OFDM symbol, and cycles per sample, float64 [batch]."""

    start: Tensor
    spacing: Tensor
    frequency: Tensor


def from_training(frame: OFDMFrame, samples: Tensor, place: Tensor, largest: int) -> OFDMTrack:
    """First estimates at bursts whose first prefix begins near `place`, int64 [batch].

    The fractional frequency offset is the turn between the equal halves of the first training symbol; the integer one,
    up to `largest` subcarriers, is the shift at which both training symbols fit each other; the delay is the peak of
    the second one's impulse response. Source: Schmidl and Cox, IEEE Trans. Commun. 1997.
    """
    device, window = samples.device, frame.window
    half = place[:, None] + frame.prefix + torch.arange(window // 2, device=device)
    last = samples.shape[1] - 1
    first, second = (samples.gather(1, (half + shift).clamp(0, last)) for shift in (0, window // 2))
    fraction = (first.conj() * second).sum(1).angle().double() / (math.pi * window)
    base = place.double()
    symbol = float(frame.prefix + window)
    turned = turned_back(samples, fraction)
    grid = _wide(frame, turned, base, symbol, largest)
    frequency = fraction + _whole_offset(frame, grid, largest) / window
    track = OFDMTrack(base, torch.full_like(base, symbol), frequency)
    seen = _seen(frame, turned_back(samples, frequency), track, torch.tensor([1], device=device), slots=0)
    delay, _ = _delay(frame, seen, frame.prefix)
    return track._replace(start=base + delay[:, 0])


def turned_back(samples: Tensor, frequency: Tensor) -> Tensor:
    """Samples without a frequency offset in cycles per sample, float64 [batch]."""
    t = torch.arange(samples.shape[1], device=samples.device)
    phase = torch.remainder(-2 * math.pi * frequency[:, None] * t, 2 * math.pi).to(samples.real.dtype)
    return samples * torch.polar(torch.ones_like(phase), phase)


def _wide(frame: OFDMFrame, samples: Tensor, start: Tensor, symbol: float, largest: int) -> Tensor:
    """Both training symbols on more subcarriers than a frame has, complex [batch, 2, active + 2 * largest]."""
    starts = (start[:, None] + frame.prefix + symbol * torch.arange(TRAINING, device=start.device)).round().long()
    places = starts[..., None] + torch.arange(frame.window, device=start.device)
    rows = samples.gather(1, places.clamp(0, samples.shape[1] - 1).flatten(1)).view(places.shape)
    bins = torch.fft.fftshift(torch.fft.fft(rows, norm="ortho"), dim=-1)
    side = (frame.window - frame.active) // 2
    return bins[..., side - largest : side + frame.active + largest]


def _whole_offset(frame: OFDMFrame, grid: Tensor, largest: int) -> Tensor:
    """Whole subcarriers, even because the halves leave two open, float64 [batch]."""
    training = frame.training().to(grid)
    wanted = training[0] * training[1].conj()
    product = grid[:, 0].conj() * grid[:, 1]
    shifts = list(range(-(largest // 2) * 2, largest + 1, 2))
    fits = [(product[:, largest + shift : largest + shift + frame.active] * wanted).sum(1).abs() for shift in shifts]
    return torch.tensor(shifts, device=grid.device, dtype=torch.float64)[torch.stack(fits, 1).argmax(1)]


def _places(slots: int, device: torch.device) -> Tensor:
    """The OFDM symbols that are known: both training symbols, and the pilots of the slots."""
    pilots = torch.tensor(PILOT_SYMBOLS) + TRAINING + SYMBOLS_PER_SLOT * torch.arange(slots)[:, None]
    return torch.cat([torch.arange(TRAINING), pilots.flatten()]).to(device)


def _known(frame: OFDMFrame, slots: int, like: Tensor) -> Tensor:
    """What was sent in them, complex [symbols, active]."""
    return torch.cat([frame.training(), frame.pilots(slots).flatten(0, 1)]).to(like)


def _starts(frame: OFDMFrame, track: OFDMTrack, symbols: Tensor) -> Tensor:
    return track.start[:, None] + track.spacing[:, None] * symbols + frame.prefix


def _seen(frame: OFDMFrame, samples: Tensor, track: OFDMTrack, which: Tensor, slots: int) -> Tensor:
    """The channel's factors at known OFDM symbols, by their places among the known, complex [batch, symbols, active];
    0 on the subcarriers that a training symbol leaves empty."""
    places = _places(slots, samples.device)[which]
    known = _known(frame, slots, samples)[which]
    grid = frame.inner(frame.demodulated(samples, _starts(frame, track, places)))
    power = known.abs().square()
    return grid * known.conj() / torch.where(power > 0, power, 1)


def _delay(frame: OFDMFrame, seen: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """The delay in samples, float64 [batch, symbols], within `reach`, and the factors' coherent sum there."""
    size = FINE * frame.window
    response = torch.fft.ifft(torch.nn.functional.pad(seen, (0, size - frame.active)), dim=-1) * size
    # A prefix's worth of delays before and after.
    order = torch.arange(-FINE * reach, FINE * reach + 1, device=seen.device) % size
    power = response[..., order].abs().square()
    best = power.argmax(-1).clamp(1, len(order) - 2)
    around = torch.stack([power.gather(-1, (best + shift)[..., None])[..., 0] for shift in (-1, 0, 1)], -1)
    delay = (best - FINE * reach + vertex(around.flatten(0, 1)).view(best.shape)) / FINE
    return delay, response.gather(-1, order[best][..., None])[..., 0]


def followed(frame: OFDMFrame, samples: Tensor, track: OFDMTrack, slots: Tensor) -> OFDMTrack:
    """Start, clock and frequency from all pilots of bursts of so many slots, int64 [batch]; twice, because the first
    round takes out what disturbs the second."""
    most = int(slots.max())
    places = _places(most, samples.device)
    valid = places < TRAINING + SYMBOLS_PER_SLOT * slots[:, None]
    which = torch.arange(len(places), device=samples.device)
    symbol = float(frame.prefix + frame.window)
    for _ in range(2):
        seen = _seen(frame, turned_back(samples, track.frequency), track, which, most) * valid[..., None]
        delay, sums = _delay(frame, seen, frame.prefix)
        start, spacing = _line(frame, places, delay, valid.double(), track)
        frequency, known, extent = track.frequency, TRAINING, TRAINING + SYMBOLS_PER_SLOT
        while known < int(valid.sum(1).max()):
            known = int((places < extent).sum())
            reach = 2 * math.pi * (FREQUENCY_REACH if extent == TRAINING + SYMBOLS_PER_SLOT else 2 / extent)
            turn = torch.remainder(-2 * math.pi * (frequency - track.frequency)[:, None] * symbol * places, 2 * math.pi)
            left = sums * torch.polar(torch.ones_like(turn), turn).to(sums)
            rate = peak_turn(left[:, :known], places[:known].double().expand(len(left), -1), reach, extent)
            frequency = frequency + rate / (2 * math.pi * symbol)
            extent *= 2
        track = OFDMTrack(start, spacing, frequency)
    return track


def _line(frame: OFDMFrame, places: Tensor, delay: Tensor, weight: Tensor, track: OFDMTrack) -> tuple[Tensor, Tensor]:
    """Start and spacing with the delays taken out, by least squares with what is known of clocks."""
    symbol = float(frame.prefix + frame.window)
    n = places.double()
    # Of a delay from one OFDM symbol at 0 dB, in square samples.
    variance = 0.01
    prior = variance / (CLOCK_DEVIATION * symbol) ** 2
    w, wn, wnn = weight.sum(1), (weight * n).sum(1), (weight * n.square()).sum(1) + prior
    e, en = (weight * delay).sum(1), (weight * delay * n).sum(1) - prior * (track.spacing - symbol)
    determinant = w * wnn - wn.square()
    return track.start + (wnn * e - wn * en) / determinant, track.spacing + (w * en - wn * e) / determinant


@cache
def _directions(frame: OFDMFrame) -> tuple[Tensor, Tensor]:
    """Eigenvalues and vectors of the subcarriers' covariance: delays equally likely from `EARLIEST` uses before the
    strongest path to half of the prefix behind it."""
    delays = torch.arange(-EARLIEST, frame.cyclic_prefix / 2, 0.25, dtype=torch.float64)
    turn = -2 * math.pi * torch.arange(frame.active, dtype=torch.float64)[:, None] * delays / frame.fft_size
    responses = torch.polar(torch.ones_like(turn), turn)
    values, vectors = torch.linalg.eigh(responses @ responses.mH / len(delays))
    kept = values > 1e-9 * values.max()
    return values[kept], vectors[:, kept]


def taken(frame: OFDMFrame, samples: Tensor, track: OFDMTrack, slots: int, first: int, count: Tensor) -> Taken:
    """Data from place `first` on, as many as the longest of `count` [batch], int64.

    Each known OFDM symbol's factors are estimated by linear MMSE over frequency, and lie on lines in time. Source: Li,
    Cimini and Sollenberger, IEEE Trans. Commun. 1998.
    """
    turned = turned_back(samples, track.frequency)
    symbols = torch.arange(TRAINING + SYMBOLS_PER_SLOT * slots, device=samples.device)
    bins = frame.demodulated(turned, _starts(frame, track, symbols))
    noise = _noise(frame, bins.detach())
    which = torch.arange(1, len(_places(slots, samples.device)), device=samples.device)
    places = _places(slots, samples.device)[which]
    seen = (frame.inner(bins)[:, places] * _known(frame, slots, samples)[which].conj()).detach()
    factors, error = _smooth(frame, seen, noise)
    data = [TRAINING + SYMBOLS_PER_SLOT * slot + s for slot in range(slots) for s in frame.data_symbols()]
    data = torch.tensor(data, device=samples.device)
    after = torch.searchsorted(places, data).clamp(1, len(places) - 1)
    share = ((data - places[after - 1]) / (places[after] - places[after - 1])).clamp(0, 1).to(factors.real.dtype)
    gain = factors[:, after - 1] + share[:, None] * (factors[:, after] - factors[:, after - 1])
    spread = error[:, None] * ((1 - share).square() + share.square())
    most = first + int(count.max())
    values = frame.inner(bins)[:, data].flatten(1)[:, first:most]
    gain = gain.flatten(1)[:, first:most]
    variance = noise[:, None] + spread[..., None].expand(-1, -1, frame.active).flatten(1)[:, first:most]
    there = sent_mask(count, most - first).to(variance.dtype)
    power = ((gain.abs().square() * there).sum(1, keepdim=True) / count[:, None]).clamp_min(1e-30)
    amplitude = gain.abs()
    direction = torch.where(amplitude > 0, gain / amplitude, 1).conj()
    # The active subcarriers have the empty ones' power.
    snr = power[:, 0] / noise / frame.amplitude**2
    noise = (variance / power).to(amplitude.dtype).clamp_min(MIN_NOISE_VARIANCE)
    return Taken(values * direction / power.sqrt(), amplitude / power.sqrt(), noise, snr)


def _noise(frame: OFDMFrame, bins: Tensor) -> Tensor:
    """Its variance on a subcarrier, float [batch], from the empty ones."""
    edges = torch.cat([bins[..., : frame.guard], bins[..., frame.fft_size - frame.guard :]], -1)
    return edges.abs().square().mean((1, 2)).clamp_min(MIN_NOISE_VARIANCE)


def _smooth(frame: OFDMFrame, seen: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Factors, complex [batch, symbols, active], and their error variance [batch]."""
    values, vectors = _directions(frame)
    values, vectors = values.to(seen.real), vectors.to(seen)
    power = (seen.abs().square().mean((1, 2)) - noise).clamp_min(1e-12)
    trust = values / (values + (noise / power)[:, None])
    inner = (seen @ vectors.conj()) * trust[:, None]
    return inner @ vectors.T, noise * trust.sum(1) / frame.active


def _delay_deviation(frame: OFDMFrame, snr: Tensor, slots: Tensor) -> Tensor:
    """The Cramér-Rao bound of a delay's deviation in samples, [batch], from all known OFDM symbols, the clock known."""
    number = frame.numbers(snr.device)[frame.guard : frame.fft_size - frame.guard]
    spread = (2 * math.pi * (number - number.mean()) / frame.window).square().sum()
    symbols = TRAINING + len(PILOT_SYMBOLS) * slots
    return (2 * snr * frame.amplitude**2 * symbols * spread).rsqrt()


def estimates(
    frame: OFDMFrame, samples: Tensor, track: OFDMTrack, snr: Tensor, slots: Tensor
) -> SynchronisationEstimate:
    """For bursts of so many slots that were read."""
    places = _places(int(slots.max()), samples.device)
    there = places < TRAINING + SYMBOLS_PER_SLOT * slots[:, None]
    weight = frame.active * frame.amplitude**2 * snr[:, None] * there
    turn = frequency_deviation(weight, places.double().expand(len(slots), -1))
    seen = _seen(frame, turned_back(samples, track.frequency), track, torch.tensor([1], device=samples.device), slots=0)
    return SynchronisationEstimate(
        found=torch.ones_like(track.start, dtype=torch.bool),
        delay=track.start,
        frequency=track.frequency * frame.oversampling,
        phase=seen.sum((1, 2)).angle(),
        clock_ppm=(track.spacing / (frame.prefix + frame.window) - 1) * 1e6,
        snr_db=10 * snr.log10(),
        delay_deviation=_delay_deviation(frame, snr, slots),
        frequency_deviation=turn / (2 * math.pi * frame.uses_per_symbol),
    )
