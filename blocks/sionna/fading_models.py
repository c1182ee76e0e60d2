"""Fading by 3GPP TR 38.901: what a channel draws, and the statistics that an estimator may know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SPEED_OF_LIGHT = 299_792_458.0
LETTERS = "abcde"
MODELS = ("rayleigh", *(f"tdl-{letter}" for letter in LETTERS), *(f"cdl-{letter}" for letter in LETTERS))
NODES = 64
SPEC_VERSION = "19.2"
"""Of TR 38.901, whose tables of parameters are used: a new default of Sionna's would change results unseen."""


@dataclass(frozen=True)
class FadingModel:
    """One model on one device in one precision.

    `paths(batch, steps, rate)` gives gains complex [batch, 1, 1, 1, 1, paths, steps], E of their summed powers 1, and
    delays [batch, 1, 1, paths] in seconds. `frequency_covariance(count, spacing)` and `time_covariance(count, seconds)`
    are complex [count, count], over subcarriers `spacing` Hz and OFDM symbols `seconds` apart.
    """

    paths: Callable[[int, int, float], tuple[Tensor, Tensor]]
    longest_delay: float
    frequency_covariance: Callable[[int, float], Tensor]
    time_covariance: Callable[[int, float], Tensor]


def make_fading(
    name: str, delay_spread: float, speed: float, carrier_frequency: float, where: dict[str, Any]
) -> FadingModel:
    """The model of that name; `where` has Sionna's device and precision. `speed` in m/s, the rest in s and Hz."""
    if name == "rayleigh":
        return _rayleigh(where)
    make = _tdl if name.startswith("tdl") else _cdl
    return make(name[-1].upper(), delay_spread, speed, carrier_frequency, where)


def _rayleigh(where: dict[str, Any]) -> FadingModel:
    from sionna.phy.channel import RayleighBlockFading

    def ones(count: int, _apart: float) -> Tensor:
        return torch.ones(count, count, dtype=torch.complex128, device=where["device"])

    return FadingModel(RayleighBlockFading(1, 1, 1, 1, **where), 0.0, ones, ones)


def _tdl(
    letter: str, delay_spread: float, speed: float, carrier_frequency: float, where: dict[str, Any]
) -> FadingModel:
    from sionna.phy.channel.tr38901 import TDL
    from sionna.phy.ofdm import tdl_freq_cov_mat, tdl_time_cov_mat

    # The estimator inverts them: rounded to single precision they would not be positive any more.
    exact: dict[str, Any] = {**where, "precision": "double"}
    fading = TDL(letter, delay_spread, carrier_frequency, min_speed=speed, spec_version=SPEC_VERSION, **where)
    return FadingModel(
        fading,
        float(fading.delays.max()),
        lambda count, spacing: tdl_freq_cov_mat(letter, spacing, count, delay_spread, **exact),
        lambda count, apart: tdl_time_cov_mat(letter, speed, carrier_frequency, apart, count, **exact),
    )


def _cdl(
    letter: str, delay_spread: float, speed: float, carrier_frequency: float, where: dict[str, Any]
) -> FadingModel:
    from sionna.phy.channel.tr38901 import CDL, Antenna

    antenna = Antenna("single", "V", "omni", carrier_frequency, **where)
    settings: dict[str, Any] = {"min_speed": speed, "max_speed": speed, "spec_version": SPEC_VERSION, **where}
    fading: Any = CDL(letter, delay_spread, carrier_frequency, antenna, antenna, **settings)
    k_factor = fading._k_factor.double()
    scattered = fading._powers.double() / (1 + k_factor)
    direct = k_factor / (1 + k_factor)

    def frequency_covariance(count: int, spacing: float) -> Tensor:
        phase = torch.arange(count, device=where["device"])[:, None] * spacing * fading._delays.double() * 2 * torch.pi
        across = (torch.polar(torch.ones_like(phase), -phase) * scattered).sum(1) + direct
        return _toeplitz(across)

    def time_covariance(count: int, apart: float) -> Tensor:
        steps = torch.arange(count, device=where["device"]) * apart * 2 * torch.pi * speed * carrier_frequency
        steps = steps.double() / SPEED_OF_LIGHT
        across = (_over_directions(steps, fading._zoa.double()).mean(-1) * scattered).sum(-1)
        if float(direct):
            across = across + direct * _over_directions(steps, fading._los_zoa.double().reshape(1))[:, 0]
        return _toeplitz(across.to(torch.complex128))

    return FadingModel(fading, float(fading._delays.max()), frequency_covariance, time_covariance)


def _over_directions(steps: Tensor, zenith: Tensor) -> Tensor:
    """Mean of a wave's turn over the directions that Sionna draws for the receiver: azimuth and zenith uniform.

    `steps` [count] is 2 pi times the way in wavelengths; `zenith` of the wave, any shape; gives [count, *zenith].
    """
    angle = (torch.arange(NODES, device=steps.device, dtype=torch.float64) + 0.5) * torch.pi / NODES
    steps = steps.reshape(-1, *[1] * zenith.dim(), 1)
    along, across = zenith.cos()[..., None] * angle.cos(), zenith.sin()[..., None] * angle.sin()
    # The mean over the azimuth is a Bessel function; in the zenith the parts odd about the horizon cancel.
    return (torch.special.bessel_j0(steps * across) * torch.cos(steps * along)).mean(-1)


def _toeplitz(across: Tensor) -> Tensor:
    """The Hermitian matrix with this first column."""
    place = torch.arange(len(across), device=across.device)
    apart = place[:, None] - place
    return torch.where(apart >= 0, across[apart.abs()], across[apart.abs()].conj())
