"""The OFDM burst: two training symbols, then slots as those of `OFDMChannel`."""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from linksim.blocks.sionna.ofdm_channel import PILOT_SYMBOLS, SYMBOLS_PER_SLOT
from linksim.blocks.waveform.burst import field_uses
from linksim.blocks.waveform.sequences import pilot_symbols
from linksim.errors import require

TRAINING = 2
"""Training symbols before the slots."""


@dataclass(frozen=True)
class OFDMFrame:
    """Where everything stands. Sizes are in subcarriers or channel uses; a use has `oversampling` samples.

    The first training symbol has every second subcarrier, so that its halves are the same; the second has all.
    Source: Schmidl and Cox, IEEE Trans. Commun. 1997; slots: 3GPP TS 38.211.
    """

    fft_size: int
    guard: int
    cyclic_prefix: int
    oversampling: int

    def __post_init__(self) -> None:
        require(
            16 <= self.fft_size <= 4096 and self.fft_size % 2 == 0, "fft_size", "even and in 16..4096", self.fft_size
        )
        require(self.guard >= 1 and 2 * self.guard <= self.fft_size - 8, "guard",
                "at least 1, such that at least 8 subcarriers are left", self.guard)  # fmt: skip
        require(4 <= self.cyclic_prefix <= self.fft_size, "cyclic_prefix", "in 4..fft_size", self.cyclic_prefix)
        require(self.oversampling in (2, 4, 8), "oversampling", "2, 4 or 8", self.oversampling)
        least = math.ceil(field_uses() / len(self.data_symbols()))
        require(self.active >= least, "guard", f"such that at least {least} subcarriers are left", self.guard)

    @property
    def active(self) -> int:
        """Subcarriers that are not empty."""
        return self.fft_size - 2 * self.guard

    @property
    def amplitude(self) -> float:
        """Of the active subcarriers, so that the mean power over all channel uses is 1."""
        return math.sqrt(self.fft_size / self.active)

    @property
    def per_slot(self) -> int:
        """Data elements of a slot."""
        return (SYMBOLS_PER_SLOT - len(PILOT_SYMBOLS)) * self.active

    @property
    def uses_per_symbol(self) -> int:
        """Channel uses of an OFDM symbol with its prefix."""
        return self.fft_size + self.cyclic_prefix

    @property
    def window(self) -> int:
        """Samples of an OFDM symbol without its prefix."""
        return self.fft_size * self.oversampling

    @property
    def prefix(self) -> int:
        """Samples of the prefix."""
        return self.cyclic_prefix * self.oversampling

    def slots(self, length: Tensor) -> Tensor:
        """Of frames of so many symbols, the field's not counted."""
        return torch.div(length + field_uses() + self.per_slot - 1, self.per_slot, rounding_mode="floor")

    def symbols(self, length: Tensor) -> Tensor:
        """OFDM symbols of a whole burst."""
        return TRAINING + SYMBOLS_PER_SLOT * self.slots(length)

    def overhead(self, length: Tensor) -> Tensor:
        """Channel uses of a burst that are not the frame's own."""
        return self.symbols(length) * self.uses_per_symbol - length

    def training(self) -> Tensor:
        """Both training symbols on the active subcarriers, complex128 [2, active], of amplitude 1 in the mean."""
        return _training(self.active, self.guard, self.fft_size)

    def pilots(self, slots: int) -> Tensor:
        """Pilots of unit power, complex128 [slots, pilot symbols, active]."""
        return pilot_symbols(slots * len(PILOT_SYMBOLS) * self.active).view(slots, len(PILOT_SYMBOLS), self.active)

    def data_symbols(self) -> list[int]:
        """The OFDM symbols of a slot that carry data."""
        return [symbol for symbol in range(SYMBOLS_PER_SLOT) if symbol not in PILOT_SYMBOLS]

    def modulated(self, grid: Tensor) -> Tensor:
        """Active subcarriers, complex [batch, symbols, active], as samples [batch, symbols * (prefix + window)]."""
        side = (self.window - self.active) // 2
        whole = torch.nn.functional.pad(grid * self.amplitude, (side, self.window - self.active - side))
        time = torch.fft.ifft(torch.fft.ifftshift(whole, dim=-1), norm="ortho")
        return torch.cat([time[..., -self.prefix :], time], -1).flatten(1)

    def demodulated(self, samples: Tensor, starts: Tensor) -> Tensor:
        """All subcarriers of `fft_size`, complex [batch, symbols, fft_size], of OFDM symbols whose windows start at
        these samples, float64 [batch, symbols].

        The transform begins in the prefix, a quarter of it early, because echoes may come before the strongest path;
        each subcarrier is turned back by that, and by what is not whole in a start.
        """
        whole = (starts - self.prefix / 4).round().long()
        places = whole[..., None] + torch.arange(self.window, device=samples.device)
        inside = (places >= 0) & (places < samples.shape[1])
        rows = samples.gather(1, places.clamp(0, samples.shape[1] - 1).flatten(1)).view(places.shape) * inside
        bins = torch.fft.fftshift(torch.fft.fft(rows, norm="ortho"), dim=-1)
        side = (self.window - self.fft_size) // 2
        turn = self.numbers(samples.device) * (starts - whole)[..., None] * (2 * math.pi / self.window)
        turned = torch.polar(torch.ones_like(turn), turn).to(samples.dtype)
        return bins[..., side : side + self.fft_size] * turned / self.amplitude

    def numbers(self, device: torch.device) -> Tensor:
        """The subcarriers' frequencies in spacings, float64 [fft_size]."""
        return torch.arange(-(self.fft_size // 2), self.fft_size - self.fft_size // 2, device=device).double()

    def inner(self, grid: Tensor) -> Tensor:
        """The active ones of all subcarriers."""
        return grid[..., self.guard : self.fft_size - self.guard]


@cache
def _training(active: int, guard: int, fft_size: int) -> Tensor:
    values = pilot_symbols(2 * active).view(2, active).flip(0).clone()
    even = (torch.arange(active) + guard - fft_size // 2) % 2 == 0
    first = torch.where(even, values[0], 0)
    values[0] = first * math.sqrt(active / float(even.sum()))
    return values
