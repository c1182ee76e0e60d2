"""A picture as layers of bits: a base of the whole, and one layer for each importance level."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.layers.base import Labels, packed_base, unpacked_base
from linksim.blocks.layers.choice import LevelCoder, choose
from linksim.blocks.layers.layout import BASE, LEVELS, LayerBits, LayerScheme, LayerUses, bits_in, uses_for
from linksim.blocks.layers.region import box_of, pixels_in, region_of, whole_patches
from linksim.blocks.picture_codecs.codec import Pixels
from linksim.blocks.picture_codecs.codecs import find_codec
from linksim.blocks.picture_codecs.fitting import Picture
from linksim.errors import require
from linksim.types import PATCH, Flags, Image, Importance, Uses

WEIGHTS = (1.0, 16.0, 32.0, 64.0)
"""Eight times SA-OOSC's weights for what matters: with its own weights the background takes most of the gain. Chosen on
street scenes of the part `train`."""


class LayeredBits(NamedTuple):
    """Bits and channel uses of each layer, and whether every level is among them."""

    layer_bits: LayerBits
    layer_uses: LayerUses
    fits: Flags


class LayeredPictureEncoder(Block):
    """A picture coded apart by importance level, the channel uses between the levels by slopes of weighted error.

    Each level's patches are a picture of their own, the rest of it smoothly filled. The error of each is measured at
    several qualities. Then the qualities are chosen that give the least sum of errors, weighted by importance, within
    the channel uses. The first layer has the importance map, and a coarse picture of the whole that stands in for
    levels that do not arrive.

    Args:
        codec: as in `PictureEncoder`.
        weights: of the squared error of patches of background, low, medium and high importance.
        base_share: share of the channel uses for the first layer's coarse picture; 0 sends none.

    Shapes: image [batch, 3, height, width]; importance [batch, rows, cols], 0 if absent; layer_scheme [batch, 5];
    total_uses [batch]; layer_bits [batch, 5, most bits]; layer_uses [batch, 5]; fits [batch] bool. No gradient.
    Source: importance weights 2^I, SA-OOSC; the layers are linksim's.

    Raises:
        ParameterError: there is no such codec, a weight is not positive, or `base_share` is not in 0..0.5.
        LinksimError: the codec's library or weights are not there.

    >>> image, scheme = torch.zeros(1, 3, 32, 48), torch.full((1, 5), 3)
    >>> coded = LayeredPictureEncoder(codec="jpeg")(image=image, layer_scheme=scheme, total_uses=torch.tensor([9000]))
    >>> coded.fits.tolist(), int(coded.layer_uses.sum()) <= 9000
    ([True], True)
    """

    def __init__(
        self,
        *,
        codec: str = "avif",
        weights: tuple[float, float, float, float] = WEIGHTS,
        base_share: float = 0.0,
    ) -> None:
        super().__init__()
        find_codec(codec)
        require(len(weights) == len(LEVELS) and min(weights) > 0, "weights", "four positive numbers", weights)
        require(0 <= base_share <= 0.5, "base_share", "in 0..0.5", base_share)
        self.codec, self.weights, self.base_share = codec, weights, base_share

    def forward(
        self, image: Image, layer_scheme: LayerScheme, total_uses: Uses, importance: Importance | None = None
    ) -> LayeredBits:
        pixels = (image.detach().clamp(0, 1) * 255).round().byte().movedim(1, -1).cpu().numpy()
        frames: list[list[bytes]] = []
        fits: list[bool] = []
        for i, each in enumerate(pixels):
            picture = Picture(whole_patches(each))
            shape = (picture.pixels.shape[0] // PATCH, picture.pixels.shape[1] // PATCH)
            labels = np.zeros(shape, np.int64) if importance is None else importance[i].cpu().numpy().astype(np.int64)
            frame = self._frame(picture, labels, layer_scheme[i].tolist(), int(total_uses[i]))
            fits.append(
                all(bool(data) for data, level in zip(frame[1:], LEVELS, strict=True) if (labels == level).any())
            )
            frames.append(frame)
        uses = [
            [uses_for(len(data), scheme) for data, scheme in zip(frame, schemes, strict=True)]
            for frame, schemes in zip(frames, layer_scheme.tolist(), strict=True)
        ]
        device = image.device
        return LayeredBits(_as_bits(frames).to(device), torch.tensor(uses).to(device), torch.tensor(fits).to(device))

    def _frame(self, picture: Picture, labels: Labels, schemes: Sequence[int], uses: int) -> list[bytes]:
        """The bytes of each layer, none where it is not sent. Where not even the first layer fits, none are."""
        room = bits_in(int(self.base_share * uses), schemes[BASE]) // 8
        first = packed_base(self.codec, picture.pixels, labels, room)
        left = uses - uses_for(len(first), schemes[BASE])
        if left < 0:
            return [b""] * (1 + len(LEVELS))
        base = unpacked_base(self.codec, first, labels.shape[0], labels.shape[1], PATCH)
        coarse = None if base is None else base.coarse
        coders = {
            place: self._coder(picture, labels, level, schemes[place], coarse)
            for place, level in enumerate(LEVELS, 1)
            if (labels == level).any()
        }
        chosen = dict(zip(coders, choose([*coders.values()], left), strict=True))
        levels = range(1, 1 + len(LEVELS))
        return [first, *(coders[place].packed(chosen[place]) if place in coders else b"" for place in levels)]

    def _coder(self, picture: Picture, labels: Labels, level: int, scheme: int, coarse: Pixels | None) -> LevelCoder:
        mask = labels == level
        region = region_of(picture, mask.tobytes(), *mask.shape)
        unsent = region.error_of(None if coarse is None else pixels_in(coarse, box_of(mask)))
        return LevelCoder(self.codec, region, scheme, self.weights[level], unsent)


def _as_bits(frames: Sequence[Sequence[bytes]]) -> Tensor:
    longest = max(len(data) for frame in frames for data in frame)
    padded = [[np.frombuffer(data.ljust(longest, b"\0"), np.uint8) for data in frame] for frame in frames]
    return torch.from_numpy(np.unpackbits(np.array(padded), axis=-1))
