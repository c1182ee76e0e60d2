"""A picture from those of its layers that arrived."""

from typing import NamedTuple

import numpy as np
import torch

from linksim.block import Block
from linksim.blocks.layers.base import Labels, unpacked_base
from linksim.blocks.layers.layout import BASE, LEVELS, LayerBits, LayerUses
from linksim.blocks.layers.region import extended, paste, shown
from linksim.blocks.picture_codecs.codec import Pixels
from linksim.blocks.picture_codecs.codecs import find_codec
from linksim.blocks.picture_codecs.fitting import LENGTH_BYTES, count_of
from linksim.types import PATCH, Flags, Image, Size


class LayeredPicture(NamedTuple):
    """A picture, and whether nothing of it can be shown."""

    image: Image
    lost: Flags


class LayeredPictureDecoder(Block):
    """The inverse of `LayeredPictureEncoder`, from the layers that came through.

    What arrived of each level stands in its patches. The others show the coarse picture of the first layer, or where it
    has none, a smooth continuation of what arrived. Without the first layer the picture is lost.

    Args:
        codec: the encoder's.

    Shapes: layer_bits [batch, 5, n]; layer_good [batch, 5], how many bits of each, from the first, are right; size
    [batch, 2] in pixels, one for a batch; image [batch, 3, height, width], mid-grey where lost; lost [batch] bool. No
    gradient.
    Source: linksim.

    Raises:
        ParameterError: there is no such codec.
        LinksimError: the codec's library or weights are not there.

    >>> bits, good = torch.zeros(1, 5, 80, dtype=torch.uint8), torch.zeros(1, 5, dtype=torch.int64)
    >>> LayeredPictureDecoder()(layer_bits=bits, layer_good=good, size=torch.tensor([[16, 16]])).lost.tolist()
    [True]
    """

    def __init__(self, *, codec: str = "avif") -> None:
        super().__init__()
        find_codec(codec)
        self.codec = codec

    def forward(self, layer_bits: LayerBits, layer_good: LayerUses, size: Size) -> LayeredPicture:
        height, width = size.amax(0).tolist()
        image = torch.full((len(layer_bits), 3, height, width), 0.5)
        lost = torch.ones(len(layer_bits), dtype=torch.bool)
        for i, rows in enumerate(layer_bits.cpu().numpy()):
            good = layer_good[i].tolist()
            layers = [np.packbits(row[:count]).tobytes()[: count // 8] for row, count in zip(rows, good, strict=True)]
            pixels = self._shown(layers, -(-height // PATCH), -(-width // PATCH))
            if pixels is not None:
                whole = torch.from_numpy(pixels[:height, :width].copy()).movedim(-1, 0)
                image[i], lost[i] = whole.float() / 255, False
        return LayeredPicture(image.to(layer_bits.device), lost.to(layer_bits.device))

    def _shown(self, layers: list[bytes], rows: int, cols: int) -> Pixels | None:
        """A picture of whole patches; None where nothing can be shown."""
        base = unpacked_base(self.codec, layers[BASE], rows, cols, PATCH) if layers[BASE] else None
        if base is None:
            return None
        blank = np.zeros((rows * PATCH, cols * PATCH, 3), np.uint8)
        whole = blank if base.coarse is None else base.coarse.copy()
        there = self._put_levels(whole, base.labels, layers[1:])
        if base.coarse is not None or there.all():
            return whole
        return extended(whole, there) if there.any() else None

    def _put_levels(self, whole: Pixels, labels: Labels, streams: list[bytes]) -> np.ndarray:
        """Put the levels that arrived whole in their places; which patches these are."""
        there = np.zeros(labels.shape, np.bool_)
        for level, data in zip(LEVELS, streams, strict=True):
            mask, count = labels == level, count_of(data)
            stream = data[LENGTH_BYTES : LENGTH_BYTES + count]
            if mask.any() and len(stream) == count > 0:
                part = shown(self.codec, stream, mask)
                if part is not None:
                    paste(whole, part, mask)
                    there |= mask
        return there
