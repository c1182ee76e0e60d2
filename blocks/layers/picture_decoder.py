"""A picture from those of its layers that arrived."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from linksim.block import Block
from linksim.blocks.layers.base import Labels, unpacked_base
from linksim.blocks.layers.layout import BASE, LEVELS, LayerBits, LayerUses
from linksim.blocks.layers.region import extended, paste, shown
from linksim.blocks.picture_codecs.codec import Pixels
from linksim.blocks.picture_codecs.codecs import find_codec
from linksim.blocks.picture_codecs.enhancer import Detail
from linksim.blocks.picture_codecs.fitting import LENGTH_BYTES, count_of
from linksim.types import PATCH, Flags, Image, Importance, Size, patches_of


class LayeredPicture(NamedTuple):
    """A picture, whether nothing of it can be shown, and what the receiver knows of each patch: bits per pixel, and
    importance."""

    image: Image
    lost: Flags
    detail: Detail
    importance: Importance


class Shown(NamedTuple):
    """One picture of whole patches, what each of them took in bits per pixel, and the importance map."""

    pixels: Pixels
    detail: NDArray[np.float32]
    labels: Labels


class LayeredPictureDecoder(Block):
    """The inverse of `LayeredPictureEncoder`, from the layers that came through.

    What arrived of each level stands in its patches. The others show the coarse picture of the first layer, or where it
    has none, a smooth continuation of what arrived. Without the first layer the picture is lost.

    Args:
        codec: the encoder's.

    Shapes: layer_bits [batch, 5, n]; layer_good [batch, 5], how many bits of each, from the first, are right; size
    [batch, 2] in pixels, one for a batch; image [batch, 3, height, width], mid-grey where lost; lost [batch] bool;
    detail [batch, rows, cols], the bits per pixel of what stands in each patch, 0 where nothing arrived; importance
    [batch, rows, cols], 0 where lost. No gradient.
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
        patches = len(layer_bits), patches_of(height), patches_of(width)
        detail, importance = torch.zeros(patches), torch.zeros(patches, dtype=torch.int64)
        for i, rows in enumerate(layer_bits.cpu().numpy()):
            good = layer_good[i].tolist()
            layers = [np.packbits(row[:count]).tobytes()[: count // 8] for row, count in zip(rows, good, strict=True)]
            shown = self._shown(layers, patches[1], patches[2])
            if shown is not None:
                whole = torch.from_numpy(shown.pixels[:height, :width].copy()).movedim(-1, 0)
                image[i], lost[i] = whole.float() / 255, False
                detail[i], importance[i] = torch.from_numpy(shown.detail), torch.from_numpy(shown.labels)
        return LayeredPicture(*(each.to(layer_bits.device) for each in (image, lost, detail, importance)))

    def _shown(self, layers: list[bytes], rows: int, cols: int) -> Shown | None:
        """What can be shown; None for nothing."""
        base = unpacked_base(self.codec, layers[BASE], rows, cols, PATCH) if layers[BASE] else None
        if base is None:
            return None
        blank = np.zeros((rows * PATCH, cols * PATCH, 3), np.uint8)
        whole = blank if base.coarse is None else base.coarse.copy()
        detail = np.full(base.labels.shape, base.bits / blank[..., 0].size, np.float32)
        there = self._put_levels(whole, detail, base.labels, layers[1:])
        if base.coarse is None and not there.all():
            if not there.any():
                return None
            whole = extended(whole, there)
        return Shown(whole, detail, base.labels)

    def _put_levels(
        self, whole: Pixels, detail: NDArray[np.float32], labels: Labels, streams: list[bytes]
    ) -> NDArray[np.bool_]:
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
                    detail[mask] = 8 * count / (mask.sum() * PATCH**2)
        return there
