"""Objects from the picture alone, by what a classifier of photographs attends to."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.intent.cut_out import cut_out
from linksim.blocks.intent.imagenet_classes import IMAGENET
from linksim.blocks.knowledge.class_words import class_scores
from linksim.blocks.semantics.categories import NUMBER
from linksim.errors import require
from linksim.types import Detections, Image

EDGES = (384, 512)
"""Longer side of the picture, in pixels, at the scales that are looked at."""
SEGMENTS, COMPACTNESS = 250, 10.0
"""Of the superpixels."""
LEAST_SHARE = 0.005
"""Of the picture's pixels: a smaller piece is no object."""


class SceneObjects(NamedTuple):
    """Objects, and at each pixel its object's place in the list from 1, 0 where there is none."""

    detections: Detections
    instances: Int[Tensor, "batch height width"]


class ClassActivationMasks(Block):
    """Find objects and their pixels by class activation maps of EfficientNet-Lite0 (extra `knowledge`).

    The network has learned ImageNet's classes from whole photographs, no boxes and no masks; 61 of COCO's classes are
    among them, persons are not. Where a class is somewhere at least as likely as `confidence`, its activation is
    averaged over superpixels, and GrabCut cuts out what exceeds Otsu's threshold. Pieces that do not touch count as
    several objects, objects that touch as one. Small objects beside large ones are not seen, and classes are found that
    are not there: with a detector, or with boxes, `IntentMask` knows more.

    Shapes: image [batch, 3, height, width], any size; detections [batch, objects found in the fullest picture], padded
    with class -1, confidence the class's probability where it is likeliest; instances [batch, height, width]. No
    gradient.
    Source: Zhou et al., CVPR 2016 (class activation maps); Achanta et al., IEEE TPAMI 2012 (SLIC superpixels); Otsu
    1979; Rother et al., ACM Trans. Graphics 2004 (GrabCut).

    Raises:
        ParameterError: `confidence` is not in 0..1.
        LinksimError: a package is not installed, or its weights are not the known ones.

    >>> ClassActivationMasks()(image=torch.full((1, 3, 40, 64), 0.5)).instances.shape
    torch.Size([1, 40, 64])
    """

    def __init__(self, *, confidence: float = 0.3) -> None:
        super().__init__()
        require(0 <= confidence <= 1, "confidence", "in 0..1", confidence)
        self.confidence = confidence

    def forward(self, image: Image) -> SceneObjects:
        return find_classes(image, [IMAGENET] * len(image), self.confidence)


@torch.no_grad()
def find_classes(image: Tensor, wanted: Sequence[Collection[str]], confidence: float) -> SceneObjects:
    """As `ClassActivationMasks`, but of each picture these classes alone."""
    with torch.autocast(image.device.type, enabled=False):
        found = [_objects(picture.float(), names, confidence) for picture, names in zip(image, wanted, strict=True)]
    widest = max(len(objects) for objects in found)
    corners = torch.zeros(len(found), widest, 4)
    category = torch.full((len(found), widest), -1)
    probabilities = torch.zeros(len(found), widest)
    instances = torch.zeros(len(found), *image.shape[2:], dtype=torch.int64)
    for row, objects in enumerate(found):
        for place, (name, probability, pixels) in enumerate(objects):
            corners[row, place] = _box(pixels)
            category[row, place], probabilities[row, place] = NUMBER[name], probability
            instances[row][pixels] = place + 1
    found_there = Detections(corners, category, probabilities).to(image.device)
    return SceneObjects(found_there, instances.to(image.device))


def _objects(picture: Tensor, names: Collection[str], confidence: float) -> list[tuple[str, float, Tensor]]:
    """Class, its probability and pixels of each object, the surest class last, so that it lies on top."""
    scales = [class_scores(picture, edge) for edge in EDGES]
    places = [torch.softmax(scores.flatten(1), 0) for scores in scales]
    likely = {
        name: sum(float(each[list(IMAGENET[name])].sum(0).max()) for each in places) / len(places)
        for name in names
        if name in IMAGENET
    }
    found = sorted((name for name, p in likely.items() if p >= confidence), key=lambda name: likely[name])
    if not found:
        return []
    segments = _superpixels(picture)
    return [
        (name, likely[name], piece)
        for name in found
        for piece in _pieces(_cut_out_class(picture, scales, IMAGENET[name], segments))
    ]


def _superpixels(picture: Tensor) -> Tensor:
    from skimage.segmentation import slic

    pixels = picture.clamp(0, 1).movedim(0, -1).cpu().numpy()
    return torch.from_numpy(slic(pixels, n_segments=SEGMENTS, compactness=COMPACTNESS, start_label=0))


def _cut_out_class(picture: Tensor, scales: Sequence[Tensor], numbers: Sequence[int], segments: Tensor) -> Tensor:
    """The pixels of a class, bool [height, width], on the CPU."""
    from scipy.ndimage import binary_fill_holes
    from skimage.filters import threshold_otsu

    active = sum(_normalized(_over_segments(scores[list(numbers)].amax(0), segments)) for scores in scales)
    assert isinstance(active, Tensor)
    active = _normalized(active)
    if not bool(active.any()):
        return torch.zeros_like(active, dtype=torch.bool)
    threshold = float(threshold_otsu(active.numpy()))
    above = 0.5 + 0.5 * (active - threshold) / max(1 - threshold, 1e-6)
    found = cut_out(picture.cpu(), torch.where(active > threshold, above, 0.5 * active / max(threshold, 1e-6)))
    # An object's eyes have other colours than its fur.
    return torch.from_numpy(binary_fill_holes(found.numpy()))


def _over_segments(scores: Tensor, segments: Tensor) -> Tensor:
    """Scores [rows, cols] averaged over each superpixel, [height, width]."""
    shape = tuple(segments.shape)
    fine = functional.interpolate(scores[None, None].cpu(), shape, mode="bilinear")[0, 0].flatten()
    number = segments.flatten()
    sums = torch.zeros(int(number.max()) + 1).index_add(0, number, fine)
    return (sums / torch.bincount(number))[segments]


def _normalized(values: Tensor) -> Tensor:
    """To 0..1; zeros where all are equal."""
    span = values.max() - values.min()
    return (values - values.min()) / span if float(span) > 0 else torch.zeros_like(values)


def _pieces(mask: Tensor) -> list[Tensor]:
    """The parts that do not touch, largest first, without the smallest."""
    from skimage.measure import label

    numbered = torch.from_numpy(label(mask.numpy(), connectivity=2))
    sizes = torch.bincount(numbered.flatten())[1:]
    order = sizes.argsort(descending=True, stable=True).tolist()
    return [numbered == number + 1 for number in order if sizes[number] >= LEAST_SHARE * mask.numel()]


def _box(pixels: Tensor) -> Tensor:
    rows, cols = pixels.any(1).nonzero(), pixels.any(0).nonzero()
    return torch.tensor([int(cols[0]), int(rows[0]), int(cols[-1]) + 1, int(rows[-1]) + 1], dtype=torch.float32)
