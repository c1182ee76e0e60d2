"""Crops as a receiver shows them that got them in layers: the data of an enhancer's training."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linksim.block import Block
from linksim.blocks.layers.region import Region, paste, shown
from linksim.blocks.picture_codecs.codec import Pixels
from linksim.blocks.picture_codecs.codecs import find_codec, resized, smaller
from linksim.blocks.picture_codecs.enhancer import Detail
from linksim.blocks.sources.training_crops import TrainingCrops
from linksim.errors import require
from linksim.randomness import derive_seed
from linksim.types import PATCH, Image, Importance, Power

PLAIN_SHARE, HEIF_SHARE, LOST_SHARE, HALVED_SHARE = 0.25, 0.2, 0.1, 0.3
"""Of pictures coded as a whole, of those coded by HEIF, of levels that do not arrive, of backgrounds at half size."""
WHOLE, BACKGROUND, MORE = (0.1, 0.8), (0.1, 0.6), 0.45
"""Qualities as shares of a codec's range: of a whole picture, of the background, and what other levels get on top."""
COARSE_SCALES, COARSE = (2, 3), (0.2, 0.7)
"""Scales and qualities of the picture that stands in for levels that did not arrive."""
Labels = NDArray[np.int64]


class Coded(NamedTuple):
    """Pixels as the receiver shows them, and the bits per pixel of each patch."""

    pixels: Pixels
    detail: NDArray[np.float32]


class CodedCrops(NamedTuple):
    """Originals, what the receiver shows of them, its bits per pixel, the labels that it knows, and mean weights."""

    original: Image
    image: Image
    detail: Detail
    importance: Importance
    mean_weight: Power


def coded(pixels: Pixels, labels: Labels, chance: np.random.Generator) -> tuple[Coded, Labels]:
    """A picture of whole patches coded by levels at random qualities, or as a whole, and the labels that are known."""
    codec = "heif" if chance.random() < HEIF_SHARE else "avif"
    if chance.random() < PLAIN_SHARE:
        labels = np.zeros_like(labels)
        return _by_levels(codec, pixels, labels, {0: chance.uniform(*WHOLE)}, (), chance), labels
    background = chance.uniform(*BACKGROUND)
    shares = {level: background + (chance.uniform(0, MORE) if level else 0.0) for level in range(4)}
    lost = tuple(level for level in shares if chance.random() < LOST_SHARE)
    return _by_levels(codec, pixels, labels, shares, lost, chance), labels


def _by_levels(
    codec: str,
    pixels: Pixels,
    labels: Labels,
    shares: dict[int, float],
    lost: tuple[int, ...],
    chance: np.random.Generator,
) -> Coded:
    qualities = find_codec(codec).qualities
    whole = pixels.copy()
    detail = np.zeros(labels.shape, np.float32)
    if lost:
        whole, bits = _coarse(codec, pixels, chance)
        detail += bits
    for level, share in shares.items():
        mask = labels == level
        if level in lost or not mask.any():
            continue
        scale = int(level == 0 and len(shares) > 1 and chance.random() < HALVED_SHARE)
        stream = Region(pixels, mask).stream(codec, scale, qualities[round(min(share, 1) * (len(qualities) - 1))])
        part = shown(codec, stream, mask)
        assert part is not None
        paste(whole, part, mask)
        detail[mask] = 8 * len(stream) / (mask.sum() * PATCH**2)
    return Coded(whole, detail)


def _coarse(codec: str, pixels: Pixels, chance: np.random.Generator) -> tuple[Pixels, float]:
    """The picture at a fraction of its size, coded, at full size again; its bits per pixel."""
    qualities, height, width = find_codec(codec).qualities, *pixels.shape[:2]
    quality = qualities[round(chance.uniform(*COARSE) * (len(qualities) - 1))]
    data = find_codec(codec).encode(smaller(pixels, int(chance.choice(COARSE_SCALES))), quality)
    decoded = find_codec(codec).decode(data)
    assert decoded is not None
    return resized(decoded, height, width).copy(), 8 * len(data) / (height * width)


class CodedTrainingCrops(Block):
    """Random crops with what a receiver shows of them: coded by AVIF or HEIF, by importance level or as a whole.

    `pool` crops are drawn and coded, each when it is first asked for, and then drawn from again and again, because
    coding takes longer than a step of training. Other parameters are those of `TrainingCrops`.

    Shapes: original and image [batch, 3, crop, crop] in [0, 1]; detail and importance [batch, crop/16, crop/16], detail
    in bits per pixel, importance 0 where the picture was coded as a whole; mean_weight [batch].
    Source: linksim.

    Raises:
        ParameterError: as `TrainingCrops`, or `pool` is not positive.
        FileError: as `TrainingPictures`.

    >>> import tempfile
    >>> from PIL import Image as PillowImage
    >>> folder = tempfile.mkdtemp()
    >>> for name in "ab": PillowImage.new("RGB", (96, 64), "red").save(f"{folder}/{name}.png")
    >>> crops = CodedTrainingCrops(folders=(folder,), crop=64, pool=1).seed(1)(batch=2)
    >>> crops.image.shape, crops.detail.shape
    (torch.Size([2, 3, 64, 64]), torch.Size([2, 4, 4]))
    """

    def __init__(
        self, *, folders: tuple[str, ...], crop: int = 256, importance_exponent: float = 0.0, pool: int = 2000
    ) -> None:
        super().__init__()
        require(pool > 0, "pool", "at least 1", pool)
        self.pool = pool
        self._crops = TrainingCrops(
            folders=folders, crop=crop, importance_exponent=importance_exponent, random_labels=1.0
        )
        self._made = lru_cache(pool)(self._make)

    def forward(self, batch: int) -> CodedCrops:
        drawn = torch.randint(self.pool, (batch,), generator=self.rng, device=self.device).tolist()
        parts = [torch.stack(each) for each in zip(*(self._made(number) for number in drawn), strict=True)]
        original, image, detail, importance, weight = (part.to(self.device) for part in parts)
        return CodedCrops(original.float() / 255, image.float() / 255, detail, importance, weight)

    def _make(self, number: int) -> tuple[Tensor, ...]:
        """Crop `number`: uint8 original and shown picture, detail, importance, weight; without the batch's axis."""
        seed = derive_seed(0, f"coded crop {number}")
        crop = self._crops.seed(seed)(batch=1)
        original = (crop.image[0] * 255).round().byte()
        pixels = original.movedim(0, -1).numpy()
        shown_now, labels = coded(pixels, crop.importance[0].numpy(), np.random.default_rng(seed))
        image = torch.from_numpy(shown_now.pixels).movedim(-1, 0)
        return original, image, torch.from_numpy(shown_now.detail), torch.from_numpy(labels), crop.mean_weight[0]
