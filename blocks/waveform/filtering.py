"""Linear operations on waveforms: convolution, and values between the samples."""

import math
from functools import cache

import torch
from torch import Tensor

BLOCK = 1 << 14
"""Samples that one transform filters: longer signals are cut, so that the transforms stay in the cache."""
HALF_TAPS, KAISER, PHASES = 8, 8.0, 1024
"""Of the windowed sinc that interpolates; at half of the sampling rate's bandwidth its error is 80 dB down."""


def filtered(signal: Tensor, taps: Tensor) -> Tensor:
    """The whole convolution of complex signals [batch, time] with real or complex taps, [batch, time + taps - 1].

    By overlap and add. Source: Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7.
    """
    batch, time = signal.shape
    tail = len(taps) - 1
    if time == 0 or batch == 0:
        return signal.new_zeros(batch, max(time + tail, 0) if time else 0)
    block = min(max(BLOCK, 4 * tail), time)
    size = 1 << math.ceil(math.log2(block + tail))
    block = min(size - tail, time)
    blocks = math.ceil(time / block)
    spectrum = torch.fft.fft(taps.to(signal.dtype).to(signal.device), n=size)
    pieces = torch.nn.functional.pad(signal, (0, blocks * block - time)).view(batch, blocks, block)
    made = torch.fft.ifft(torch.fft.fft(pieces, n=size) * spectrum)[..., : block + tail]
    if blocks == 1:
        return made[:, 0, : time + tail]
    whole = torch.nn.functional.pad(made[..., :block].reshape(batch, blocks * block), (0, tail))
    over = torch.nn.functional.pad(made[..., block:], (0, block - tail)).reshape(batch, blocks * block)
    # What one block leaves over lies at the start of the next.
    whole = whole + torch.nn.functional.pad(over, (block, 0))[:, : blocks * block + tail]
    return whole[:, : time + tail]


@cache
def _weights() -> Tensor:
    """Taps by how far a position lies behind a sample, in steps of 1 / `PHASES`, float64 [PHASES + 2, taps]."""
    behind = torch.arange(PHASES + 2, dtype=torch.float64) / PHASES
    distance = behind[:, None] - torch.arange(1 - HALF_TAPS, HALF_TAPS + 1)
    inside = (1 - (distance / HALF_TAPS).square()).clamp_min(0).sqrt()
    window = torch.special.i0(KAISER * inside) / torch.special.i0(torch.tensor(KAISER, dtype=torch.float64))
    return torch.sinc(distance) * window


def interpolated(signal: Tensor, positions: Tensor) -> Tensor:
    """Values of complex signals [batch, time] at positions in samples, float64 [batch, n] or [n], as [batch, n].

    A sinc of 16 taps under a Kaiser window, tabulated, on lines between its values; the signal is zero outside.
    Gradients pass to the signal. Source: Oppenheim and Schafer, Discrete-Time Signal Processing, sections 4.3 and 7.5.
    """
    positions = positions.to(torch.float64).expand(len(signal), -1)
    before = positions.floor()
    phase = (positions - before) * PHASES
    row = phase.long()
    table = _weights().to(signal.device, signal.real.dtype)
    weights = torch.lerp(table[row], table[row + 1], (phase - row).to(table.dtype)[..., None])
    padded = torch.nn.functional.pad(signal, (HALF_TAPS, HALF_TAPS))
    steps = torch.arange(1, 2 * HALF_TAPS + 1, device=signal.device)
    places = (before.long()[..., None] + steps).clamp(0, padded.shape[1] - 1)
    values = padded.gather(1, places.flatten(1)).view(places.shape)
    return (values * weights).sum(-1)
