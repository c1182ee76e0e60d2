"""A picture painted in one colour for each region, coded without loss."""

import numpy as np

from linksim.blocks.picture_codecs.codec import PillowCodec, Pixels

EDGE = 64
"""Longer side of what is painted, in pixels."""
SCALES = [4000 * 0.75**step for step in range(36)]
"""Of the segmentation: the larger, the fewer regions."""
LEAST_PIXELS = 300
"""Of a region, over the square root of the segmentation's scale, so that small regions come with fine segmentations."""


class PaintedRegions(PillowCodec):
    """The picture at 64 pixels, each region of it in its mean colour, as WebP without loss.

    Label map and palette are one stream: the regions are where a colour is. More quality is more regions; what is
    decoded is the painted picture, which is enlarged.

    Source: Hosonuma et al., arXiv 2404.11280 (a caption, a label map and a palette); regions by Felzenszwalb and
    Huttenlocher, Int. J. Computer Vision 2004.
    """

    def __init__(self) -> None:
        super().__init__("WEBP", range(len(SCALES)), lossless=True, method=6)

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        return super().encode(painted(pixels, quality), 100)


def painted(pixels: Pixels, quality: int) -> Pixels:
    """The picture at 64 pixels at the most, each region in its mean colour."""
    from PIL import Image as PillowImage
    from skimage.segmentation import felzenszwalb

    height, width = pixels.shape[:2]
    scale = min(1.0, EDGE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(PillowImage.fromarray(pixels).resize(size, PillowImage.Resampling.BOX))
    wanted = SCALES[quality]
    least = max(1, round(LEAST_PIXELS * (wanted / SCALES[0]) ** 0.5))
    labels = felzenszwalb(small, scale=wanted, sigma=0.5, min_size=least, channel_axis=-1).ravel()
    counts = np.bincount(labels)
    sums = np.stack([np.bincount(labels, small[..., channel].ravel()) for channel in range(3)], 1)
    return np.round(sums / counts[:, None]).astype(np.uint8)[labels].reshape(small.shape)
