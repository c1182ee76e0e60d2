"""Reading a stream: all bursts that it holds, wherever they are."""

from dataclasses import replace

import torch
from torch import Tensor

from linksim.blocks.waveform.burst_reader import Burst, BurstReader

MARGIN = 32
"""Symbols that are cut out before a preamble and behind a burst."""


def bursts_in(reader: BurstReader, stream: Tensor) -> list[Burst]:
    """The bursts of a stream, complex [time], in their order, each a batch of one; what cannot be read is left out."""
    found = reader.search(stream[None])
    fits = found.correlation[0] > found.threshold
    apart = reader.layout.preamble_length * reader.samples_per_symbol // found.step
    bursts: list[Burst] = []
    at = 0
    while True:
        crossed = fits[at:].nonzero()
        if len(crossed) == 0:
            return bursts
        first = at + int(crossed[0])
        peak = first + int(found.correlation[0, first : first + apart].argmax())
        burst, ends = _burst_at(reader, stream, peak * found.step)
        at = peak + 1
        if burst is not None:
            bursts.append(burst)
            at = max(at, ends // found.step)


def _burst_at(reader: BurstReader, stream: Tensor, place: int) -> tuple[Burst | None, int]:
    """The burst whose preamble is at this place behind the matched filter, and where it ends there."""
    length = reader.length_at(stream, place)
    if length == 0:
        return None, place
    step = reader.samples_per_symbol
    uses = int(reader.layout.uses(torch.tensor(length + reader.layout.field_uses)))
    before = max(place - (reader.span + MARGIN) * step, 0)
    piece = stream[before : place + (uses + reader.span + MARGIN) * step]
    time = torch.tensor([len(piece)], device=stream.device)
    near = torch.tensor([place - before], device=stream.device)
    burst = reader.read(piece[None], time, near, torch.ones_like(near, dtype=torch.bool), None)
    if not bool(burst.estimates.found):
        return None, place
    estimates = replace(burst.estimates, delay=burst.estimates.delay + before)
    return burst._replace(estimates=estimates), place + uses * step
