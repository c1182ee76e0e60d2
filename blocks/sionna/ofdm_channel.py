"""A 5G-like OFDM channel with fading taps, pilots and channel estimation, with the ports of AWGN."""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.channels.noise import MIN_NOISE_VARIANCE, complex_normal
from linksim.blocks.sionna.estimators import ChannelEstimator, LeastSquares, LinearMMSE
from linksim.blocks.sionna.fading_models import MODELS, FadingModel, make_fading
from linksim.blocks.sionna.runtime import OnDemand, Precision, drawing_from
from linksim.errors import LinksimError, require
from linksim.types import Decibels, Received, Symbols

SYMBOLS_PER_SLOT = 14
PILOT_SYMBOLS = (2, 11)

Estimation = Literal["ls", "lmmse", "perfect"]


class _Parts(NamedTuple):
    """Sionna's objects on one device in one precision."""

    fading: FadingModel
    estimator: ChannelEstimator | None
    frequencies: Tensor
    pilots: Tensor
    active: Tensor
    data_symbols: Tensor


class OFDMChannel(Block):
    """Symbols on the subcarriers of slots of 14 OFDM symbols, over fading taps of TR 38.901: y = h x + n.

    Symbols fill a slot's data elements row by row; OFDM symbols 2 and 11 carry pilots on all active subcarriers. The
    fading goes on from slot to slot. The cyclic prefix is taken to be longer than the taps: each subcarrier sees a
    factor. `gain` is the estimated factor and `noise_variance` N0 plus the variance of its error: by least squares at
    the pilots, interpolated linearly ("ls"), by LMMSE over frequency and time with the model's own statistics
    ("lmmse"), or the true factor ("perfect").

    Mean power over all channel uses is 1: the cyclic prefix repeats it, empty guard subcarriers leave theirs to the
    active ones. All uses of all slots that a frame touches are counted, fft_size + cyclic_prefix per OFDM symbol;
    `overhead` has those that carry no symbol: pilots, guard, prefix, and the empty rest of the last slot.

    Args:
        model: "tdl-a" to "tdl-e"; "cdl-a" to "cdl-e", between single vertically polarised antennas without
            direction, the receiver moving anywhere; or "rayleigh", one flat factor per frame.
        delay_spread: root mean square, in seconds.
        speed: the receiver's speed in m/s.
        carrier_frequency, subcarrier_spacing: in Hz.
        fft_size: subcarriers, of which `guard` at each edge stay empty.
        cyclic_prefix: samples before each OFDM symbol.
        estimation: see above.

    Shapes: symbols.samples [batch, uses] complex; snr_db [batch], Es/N0 per complex channel use, mean over the fading;
    out likewise. E|h|^2 = 1, no realisation is normalised. Gradients pass to the symbols and to snr_db.
    Source: 3GPP TR 38.901, sections 7.7.1 and 7.7.2, by Sionna; estimators: `linksim.blocks.sionna.estimators`.

    Raises:
        ParameterError: a parameter is out of range, or the taps are longer than the cyclic prefix.
        LinksimError: an SNR is NaN.

    >>> import torch
    >>> symbols = Symbols(torch.ones(1, 100, dtype=torch.complex64), torch.tensor([100]))
    >>> received = OFDMChannel().seed(1)(symbols=symbols, snr_db=torch.tensor([10.0]))
    >>> received.overhead.tolist(), received.csi
    ([3764], 'estimated')
    """

    def __init__(
        self,
        *,
        model: str = "tdl-a",
        delay_spread: float = 30e-9,
        speed: float = 3 / 3.6,
        carrier_frequency: float = 3.5e9,
        subcarrier_spacing: float = 30e3,
        fft_size: int = 256,
        guard: int = 8,
        cyclic_prefix: int = 20,
        estimation: Estimation = "ls",
    ) -> None:
        super().__init__()
        require(model in MODELS, "model", f"one of {', '.join(MODELS)}", model)
        require(0 < delay_spread < 1e-4, "delay_spread", "in (0, 1e-4) seconds", delay_spread)
        require(0 <= speed < 1e3, "speed", "in 0..1000 m/s", speed)
        require(5e8 <= carrier_frequency <= 1e11, "carrier_frequency", "in 5e8..1e11 Hz", carrier_frequency)
        require(1e3 <= subcarrier_spacing <= 1e6, "subcarrier_spacing", "in 1e3..1e6 Hz", subcarrier_spacing)
        require(16 <= fft_size <= 4096, "fft_size", "in 16..4096", fft_size)
        require(0 <= 2 * guard <= fft_size - 8, "guard", "such that at least 8 subcarriers are left", guard)
        require(0 <= cyclic_prefix <= fft_size, "cyclic_prefix", "in 0..fft_size samples", cyclic_prefix)
        require(estimation in ("ls", "lmmse", "perfect"), "estimation", "ls, lmmse or perfect", estimation)
        self.model, self.delay_spread, self.speed = model, delay_spread, speed
        self.carrier_frequency, self.subcarrier_spacing = carrier_frequency, subcarrier_spacing
        self.fft_size, self.guard, self.cyclic_prefix, self.estimation = fft_size, guard, cyclic_prefix, estimation
        self.active = fft_size - 2 * guard
        self.per_slot = (SYMBOLS_PER_SLOT - len(PILOT_SYMBOLS)) * self.active
        self._parts = OnDemand(self._make)

    @property
    def labels(self) -> Mapping[str, str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How the receiver knows the channel."""
        return {"csi": self._csi}

    @property
    def _csi(self) -> Literal["perfect", "estimated"]:
        return "perfect" if self.estimation == "perfect" else "estimated"

    @property
    def symbol_seconds(self) -> float:
        """Duration of an OFDM symbol with its prefix."""
        return (1 + self.cyclic_prefix / self.fft_size) / self.subcarrier_spacing

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        if bool(snr_db.isnan().any()):
            raise LinksimError("snr_db must be a number for every frame (got NaN)")
        sent = symbols.samples
        batch, uses = sent.shape
        slots = max(math.ceil(uses / self.per_slot), 1)
        parts = self._parts.like(sent)
        noise_variance = (10.0 ** (-snr_db / 10.0)).clamp_min(MIN_NOISE_VARIANCE)
        grid = self._grid(sent, parts, slots)
        fading = self._fading(batch, slots, parts)
        noise = complex_normal(tuple(grid.shape), sent, self.rng) * noise_variance.sqrt()[:, None, None, None]
        # Guard subcarriers are empty: the others share their power, so that the mean over all uses is 1.
        amplitude = math.sqrt(self.fft_size / self.active)
        received = amplitude * fading * grid + noise
        estimate, error = self._estimate(received / amplitude, fading, noise_variance / amplitude**2, parts)
        gain = amplitude * self._data(estimate, parts, uses)
        total = noise_variance[:, None] + amplitude**2 * self._data(error, parts, uses)
        samples = self._data(received[..., parts.active], parts, uses) * symbols.mask
        return Received(Symbols(samples, symbols.length), gain, total, self._overhead(symbols.length), self._csi)

    # -- the grid

    def _grid(self, sent: Tensor, parts: _Parts, slots: int) -> Tensor:
        """Data and pilots at their places, [batch, slots, 14, fft_size]."""
        batch, uses = sent.shape
        padded = torch.nn.functional.pad(sent, (0, slots * self.per_slot - uses))
        elements = sent.new_zeros(batch, slots, SYMBOLS_PER_SLOT, self.active)
        elements = elements.index_copy(2, parts.data_symbols, padded.view(batch, slots, -1, self.active))
        pilot_symbols = torch.tensor(PILOT_SYMBOLS, device=sent.device)
        elements = elements.index_copy(2, pilot_symbols, parts.pilots.expand(batch, slots, -1, -1))
        return torch.nn.functional.pad(elements, (self.guard, self.guard))

    def _data(self, elements: Tensor, parts: _Parts, uses: int) -> Tensor:
        """The values at the data elements in their order, [batch, uses], of [batch, slots, 14, active]."""
        return elements.index_select(2, parts.data_symbols).flatten(1)[:, :uses]

    def _overhead(self, length: Tensor) -> Tensor:
        slots = torch.div(length + self.per_slot - 1, self.per_slot, rounding_mode="floor")
        return slots * SYMBOLS_PER_SLOT * (self.fft_size + self.cyclic_prefix) - length

    # -- the channel

    def _fading(self, batch: int, slots: int, parts: _Parts) -> Tensor:
        """The factor of every element, complex [batch, slots, 14, fft_size]."""
        from sionna.phy.channel import cir_to_ofdm_channel

        with drawing_from(self.rng):
            paths, delays = parts.fading.paths(batch, slots * SYMBOLS_PER_SLOT, 1 / self.symbol_seconds)
        factors = cir_to_ofdm_channel(parts.frequencies, paths, delays, normalize=False)
        return factors.reshape(batch, slots, SYMBOLS_PER_SLOT, self.fft_size)

    def _estimate(
        self, received: Tensor, fading: Tensor, noise_variance: Tensor, parts: _Parts
    ) -> tuple[Tensor, Tensor]:
        """Factor and error variance at the active subcarriers, each [batch, slots, 14, active]."""
        if parts.estimator is None:
            known = fading[..., parts.active]
            return known, torch.zeros_like(known.real)
        pilot_symbols = torch.tensor(PILOT_SYMBOLS, device=received.device)
        seen = received[..., parts.active].index_select(2, pilot_symbols) * parts.pilots.conj()
        return parts.estimator(seen, noise_variance)

    # -- Sionna's objects

    def _make(self, device: str, precision: Precision) -> _Parts:
        from sionna.phy.channel import subcarrier_frequencies
        from sionna.phy.ofdm import ResourceGrid

        where: dict[str, Any] = {"device": device, "precision": precision}
        fading = make_fading(self.model, self.delay_spread, self.speed, self.carrier_frequency, where)
        longest = fading.longest_delay
        most = self.cyclic_prefix / (self.fft_size * self.subcarrier_spacing)
        require(longest <= most, "cyclic_prefix", f"at least as long as the taps, {longest:.3g} s", f"{most:.3g} s")
        grid = ResourceGrid(
            num_ofdm_symbols=SYMBOLS_PER_SLOT,
            fft_size=self.fft_size,
            subcarrier_spacing=self.subcarrier_spacing,
            cyclic_prefix_length=self.cyclic_prefix,
            num_guard_carriers=(self.guard, self.guard),
            pilot_pattern="kronecker",
            pilot_ofdm_symbol_indices=list(PILOT_SYMBOLS),
            **where,
        )
        data = [i for i in range(SYMBOLS_PER_SLOT) if i not in PILOT_SYMBOLS]
        return _Parts(
            fading,
            self._estimator(fading),
            subcarrier_frequencies(self.fft_size, self.subcarrier_spacing, **where),
            grid.pilot_pattern.pilots.reshape(len(PILOT_SYMBOLS), self.active),
            torch.arange(self.guard, self.fft_size - self.guard, device=device),
            torch.tensor(data, device=device),
        )

    def _estimator(self, fading: FadingModel) -> ChannelEstimator | None:
        if self.estimation == "perfect":
            return None
        time = fading.time_covariance(SYMBOLS_PER_SLOT, self.symbol_seconds)
        if self.estimation == "ls":
            return LeastSquares(time, PILOT_SYMBOLS)
        frequency = fading.frequency_covariance(self.active, self.subcarrier_spacing)
        return LinearMMSE(time, frequency, PILOT_SYMBOLS)
