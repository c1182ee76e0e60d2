"""The networks of the importance student: one looks at the picture, one judges the objects found in it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.importance.patch_importance import touched
from linksim.blocks.semantics.categories import NUMBER
from linksim.types import PATCH, Detections, patches_of

LEVELS = 4
AREA, LONGEST = 512 * 1024, 4096
"""Pixels to which every picture is scaled, so that how large a thing looks means the same in all, and the longest edge
of it."""
CELL, STRIDE = 8, 32
"""Edge in pixels of the scaled picture of what one label is for, and of what both edges are multiples of."""
FOLD = 4
"""Edge of the squares of pixels that the first layer takes as one."""
WIDTHS = (32, 64, 128, 128)
"""Channels at 1/4, 1/8, 1/16 and 1/32 of the scaled picture."""
DROPOUT, OBJECT_DROPOUT = 0.2, 0.3
GROUPS = ("car", "person", "traffic light", "bicycle", "truck", "bus", "motorcycle", "train", "stop sign")
"""Classes that have a feature of their own; all others share one."""
CLASSES = len(GROUPS) + 1
MEAN = 0.45
GEOMETRY = 24
SEEN = LEVELS + CLASSES + 1
"""Features of an object: first so many of its box, then its class, at the end what the scene network sees."""
OBJECT_WIDTH, OBJECT_HEADS = 64, 4
HORIZON = 0.4
"""Height of the horizon in the picture, as a share from the top, by which an object's way off the path is judged."""


class Seen(NamedTuple):
    """What the picture says per cell: logits of the four levels, and of no object or a class."""

    levels: Tensor
    classes: Tensor


def scaled_size(height: int, width: int) -> tuple[int, int]:
    """About `AREA` pixels of the picture's shape, multiples of `STRIDE`; fewer where an edge would pass `LONGEST`."""
    factor = min(math.sqrt(AREA / (height * width)), LONGEST / max(height, width))
    rows, cols = (max(round(size * factor / STRIDE), 1) * STRIDE for size in (height, width))
    return rows, cols


def positions(rows: int, cols: int, window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)) -> Tensor:
    """Where each square of `FOLD` pixels lies in the picture, across and down from -1 to 1, [2, rows, cols].

    `window`: left, top, right and bottom of what is shown, as shares of the picture.
    """
    left, top, right, bottom = (2 * edge - 1 for edge in window)
    across, down = torch.linspace(left, right, cols), torch.linspace(top, bottom, rows)
    return torch.stack([across.expand(rows, cols), down[:, None].expand(rows, cols)])


class SceneNetwork(nn.Module):
    """A U of residual convolutions: picture and position in, levels and classes per cell out.

    Shapes: picture [batch, 3, height, width] in [0, 1], multiples of 32; position [batch, 2, height/4, width/4]; out
    [batch, 4, height/8, width/8] and [batch, 11, ...].
    Source: Ronneberger et al. (U-Net), MICCAI 2015; He et al., CVPR 2016.
    """

    def __init__(self) -> None:
        super().__init__()
        quarter, eighth, sixteenth, coarse = WIDTHS
        self.stem = nn.Sequential(*_convolution(3 * FOLD**2 + 2, quarter, 3), NormalizedBlock(quarter))
        self.eighth = nn.Sequential(*_halving(quarter, eighth), NormalizedBlock(eighth), NormalizedBlock(eighth))
        self.sixteenth = nn.Sequential(
            *_halving(eighth, sixteenth), NormalizedBlock(sixteenth), NormalizedBlock(sixteenth)
        )
        self.coarse = nn.Sequential(
            *_halving(sixteenth + 2, coarse), NormalizedBlock(coarse), NormalizedBlock(coarse, dilation=2)
        )
        self.from_coarse, self.merged_sixteenth = nn.Conv2d(coarse, sixteenth, 1), NormalizedBlock(sixteenth)
        self.from_sixteenth, self.merged_eighth = nn.Conv2d(sixteenth, eighth, 1), NormalizedBlock(eighth)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.levels, self.classes = nn.Conv2d(eighth, LEVELS, 1), nn.Conv2d(eighth, CLASSES + 1, 1)

    def _looked(self, picture: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Features at 1/8 and at 1/16 of the scaled picture."""
        folded = functional.pixel_unshuffle(picture - MEAN, FOLD) * 4
        x = torch.cat([folded, position], 1).contiguous(memory_format=torch.channels_last)
        eighth = self.eighth(self.stem(x))
        return eighth, self.sixteenth(eighth)

    def features(self, picture: Tensor, position: Tensor) -> Tensor:
        """What the whole picture is like: the mean of each feature at 1/16, [batch, 128]."""
        return self._looked(picture, position)[1].float().mean((2, 3))

    def forward(self, picture: Tensor, position: Tensor) -> Seen:
        eighth, sixteenth = self._looked(picture, position)
        coarse = self.coarse(torch.cat([sixteenth, functional.avg_pool2d(position, FOLD).to(sixteenth)], 1))
        sixteenth = self.merged_sixteenth(_joined(sixteenth, self.from_coarse(self.dropout(coarse))))
        eighth = self.dropout(self.merged_eighth(_joined(eighth, self.from_sixteenth(sixteenth))))
        return Seen(self.levels(eighth).float(), self.classes(eighth).float())


class NormalizedBlock(nn.Module):
    """leaky(x + two 3x3 convolutions with batch normalization), which give zero at the start."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm, self.second_norm = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(x + self.second_norm(self.second(inner)))


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _halving(inputs: int, outputs: int) -> list[nn.Module]:
    return _convolution(inputs, outputs, 2, 2)


def _joined(fine: Tensor, coarse: Tensor) -> Tensor:
    return functional.relu(fine + functional.interpolate(coarse, scale_factor=2, mode="nearest"))


class ObjectNetwork(nn.Module):
    """Levels 1 to 3 of each object, from its features and those of the objects around it.

    Shapes: features [objects, features]; out: logits [objects, 3].
    Source: Vaswani et al., NeurIPS 2017, for the attention among the objects.
    """

    def __init__(self) -> None:
        super().__init__()
        width = OBJECT_WIDTH
        self.embedding = nn.Linear(GEOMETRY + CLASSES + SEEN, width)
        self.among = nn.TransformerEncoderLayer(
            width, OBJECT_HEADS, 2 * width, OBJECT_DROPOUT, batch_first=True, norm_first=True
        )
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Dropout(OBJECT_DROPOUT), nn.Linear(width, LEVELS - 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.among(functional.gelu(self.embedding(features))[None])[0])


def object_features(detections: Detections, index: int, size: tuple[int, int], seen: Seen) -> Tensor:
    """Features of the objects of one picture of a batch, [objects, features]; padding must have been cut off.

    Where the box lies, its size, how far it is off the path, what covers it, how it ranks among the others, its class,
    and what the scene network sees inside.
    """
    height, width = size
    corners = detections.corners[index].float()
    corners = corners.nan_to_num() / torch.tensor([width, height, width, height]).to(corners)
    group = group_of(detections.category[index])
    boxes = _Boxes(corners, group)
    padded = torch.tensor([patches_of(edge) * PATCH for edge in (width, height, width, height)]).to(corners)
    inside = _means_inside(corners * torch.tensor([width, height, width, height]).to(corners) / padded, seen)
    classes = functional.one_hot(group, CLASSES).to(corners)
    return torch.cat([boxes.geometry(detections.confidence[index].float().nan_to_num()), classes, inside], 1)


def group_of(category: Tensor) -> Tensor:
    """From COCO's classes to the place in `GROUPS`, behind its end for all others."""
    group = torch.full_like(category, CLASSES - 1, dtype=torch.int64)
    for number, name in enumerate(GROUPS):
        group[category == NUMBER[name]] = number
    return group


def _means_inside(corners: Tensor, seen: Seen) -> Tensor:
    """Log of the mean probability over the cells that a box touches, [objects, levels + classes + 1]."""
    shown = torch.cat([seen.levels.softmax(0), seen.classes.softmax(0)])
    rows, cols = shown.shape[1:]
    left, top, right, bottom = corners.unbind(-1)
    across, down = touched(left, right, cols, 1 / cols), touched(top, bottom, rows, 1 / rows)
    area = (down.sum(1) * across.sum(1)).clamp_min(1)
    sums = torch.einsum("ny,nx,cyx->nc", down.to(shown), across.to(shown), shown)
    return (sums / area[:, None]).clamp_min(1e-3).log()


class _Boxes:
    """Geometry of the boxes of one picture; corners as shares of the picture's size."""

    def __init__(self, corners: Tensor, group: Tensor) -> None:
        # Boxes may reach beyond the picture, but not by much more than its size.
        self.left, self.top, self.right, self.bottom = corners.clamp(-1, 2).unbind(-1)
        self.width = (self.right - self.left).clamp_min(1e-4)
        self.height = (self.bottom - self.top).clamp_min(1e-4)
        self.area, self.group = self.width * self.height, group

    def geometry(self, confidence: Tensor) -> Tensor:
        """The geometric features, [objects, GEOMETRY], each of about unit size."""
        off = (self.left + self.right) / 2 - 0.5
        nearer = self.bottom > self.bottom[:, None]
        covered, same = self._covered(), self.group == self.group[:, None]
        lateral = (off / (self.bottom - HORIZON).clamp_min(0.03)).abs().clamp_max(6)
        features = [
            off * 4, off.abs() * 6 - 1.5, (self.top - 0.4) * 8, (self.bottom - 0.55) * 8,
            self.width * 8 - 0.6, self.height * 6 - 0.8,
            self.width.log() + 3, self.height.log() + 2.3, self.area.log() / 2 + 2.6,
            (self.width / self.height).log(), lateral / 2 - 0.5,
            confidence * 4 - 2.5, torch.full_like(off, math.log(len(off)) - 2.5),
            (covered * nearer).amax(1) * 3, (covered * ~nearer).amax(1) * 3,
            _rank(self.area), _rank(self.bottom), _rank(-off.abs()), _rank(self.height),
            (same & (self.area > self.area[:, None])).sum(1) / 5, (same & nearer).sum(1) / 5,
            (covered * (self.group == GROUPS.index("person"))).amax(1) * 2,
            self.area / self.area.max() * 2, self.bottom / self.bottom.max().clamp_min(1e-3) * 4 - 3,
        ]  # fmt: skip
        return torch.stack([feature.to(self.area) for feature in features], 1)

    def _covered(self) -> Tensor:
        """Share of each object's box that each other box covers, [objects, others], 0 by itself."""
        edges = ((self.left, self.right), (self.top, self.bottom))
        overlap = [
            (torch.minimum(high[:, None], high) - torch.maximum(low[:, None], low)).clamp_min(0) for low, high in edges
        ]
        share = overlap[0] * overlap[1] / self.area[:, None]
        return share * (1 - torch.eye(len(share)).to(share))


def _rank(values: Tensor) -> Tensor:
    """From 0 for the largest to 1 for the smallest."""
    order = (values > values[:, None]).sum(1)
    return order / max(len(values) - 1, 1)


MIRRORED = torch.tensor([-1.0, *[1.0] * (GEOMETRY + CLASSES + SEEN - 1)])
"""Factors that make an object's features those in the mirrored picture: only the first has a side."""
