"""The part of a picture that has one importance level, as a picture of its own."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from linksim.blocks.picture_codecs.codec import Pixels
from linksim.blocks.picture_codecs.codecs import find_codec, resized, smaller
from linksim.blocks.picture_codecs.fitting import Picture, encoded
from linksim.types import PATCH

Mask = NDArray[np.bool_]
"""Which patches, [rows, cols]."""
Floats = NDArray[np.float32]


def whole_patches(pixels: Pixels) -> Pixels:
    """The picture with its last row and column repeated up to whole patches."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, -height % PATCH), (0, -width % PATCH), (0, 0)), mode="edge")


def pixels_of(mask: Mask) -> Mask:
    """Which pixels the patches have."""
    return mask.repeat(PATCH, 0).repeat(PATCH, 1)


def box_of(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around the patches."""
    rows, cols = np.nonzero(mask)
    return slice(int(rows.min()), int(rows.max()) + 1), slice(int(cols.min()), int(cols.max()) + 1)


def pixels_in(pixels: Pixels, box: tuple[slice, slice]) -> Pixels:
    """The part of a picture in a box of patches, a view of it."""
    rows, cols = (slice(side.start * PATCH, side.stop * PATCH) for side in box)
    return pixels[rows, cols]


def extended(pixels: Pixels, mask: Mask) -> Pixels:
    """The patches of a mask as they are, and a smooth continuation of them elsewhere.

    Smooth, because a codec spends bits on what is there only because something must be.
    Source: pull-push, Gortler et al., The Lumigraph, SIGGRAPH 1996.
    """
    known = pixels_of(mask)[..., None].astype(np.float32)
    levels = [(pixels * known, known)]
    while max(levels[-1][0].shape[:2]) > 1:
        levels.append(_pulled(*levels[-1]))
    filled = levels[-1][0]
    for values, there in reversed(levels[:-1]):
        height, width = there.shape[:2]
        coarse = filled.repeat(2, 0).repeat(2, 1)[:height, :width]
        filled = np.where(there > 0, values, coarse)
    return filled.round().clip(0, 255).astype(np.uint8)


def _pulled(values: Floats, there: Floats) -> tuple[Floats, Floats]:
    """Both at half the size: the mean of what is known of each 2x2, and where that is anything."""
    height, width = there.shape[:2]
    even = ((0, height % 2), (0, width % 2), (0, 0))
    sums, counts = (
        np.pad(each * there, even).reshape((height + 1) // 2, 2, (width + 1) // 2, 2, -1).sum((1, 3))
        for each in (values, there)
    )
    return sums / np.maximum(counts, 1), (counts > 0).astype(np.float32)


class Region:
    """A level's patches in the smallest box around them, the rest of the box smoothly filled."""

    def __init__(self, pixels: Pixels, mask: Mask) -> None:
        box = box_of(mask)
        self._mask, self._pixels = mask[box], pixels_in(pixels, box)
        self._filled = extended(self._pixels, self._mask)
        self._scaled: dict[int, Picture] = {}
        self._errors: dict[tuple[str, int, int], float] = {}

    def stream(self, codec: str, scale: int, quality: int) -> bytes:
        """The region at 1/2^scale of its size."""
        if scale not in self._scaled:
            self._scaled[scale] = Picture(smaller(self._filled, scale))
        return bytes([scale]) + encoded(codec, self._scaled[scale], quality)

    def error(self, codec: str, scale: int, quality: int) -> float:
        """Squared error over the patches of what that stream shows, in units of squared pixel values."""
        key = (codec, scale, quality)
        if key not in self._errors:
            self._errors[key] = self.error_of(shown(codec, self.stream(*key), self._mask))
        return self._errors[key]

    def error_of(self, other: Pixels | None) -> float:
        """Squared error over the patches of other pixels of this box; of mid-grey for None."""
        difference = self._pixels.astype(np.float32) - (128 if other is None else other)
        return float(np.square(difference)[pixels_of(self._mask)].sum())


@lru_cache(maxsize=64)
def region_of(picture: Picture, mask: bytes, rows: int, cols: int) -> Region:
    """The region of a picture of whole patches; made once, since the points of a sweep send the same pictures."""
    return Region(picture.pixels, np.frombuffer(mask, np.bool_).reshape(rows, cols))


def shown(codec: str, stream: bytes, mask: Mask) -> Pixels | None:
    """What a region's stream shows of the box around its patches; None where it cannot be decoded."""
    box = box_of(mask)
    decoded = find_codec(codec).decode(stream[1:]) if stream else None
    rows, cols = mask[box].shape
    return None if decoded is None else resized(decoded, rows * PATCH, cols * PATCH)


def paste(whole: Pixels, part: Pixels, mask: Mask) -> None:
    """Put what is shown of a region in its place, in a picture of whole patches."""
    box = box_of(mask)
    inside = pixels_of(mask[box])
    pixels_in(whole, box)[inside] = part[inside]
