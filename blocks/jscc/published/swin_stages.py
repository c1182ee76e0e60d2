"""Stages of windowed attention that halve or double the picture's size, as published codecs have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.vectorizer.window_attention import TransformerBlock


@dataclass(frozen=True)
class StageSizes:
    """A stage: its width, its attention's heads, its blocks, the edge of their windows, and whether every second block
    has windows shifted by half; published codecs do not shift where one window filled the picture of their training."""

    width: int
    heads: int
    blocks: int
    window: int
    shifted: bool


class PatchMerging(nn.Module):
    """Two by two cells to one of another width; x [batch, width, rows, cols] with even rows and cols.

    Source: Liu et al. (Swin), ICCV 2021, section 3.1.
    """

    def __init__(self, width: int, wider: int) -> None:
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(4 * width), nn.Linear(4 * width, wider, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        corners = [x[:, :, row::2, col::2] for col in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(corners, 1).movedim(1, -1))).movedim(-1, 1)


class PatchSplitting(nn.Module):
    """A cell to two by two of another width: the other end of `PatchMerging`.

    Source: Yang et al. (SwinJSCC), IEEE Trans. Cogn. Commun. Netw. 2025, section III.
    """

    def __init__(self, width: int, narrower: int) -> None:
        super().__init__()
        self.norm, self.increment = nn.LayerNorm(width), nn.Linear(width, 4 * narrower, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.increment(self.norm(x.movedim(1, -1))).movedim(-1, 1), 2)


def attention_stage(sizes: StageSizes) -> nn.Sequential:
    """The blocks of a stage."""
    return nn.Sequential(
        *(
            TransformerBlock(sizes.width, sizes.heads, sizes.window, shifted=sizes.shifted and number % 2 == 1)
            for number in range(sizes.blocks)
        )
    )


class SwinAnalysis(nn.Module):
    """A picture [batch, 3, height, width] to features at 1/2 of its size for each stage, [batch, width, rows, cols]."""

    def __init__(self, stages: Sequence[StageSizes]) -> None:
        super().__init__()
        widths = [stage.width for stage in stages]
        self.embed = nn.Conv2d(3, widths[0], 2, 2)
        self.merges = nn.ModuleList(PatchMerging(*pair) for pair in pairwise(widths))
        self.stages = nn.ModuleList(attention_stage(stage) for stage in stages)
        self.norm = nn.LayerNorm(widths[-1])

    def forward(self, image: Tensor) -> Tensor:
        x = self.stages[0](self.embed(image))
        for merge, stage in zip(self.merges, list(self.stages)[1:], strict=True):
            x = stage(merge(x))
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)


class SwinSynthesis(nn.Module):
    """Features to the picture: the other end of `SwinAnalysis`; its stages come in the order in which they act."""

    def __init__(self, stages: Sequence[StageSizes]) -> None:
        super().__init__()
        widths = [*(stage.width for stage in stages), 3]
        self.stages = nn.ModuleList(attention_stage(stage) for stage in stages)
        self.splits = nn.ModuleList(PatchSplitting(*pair) for pair in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        for stage, split in zip(self.stages, self.splits, strict=True):
            x = split(stage(x))
        return x
