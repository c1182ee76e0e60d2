"""Picture codecs as blocks: a picture as bits that fit a budget, and back."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from linksim.block import Block
from linksim.blocks.picture_codecs.codecs import find_codec
from linksim.blocks.picture_codecs.enhancer import Detail
from linksim.blocks.picture_codecs.fitting import TILE, Container, tiles_of
from linksim.errors import require
from linksim.types import PATCH, Bits, Flags, Image, Importance, Size, Uses, patches_of


class CodedPicture(NamedTuple):
    """Bits, zero past a picture's budget, and whether the picture fits it."""

    bits: UInt8[Tensor, "batch n"]
    fits: Flags


class DecodedPicture(NamedTuple):
    """A picture, whether nothing of it can be shown, and the bits per pixel of each patch."""

    image: Image
    lost: Flags
    detail: Detail


class PictureEncoder(Block):
    """A picture as the stream of highest quality that fits a budget of bits, found by bisection.

    Where no quality fits, the picture is sent at 1/2 to 1/16 of its size. The codec's own length and, with regions, the
    map of tiles are among the bits.

    Args:
        codec: "jpeg", "jpeg2000", "webp", "avif", "heif" (HEVC intra, extra `heif`), or "compressai:MODEL"; "painted"
            sends regions and their colours at 64 pixels, not the picture, see `hosonuma25`.
        region_gain: over 1, tiles of 64x64 pixels with anything important are coded apart, with so many times the bytes
            that they would take at one quality for all, and go first.

    Shapes: image [batch, 3, height, width]; budget [batch] in bits; importance [batch, rows, cols], optional; bits
    [batch, largest budget]; fits [batch] bool. A codec has no gradient.
    Source: ISO/IEC 10918-1 (JPEG), 15444-1 (JPEG 2000), 23000-22 (AVIF), 23008-12 (HEIF), RFC 9649 (WebP).

    Raises:
        ParameterError: there is no such codec, or `region_gain` is under 1.
        LinksimError: the codec's library or weights are not there.

    >>> image = torch.zeros(1, 3, 32, 48)
    >>> coded = PictureEncoder(codec="jpeg")(image=image, budget=torch.tensor([8000]))
    >>> size = torch.tensor([[32, 48]])
    >>> decoded = PictureDecoder(codec="jpeg")(bits=coded.bits, good=torch.tensor([8000]), size=size)
    >>> coded.fits.tolist(), decoded.lost.tolist(), float(decoded.image.max())
    ([True], [False], 0.0)
    """

    def __init__(self, *, codec: str = "avif", region_gain: float = 1.0) -> None:
        super().__init__()
        require(1 <= region_gain <= 10, "region_gain", "in 1..10", region_gain)
        find_codec(codec)
        self._container = Container(codec, region_gain)

    def forward(self, image: Image, budget: Uses, importance: Importance | None = None) -> CodedPicture:
        most = budget.tolist()
        bits = torch.zeros(len(image), max(most), dtype=torch.uint8)
        fits = torch.zeros(len(image), dtype=torch.bool)
        pixels = (image.detach().clamp(0, 1) * 255).round().byte().movedim(1, -1).cpu().numpy()
        for i, each in enumerate(pixels):
            data = self._container.pack(each, _important(importance, i, each.shape[:2]), most[i] // 8)
            if data is not None:
                stream = np.unpackbits(np.frombuffer(data, np.uint8))
                bits[i, : len(stream)], fits[i] = torch.from_numpy(stream), True
        return CodedPicture(bits.to(image.device), fits.to(image.device))


def _important(importance: Tensor | None, index: int, size: tuple[int, ...]) -> Any:
    """Which tiles have a patch above background, bool [rows, cols]."""
    rows, cols = tiles_of(size[0]), tiles_of(size[1])
    patches = TILE // PATCH
    padded = np.zeros((rows * patches, cols * patches), np.bool_)
    if importance is not None:
        labels = (importance[index] > 0).cpu().numpy()
        padded[: labels.shape[0], : labels.shape[1]] = labels
    return padded.reshape(rows, patches, cols, patches).any((1, 3))


class PictureDecoder(Block):
    """The inverse of `PictureEncoder`, from the bits that came through.

    Of a stream that ends early JPEG and JPEG 2000 show the picture coarsely, and important tiles coded apart stand
    where they arrived whole, the rest mid-grey; otherwise it is lost.

    Args:
        codec: the encoder's.

    Shapes: bits [batch, n]; good [batch], how many of them, from the first, are right; size [batch, 2] in pixels, one
    for a batch; image [batch, 3, height, width], mid-grey where lost; lost [batch] bool; detail [batch, rows, cols],
    the bits per pixel of what stands in each patch, 0 where nothing arrived. No gradient.
    Source: as `PictureEncoder`.

    Raises:
        ParameterError: there is no such codec.
        LinksimError: the codec's library or weights are not there.

    >>> bits, size = torch.zeros(1, 800, dtype=torch.uint8), torch.tensor([[16, 16]])
    >>> PictureDecoder()(bits=bits, good=torch.tensor([0]), size=size).lost.tolist()
    [True]
    """

    def __init__(self, *, codec: str = "avif") -> None:
        super().__init__()
        find_codec(codec)
        self._container = Container(codec, 1.0)

    def forward(self, bits: Bits, good: Uses, size: Size) -> DecodedPicture:
        height, width = size.amax(0).tolist()
        image = torch.full((len(bits), 3, height, width), 0.5)
        lost = torch.ones(len(bits), dtype=torch.bool)
        detail = torch.zeros(len(bits), patches_of(height), patches_of(width))
        for i, row in enumerate(bits.cpu().numpy()):
            right = int(good[i])
            shown = self._container.unpack(np.packbits(row[:right]).tobytes(), right // 8, height, width)
            if shown is not None:
                image[i], lost[i] = torch.from_numpy(shown.pixels.copy()).movedim(-1, 0).float() / 255, False
                detail[i] = torch.from_numpy(shown.detail)
        return DecodedPicture(image.to(bits.device), lost.to(bits.device), detail.to(bits.device))
