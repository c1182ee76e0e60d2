"""Power loading per rate level, on the grid in which the header carries it."""

import torch
from torch import Tensor

LOADING_BITS = 6
STEP_DB = 0.75
MIN_DB = -24.0


def power_loading_code(power_loading: Tensor) -> Tensor:
    """dB to the nearest grid number, int64 in 0..63: steps of 0.75 dB from -24 dB."""
    return ((power_loading.double() - MIN_DB) / STEP_DB).round().long().clamp(0, (1 << LOADING_BITS) - 1).cpu()


def power_loading_value(code: Tensor) -> Tensor:
    """The inverse of `loading_code`, float32 in dB."""
    return code.float() * STEP_DB + MIN_DB


def on_grid(power_loading: Tensor) -> Tensor:
    """Rounded to the values that the header can carry, on the device of `power_loading`."""
    return power_loading_value(power_loading_code(power_loading)).to(power_loading.device)


def loaded_amplitude(power_loading: Tensor, variance: Tensor) -> Tensor:
    """The amplitude gain of every real dimension at every level, float [batch, levels, dimensions].

    v_c^(-1/4), scaled by the power_loading [batch, levels, 2] in dB of power: the first dimension by its own, the
    others by theirs.
    """
    gain = torch.pow(10.0, power_loading / 20.0)
    first, others = gain[..., :1], gain[..., 1:].expand(*gain.shape[:2], len(variance) - 1)
    return torch.cat([first, others], -1) * variance.clamp_min(1e-12) ** -0.25


def usual_energy(power_loading: Tensor, variance: Tensor) -> Tensor:
    """The second moments a_l v_c that a transmitter without weights had in mind, [batch, levels, dimensions].

    Its loading is (1/a_l)^(1/2), so a_l is the loading's inverse square.
    """
    energy = torch.pow(10.0, -power_loading / 5.0)
    first, others = energy[..., :1], energy[..., 1:].expand(*energy.shape[:2], len(variance) - 1)
    return torch.cat([first, others], -1) * variance


def of_patch(per_level: Tensor, levels: Tensor) -> Tensor:
    """Each patch's row of a table per level: [batch, levels, n] by [batch, rows, cols] to [batch, rows, cols, n]."""
    batch = torch.arange(len(levels), device=levels.device)[:, None, None]
    return per_level[batch, levels]
