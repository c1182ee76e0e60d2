"""The linear core in closed form, from the statistics of real latents: where training starts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from linksim.blocks.jscc.linear_core import FILTERED, INVERSE_TAPS, TAPS, diagonal
from linksim.blocks.rate_set import levels_of

if TYPE_CHECKING:
    from linksim.blocks.jscc.neural import JSCCDecoder, JSCCEncoder

GRID = 64
FIT_STEPS = 500
USUAL_DIMENSIONS = 30
NOISE_TO_POWER = 0.1 / USUAL_DIMENSIONS
MIN_PATCHES = 50.0


@torch.no_grad()
def calibrate(
    encoder: "JSCCEncoder", decoder: "JSCCDecoder", latents: Sequence[Tensor], lengths: Sequence[Tensor]
) -> None:
    """Set the filters, matrices and moments of both linear cores to what is best for these latents without a network.

    Power loading over dimensions, rates and spatial frequencies: amplitude = variance^(-1/4) for each. Shapes: each
    latent [1, channels, rows, cols] with its lengths [1, rows, cols], in V.
    Source: Lee and Petersen, IEEE Trans. Commun. 1976.
    """
    values = encoder.get_buffer("values")
    deviation = encoder.core.get_buffer("deviation")
    scaled = [latent / deviation for latent in latents]
    usual = torch.cat([latent[0].flatten(1) for latent in latents], 1).square().mean(1).sqrt()[:USUAL_DIMENSIONS]
    for channel in range(FILTERED):
        scale = float(deviation[channel])
        spectrum = _power_spectrum([latent[0, channel] for latent in scaled])
        forward, inverse = fit_filters(spectrum, float(usual.sum() - usual[channel]) / scale)
        encoder.core.filter.kernels[channel, 0] = forward
        decoder.core.filter.kernels[channel, 0] = inverse
    filtered = torch.cat([encoder.core.filter(latent)[0].flatten(1).T for latent in scaled])
    levels = torch.cat([levels_of(k, values).flatten() for k in lengths])
    # What an error of size one in a filtered channel costs: the inverse filter's gain for noise, in squared latent.
    cost = deviation.flatten().square().clone()
    cost[:FILTERED] *= decoder.core.filter.kernels[:, 0].square().sum((1, 2))
    overall = filtered.square().mean(0)
    for level, value in enumerate(values.tolist()):
        own = filtered[levels == level]
        # Few patches say little about their own moments: lean on those of all patches, brought to the same energy.
        energy = own.square().mean() / overall.mean() if len(own) else overall.new_ones(())
        moment = (own.square().sum(0) + MIN_PATCHES * energy * overall) / (len(own) + MIN_PATCHES)
        moment = moment.clamp_min(1e-6)
        gain = (cost / moment).pow(0.25)[: 2 * value]
        count = len(gain)
        encoder.core.log_gain[level, :count] = gain.log()
        decoder.core.log_moments[level, :count] = (moment[:count] * gain.square()).log()
        decoder.core.matrices[level].copy_(diagonal(moment.sqrt(), 2 * value))


def _power_spectrum(fields: Sequence[Tensor]) -> Tensor:
    """Mean power spectrum of fields [rows, cols] of any sizes, about zero (not about the mean), [64, 64]."""
    total = torch.zeros(GRID, GRID)
    for field in fields:
        rows, cols = field.shape
        correlation = torch.fft.ifft2(torch.fft.fft2(field, s=(2 * rows, 2 * cols)).abs().square()).real
        reach = min(rows, cols, GRID) // 2
        overlap = (rows - torch.arange(reach + 1.0))[:, None] * (cols - torch.arange(reach + 1.0))
        # Both diagonals: a picture need not be the same under reflection.
        quadrant = (correlation[: reach + 1, : reach + 1] + correlation[: reach + 1, _mirrored(reach, cols)]) / 2
        total += _symmetric(quadrant / overlap, reach)
    return torch.fft.fft2(total / len(fields)).real.clamp_min(1e-2)


def _mirrored(reach: int, cols: int) -> Tensor:
    return (-torch.arange(reach + 1)) % (2 * cols)


def _symmetric(quadrant: Tensor, reach: int) -> Tensor:
    """A correlation on the grid from its first quadrant, faded out with distance so that its spectrum is smooth."""
    fade = torch.cos(torch.arange(reach + 1) / reach * torch.pi / 2).square()
    grid = torch.zeros(GRID, GRID)
    place = torch.arange(-reach + 1, reach)
    grid[place[:, None] % GRID, place % GRID] = (quadrant * fade[:, None] * fade)[place.abs()[:, None], place.abs()]
    return grid


def fit_filters(spectrum: Tensor, others: float) -> tuple[Tensor, Tensor]:
    """The filters H, 7x7 taps, and G, 13x13, that leave least error when S is sent through H and rebuilt through G.

    Minimises mean(S |1 - G H|^2) + c (mean(S |H|^2) + p) (mean(|G|^2) + p): the second product is the noise on all
    dimensions, which share one power; p is the others' sum of standard deviations, c the noise-to-power ratio.
    """
    quadrants = [_unit_quadrant(TAPS), _unit_quadrant(INVERSE_TAPS)]
    with torch.enable_grad():
        start = float(spectrum.mean()) ** -0.25
        for q in quadrants:
            q.requires_grad_()
        optimizer = torch.optim.Adam(quadrants, lr=0.003)
        for _ in range(FIT_STEPS):
            forward, inverse = (_response(q) * s for q, s in zip(quadrants, (start, 1 / start), strict=True))
            power = (spectrum * forward.square()).mean() + others
            noise = inverse.square().mean() + others
            lost = (spectrum * (1 - forward * inverse).square()).mean()
            loss = (lost + NOISE_TO_POWER * power * noise).log()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return _kernel(quadrants[0].detach()) * start, _kernel(quadrants[1].detach()) / start


def _unit_quadrant(taps: int) -> Tensor:
    quadrant = torch.zeros((taps + 1) // 2, (taps + 1) // 2)
    quadrant[0, 0] = 1.0
    return quadrant


def _response(quadrant: Tensor) -> Tensor:
    frequency = 2 * torch.pi * torch.arange(GRID) / GRID
    cosines = torch.cos(frequency[:, None] * torch.arange(len(quadrant)))
    cosines = torch.cat([cosines[:, :1], 2 * cosines[:, 1:]], 1)
    return cosines @ quadrant @ cosines.T


def _kernel(quadrant: Tensor) -> Tensor:
    place = torch.arange(-len(quadrant) + 1, len(quadrant)).abs()
    return quadrant[place[:, None], place]
