"""Reading bursts: from a place in a waveform to the symbols of a frame."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from linksim.blocks.channels.noise import MIN_NOISE_VARIANCE
from linksim.blocks.waveform.burst import BurstLayout, decode_field
from linksim.blocks.waveform.detection import Found, refine, search
from linksim.blocks.waveform.filtering import filtered, interpolated
from linksim.blocks.waveform.frames import ReadRows, Taken, put_together
from linksim.blocks.waveform.pulse import root_raised_cosine
from linksim.blocks.waveform.tracking import BurstFollower, Track
from linksim.types import Received, Symbols, SynchronisationEstimate, sent_mask


class Burst(NamedTuple):
    """What one place of each row gave: the frame's number, int64 [batch], 0 for an erasure; its symbols; and the
    estimates, whose `found` says whether it was read."""

    number: Tensor
    received: Received
    estimates: SynchronisationEstimate


@dataclass(frozen=True)
class BurstReader:
    """How bursts are made, and how far to look for them."""

    layout: BurstLayout
    samples_per_symbol: int
    roll_off: float
    span: int
    largest_offset: float
    false_alarm: float

    @property
    def half_pulse(self) -> int:
        """From a symbol's peak in the waveform to its peak behind the matched filter, in samples."""
        return self.span // 2 * self.samples_per_symbol

    def matched(self, samples: Tensor) -> Tensor:
        """Behind the matched filter."""
        return filtered(samples, root_raised_cosine(self.samples_per_symbol, self.roll_off, self.span))

    def search(self, samples: Tensor) -> Found:
        """How well the preamble fits at each place of a waveform, complex [batch, time], behind the matched filter."""
        known = self.layout.sequence()
        return search(self.matched(samples), known, self.samples_per_symbol, self.largest_offset, self.false_alarm)

    def read(self, samples: Tensor, time: Tensor, place: Tensor, found: Tensor, width: int | None) -> Burst:
        """Read the burst that begins near `place`, int64 [batch], behind the matched filter, where `found`.

        `time` int64 [batch] is each row's length in samples; `width` that of the result, or None for the longest frame.
        """
        rows = found.nonzero()[:, 0]
        number, length = torch.zeros_like(place), torch.zeros_like(place)
        if len(rows) == 0:
            return self._whole(samples, number, length, None, width)
        start, frequency, shift = self._first(samples[rows].detach(), place[rows])
        turned = self._matched_at(samples[rows], shift)
        number[rows], told = self._field(turned.detach(), start, frequency)
        length[rows] = told * self._fits(told, start, time[rows], width)
        good = length[rows] > 0
        rows, start, frequency, shift, turned = (each[good] for each in (rows, start, frequency, shift, turned))
        if len(rows) == 0:
            return self._whole(samples, number, length, None, width)
        data = length[rows] + self.layout.field_uses
        blocks = self.layout.groups(int(data.max()))
        with torch.no_grad():
            track = self._follower(turned.detach(), start, frequency).follow(data, blocks)
        length[rows] *= track.kept
        rows, shift, turned = (each[track.kept] for each in (rows, shift, turned))
        track = Track(*(each[track.kept] for each in track))
        if len(rows) == 0:
            return self._whole(samples, number, length, None, width)
        places = self.layout.data_places(int(data.max()))[self.layout.field_uses :].to(start.device)
        taken = self._taken(turned, track, places, length[rows])
        return self._whole(samples, number, length, (rows, taken, self._estimates(track, shift, taken)), width)

    def nothing(self, like: Tensor, width: int) -> Burst:
        """An erasure of so many symbols, a batch of one, in the dtype and place of `like`."""
        zero = torch.zeros(1, dtype=torch.int64, device=like.device)
        return self._whole(like[:1, :0], zero, zero, None, width)

    def fitted(self, burst: Burst | None, length: int, like: Tensor) -> Burst:
        """A burst as wide as the frames of its batch, complex [batch, uses]; none, or one of another length than the
        frame had, is an erasure."""
        width = like.shape[1]
        if burst is None or int(burst.received.symbols.length) != length:
            return self.nothing(like, width)
        padding = (0, width - burst.received.symbols.samples.shape[1])
        padded = replace(
            burst.received,
            symbols=Symbols(
                torch.nn.functional.pad(burst.received.symbols.samples, padding), burst.received.symbols.length
            ),
            gain=torch.nn.functional.pad(burst.received.gain, padding),
            noise_variance=torch.nn.functional.pad(burst.received.noise_variance, padding, value=1.0),
        )
        return burst._replace(received=padded)

    def length_at(self, stream: Tensor, place: int) -> int:
        """What a stream, complex [time], says at a place behind the matched filter of the length of a frame there; 0
        where the check fails."""
        step = self.samples_per_symbol
        before = max(place - 2 * self.span * step, 0)
        uses = self.layout.preamble_length + self.layout.field_uses + 2 * self.span
        uses += self.layout.field_uses // self.layout.pilot_spacing * self.layout.pilot_length
        piece = stream[None, before : place + uses * step].detach()
        start, frequency, shift = self._first(piece, torch.tensor([place - before], device=stream.device))
        return int(self._field(self._matched_at(piece, shift), start, frequency)[1])

    def _first(self, samples: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Start in samples, what is left of the frequency in radians per symbol, and the frequency that was taken out,
        in cycles per symbol."""
        known, step = self.layout.sequence(), self.samples_per_symbol
        _, shift = refine(self.matched(samples), place, known, step, self.largest_offset)
        delay, rest = refine(self._matched_at(samples, shift), place, known, step, self.largest_offset)
        return delay, 2 * math.pi * rest, shift

    def _matched_at(self, samples: Tensor, shift: Tensor) -> Tensor:
        """Behind the matched filter, the frequency `shift`, cycles per symbol, taken out before it."""
        t = torch.arange(samples.shape[1], device=samples.device)
        phase = torch.remainder(-2 * math.pi * shift[:, None] * t / self.samples_per_symbol, 2 * math.pi)
        phase = phase.to(samples.real.dtype)
        return self.matched(samples * torch.polar(torch.ones_like(phase), phase))

    def _field(self, signal: Tensor, start: Tensor, frequency: Tensor) -> tuple[Tensor, Tensor]:
        """The frames' numbers and lengths, length 0 where the check fails."""
        uses = self.layout.field_uses
        data = torch.full(start.shape, uses, device=start.device)
        # Only these blocks of pilots stand at the same place whatever the frame's length is.
        blocks = uses // self.layout.pilot_spacing
        track = self._follower(signal, start, frequency).follow(data, blocks)
        taken = self._taken(signal, track, self.layout.data_places(uses).to(start.device), data)
        llrs = -4 * (taken.samples * taken.gain).real / taken.noise_variance
        number, length, good = (each.to(start.device) for each in decode_field(llrs.float().cpu()))
        return number, length * good

    def _whole(
        self, samples: Tensor, number: Tensor, length: Tensor, read: ReadRows | None, width: int | None
    ) -> Burst:
        overhead = torch.where(length > 0, self.layout.overhead(length), 0)
        return Burst(number * (length > 0), *put_together(samples, length, overhead, read, width))

    def _follower(self, signal: Tensor, start: Tensor, frequency: Tensor) -> BurstFollower:
        spacing = torch.full_like(start, float(self.samples_per_symbol))
        return BurstFollower(signal, self.layout, self.samples_per_symbol, self.roll_off, start, spacing, frequency)

    def _fits(self, length: Tensor, start: Tensor, time: Tensor, width: int | None) -> Tensor:
        """Whether a waveform holds the whole burst of a frame of this length, bool [batch]."""
        uses = self.layout.uses(length + self.layout.field_uses)
        last = start + (uses - 1) * self.samples_per_symbol - self.half_pulse
        return (last <= time - 1) & (length <= (width if width is not None else length))

    def _taken(self, signal: Tensor, track: Track, places: Tensor, length: Tensor) -> Taken:
        """The symbols at these places, int64 [n], of frames of these lengths."""
        values = interpolated(signal, track.start[:, None] + track.spacing[:, None] * places)
        gain, variance = gains_at(track, places)
        there = sent_mask(length, len(places)).to(gain.real.dtype)
        power = (gain.abs().square() * there).sum(1, keepdim=True) / length.clamp_min(1)[:, None]
        power = power.clamp_min(torch.finfo(power.dtype).tiny)
        turn = torch.remainder(-track.frequency[:, None] * places, 2 * math.pi).to(signal.real.dtype)
        amplitude = gain.abs()
        direction = torch.where(amplitude > 0, gain / amplitude, 1).conj() * torch.polar(torch.ones_like(turn), turn)
        noise = (track.noise_variance[:, None] + variance).to(amplitude.dtype) / power
        noise = noise.clamp_min(MIN_NOISE_VARIANCE)
        snr = power[:, 0].double() / track.noise_variance
        return Taken(values * direction / power.sqrt(), amplitude / power.sqrt(), noise, snr)

    def _estimates(self, track: Track, shift: Tensor, taken: Taken) -> SynchronisationEstimate:
        """For the bursts that were read."""
        step = self.samples_per_symbol
        delay, spacing = track.start - self.half_pulse, track.spacing
        # The frequency that was taken out turns by time, the rest by symbol. Its phase at the peak of the first symbol
        # is the gain's there, and what was taken out until then.
        frequency = shift * spacing / step + track.frequency / (2 * math.pi)
        phase = track.gains[:, 0].angle() + 2 * math.pi * shift * delay / step
        return SynchronisationEstimate(
            found=torch.ones_like(delay, dtype=torch.bool),
            delay=delay,
            frequency=frequency,
            phase=torch.remainder(phase + math.pi, 2 * math.pi) - math.pi,
            clock_ppm=(spacing / step - 1) * 1e6,
            snr_db=10 * taken.snr.log10(),
            delay_deviation=track.start_deviation,
            frequency_deviation=track.frequency_deviation / (2 * math.pi),
        )


def gains_at(track: Track, places: Tensor) -> tuple[Tensor, Tensor]:
    """Gains at the places of symbols, int64 [n], on lines between the blocks, complex [batch, n], and the variance of
    their errors: a gain that walks at random bulges between two blocks."""
    blocks = track.centres.shape[1]
    if blocks == 1:
        return track.gains.expand(-1, len(places)), track.variance.expand(-1, len(places))
    at = places.double().expand(len(track.centres), -1).contiguous()
    after = torch.searchsorted(track.centres.contiguous(), at).clamp(1, blocks - 1)
    left, right = track.centres.gather(1, after - 1), track.centres.gather(1, after)
    share = ((at - left) / (right - left)).clamp(0, 1).to(track.variance.dtype)
    first, second = track.gains.gather(1, after - 1), track.gains.gather(1, after)
    gain = first + share * (second - first)
    variance = torch.lerp(track.variance.gather(1, after - 1), track.variance.gather(1, after), share)
    return gain, variance + track.walk[:, None].to(variance.dtype) * share * (1 - share)
