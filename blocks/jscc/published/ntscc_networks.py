"""NTSCC's networks as published: the transform each way, the prior of its latent, and the joint coder."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.jscc.published.ntscc_sizes import NTSCCSizes
from linksim.blocks.jscc.published.swin_stages import PatchMerging, StageSizes, attention_stage

LEAST_SCALE, LEAST_PROBABILITY = 1e-6, 1e-10
"""Of the prior, as in the authors' code."""


class Analysis(nn.Module):
    """A picture [batch, 3, height, width] to the latent [batch, width, height/16, width/16]."""

    def __init__(self, stages: tuple[StageSizes, ...]) -> None:
        super().__init__()
        widths = [stage.width for stage in stages]
        self.embed, self.embed_norm = nn.Conv2d(3, widths[0], 2, 2), nn.LayerNorm(widths[0])
        self.merges = nn.ModuleList(PatchMerging(*pair) for pair in pairwise(widths))
        self.stages = nn.ModuleList(attention_stage(stage) for stage in stages)
        self.norm = nn.LayerNorm(widths[-1])

    def forward(self, image: Tensor) -> Tensor:
        x = self.stages[0](_normed(self.embed_norm, self.embed(image)))
        for merge, stage in zip(self.merges, list(self.stages)[1:], strict=True):
            x = stage(merge(x))
        return _normed(self.norm, x)


class Splitting(nn.Module):
    """A cell to two by two: a quarter of the channels for each, then a linear layer."""

    def __init__(self, width: int, wanted: int) -> None:
        super().__init__()
        self.norm, self.increment = nn.LayerNorm(width // 4), nn.Linear(width // 4, wanted, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pixel_shuffle(x, 2).movedim(1, -1)
        return self.increment(self.norm(x)).movedim(-1, 1)


class Synthesis(nn.Module):
    """The latent to the picture; the stages come in the order in which they act."""

    def __init__(self, stages: tuple[StageSizes, ...]) -> None:
        super().__init__()
        widths = [*(stage.width for stage in stages), stages[-1].width]
        self.stages = nn.ModuleList(attention_stage(stage) for stage in stages)
        self.splits = nn.ModuleList(Splitting(*pair) for pair in pairwise(widths))
        self.out = nn.Conv2d(widths[-1], 3, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        for stage, split in zip(self.stages, self.splits, strict=True):
            x = split(stage(x))
        return self.out(x)


class Prior(nn.Module):
    """The probability of each number of the latent, rounded, by what a coarser latent says of it; both as x.

    Source: Ballé et al., ICLR 2018, and Dai et al. (NTSCC), IEEE JSAC 2022.
    """

    def __init__(self, width: int, hyper: int) -> None:
        super().__init__()
        self.analysis = nn.Sequential(
            nn.Conv2d(width, hyper, 3, 1, 1), nn.LeakyReLU(),
            nn.Conv2d(hyper, hyper, 5, 2, 2), nn.LeakyReLU(),
            nn.Conv2d(hyper, hyper, 5, 2, 2),
        )  # fmt: skip
        self.synthesis = nn.Sequential(
            nn.ConvTranspose2d(hyper, width, 5, 2, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(width, width * 3 // 2, 5, 2, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(width * 3 // 2, 2 * width, 3, 1, 1),
        )  # fmt: skip
        self.median = nn.Parameter(torch.zeros(hyper))

    def parameters_of(self, latent: Tensor) -> Tensor:
        """Scales, then means, [batch, 2*width, rows, cols]."""
        rows, cols = latent.shape[-2:]
        # The coarser latent has a quarter of the size: what does not go into it is padded.
        hyper = self.analysis(functional.pad(latent, (0, -cols % 4, 0, -rows % 4)))
        median = self.median[:, None, None]
        rounded = (hyper - median).round() + median
        return self.synthesis(rounded)[..., :rows, :cols]

    def forward(self, latent: Tensor) -> Tensor:
        scales, means = self.parameters_of(latent).float().chunk(2, 1)
        normal = torch.distributions.Normal(means, scales.clamp_min(LEAST_SCALE), validate_args=False)
        return (normal.cdf(latent + 0.5) - normal.cdf(latent - 0.5)).clamp_min(LEAST_PROBABILITY)


class RateLayers(nn.Module):
    """For each rate a token that is added, and a linear layer; x [batch, width, rows, cols], levels [batch, rows,
    cols]."""

    def __init__(self, width: int, rates: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(rates, width))
        self.weight = nn.Parameter(torch.eye(width).repeat(rates, 1, 1))
        self.bias = nn.Parameter(torch.zeros(rates, width))

    def told(self, x: Tensor, levels: Tensor) -> Tensor:
        """With the token of each patch's rate."""
        return x + self.token[levels].movedim(-1, 1)

    def forward(self, x: Tensor, levels: Tensor) -> Tensor:
        cells = x.movedim(1, -1)
        mixed = torch.zeros_like(cells)
        for level in levels.unique().tolist():
            chosen = levels == level
            mixed[chosen] = cells[chosen] @ self.weight[level] + self.bias[level]
        return mixed.movedim(-1, 1)


class JointEncoder(nn.Module):
    """The latent and its probabilities [batch, width, rows, cols] to real dimensions, of which each patch sends as many
    as its rate says."""

    def __init__(self, sizes: NTSCCSizes) -> None:
        super().__init__()
        width = sizes.width
        self.refine = nn.Sequential(nn.Linear(2 * width, 8 * width), nn.GELU(), nn.Linear(8 * width, width))
        self.rate = RateLayers(width, len(sizes.rates))
        self.stage = attention_stage(sizes.encoder)
        self.norm = nn.LayerNorm(width)

    def forward(self, latent: Tensor, likelihood: Tensor, levels: Tensor) -> Tensor:
        seen = torch.cat([1 - likelihood, latent], 1).movedim(1, -1)
        x = latent + self.refine(seen).movedim(-1, 1)
        return self.rate(_normed(self.norm, self.stage(self.rate.told(x, levels))), levels)


class JointDecoder(nn.Module):
    """The received dimensions, zero where none was sent, to the latent."""

    def __init__(self, sizes: NTSCCSizes) -> None:
        super().__init__()
        self.rate = RateLayers(sizes.width, len(sizes.rates))
        self.stage = attention_stage(sizes.decoder)

    def forward(self, arrived: Tensor, levels: Tensor) -> Tensor:
        return self.stage(self.rate.told(self.rate(arrived, levels), levels))


def _normed(norm: nn.Module, x: Tensor) -> Tensor:
    return norm(x.movedim(1, -1)).movedim(-1, 1)
