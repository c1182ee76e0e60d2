"""The best stream of a picture that fits a number of bytes."""

import hashlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linksim.blocks.picture_codecs.codec import Pixels
from linksim.blocks.picture_codecs.codecs import find_codec, resized, smaller
from linksim.types import PATCH, patches_of

SMALLEST_SCALE = 4
"""A picture that no quality fits is sent at 1/2, 1/4 ... of its size, to 1/16."""
TILE = 64
LENGTH_BYTES = 3


class Picture:
    """Pixels that a cache can be asked for."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = np.ascontiguousarray(pixels)
        self._digest = hashlib.blake2b(self.pixels.tobytes() + str(pixels.shape).encode()).digest()

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and other._digest == self._digest


@lru_cache(maxsize=2048)
def encoded(codec: str, picture: Picture, quality: int) -> bytes:
    """A stream, made once: points of a sweep ask for the same qualities again."""
    return find_codec(codec).encode(picture.pixels, quality)


class Fitted(NamedTuple):
    """A stream, the scale of the picture in it, and its quality."""

    data: bytes
    scale: int
    quality: int


def fit(codec: str, pixels: Pixels, most_bytes: int) -> Fitted | None:
    """The stream of the highest quality of at most so many bytes, at the largest scale at which there is one.

    None where even 1/16 of the size at the lowest quality takes more.
    """
    found = (fit_at(codec, pixels, scale, most_bytes) for scale in range(SMALLEST_SCALE + 1))
    return next((fitted for fitted in found if fitted is not None), None)


def fit_at(codec: str, pixels: Pixels, scale: int, most_bytes: int) -> Fitted | None:
    """The same at one scale, by bisection; None where the lowest quality takes more."""
    picture = Picture(smaller(pixels, scale))
    qualities = find_codec(codec).qualities
    low, high, best = 0, len(qualities) - 1, None
    while low <= high:
        middle = (low + high) // 2
        data = encoded(codec, picture, qualities[middle])
        if len(data) <= most_bytes:
            best, low = Fitted(data, scale, qualities[middle]), middle + 1
        else:
            high = middle - 1
    return best


class Unpacked(NamedTuple):
    """Pixels, and the bits per pixel that each 16x16 patch of them took, 0 where nothing arrived, [rows, cols]."""

    pixels: Pixels
    detail: NDArray[np.float32]


class Container:
    """What is sent for a picture: a byte of kind, and one stream, or two, of important tiles and of the others.

    With `region_gain` over 1, tiles of 64x64 pixels with anything important are gathered in a picture of their own. It
    gets `region_gain` times the bytes that it would take at one quality for all, and goes first, so that a prefix of
    what is received shows what matters.
    """

    def __init__(self, codec: str, region_gain: float) -> None:
        self._codec, self._region_gain = codec, region_gain

    def pack(self, pixels: Pixels, important: NDArray[np.bool_], most_bytes: int) -> bytes | None:
        """At most so many bytes; `important` per tile. None where nothing fits."""
        if self._region_gain > 1 and important.any() and not important.all():
            both = self._pack_regions(pixels, important, most_bytes)
            if both is not None:
                return both
        found = fit(self._codec, pixels, most_bytes - 1 - LENGTH_BYTES)
        return None if found is None else bytes([found.scale]) + counted(found.data)

    def _pack_regions(self, pixels: Pixels, important: NDArray[np.bool_], most_bytes: int) -> bytes | None:
        packed = np.packbits(important.ravel()).tobytes()
        room = most_bytes - 1 - len(packed) - 2 * LENGTH_BYTES
        front, back = (gather(pixels, chosen) for chosen in (important, ~important))
        alike = fit(self._codec, pixels, room)
        if alike is None or alike.scale:
            return None
        share = [len(encoded(self._codec, Picture(part), alike.quality)) for part in (front, back)]
        most = round(min(share[0] / sum(share) * self._region_gain, 0.9) * room)
        first = fit(self._codec, front, most)
        second = None if first is None else fit(self._codec, back, room - len(first.data))
        if first is None or second is None or first.scale:
            return None
        return bytes([8 + second.scale]) + packed + counted(first.data) + counted(second.data)

    def unpack(self, data: bytes, good: int, height: int, width: int) -> Unpacked | None:
        """The picture from the first `good` bytes of what was packed; None where they show nothing."""
        if good < 1 or not data:
            return None
        kind, rest = data[0], data[1:good]
        if kind < 8:
            shown = self._shown(rest)
            detail = np.full((patches_of(height), patches_of(width)), 8 * len(rest) / (height * width), np.float32)
            return None if shown is None else Unpacked(resized(shown, height, width), detail)
        return self._unpack_regions(rest, height, width)

    def _unpack_regions(self, rest: bytes, height: int, width: int) -> Unpacked | None:
        rows, cols = tiles_of(height), tiles_of(width)
        count = rows * cols
        head = -(-count // 8)
        if len(rest) < head + LENGTH_BYTES:
            return None
        important = np.unpackbits(np.frombuffer(rest[:head], np.uint8))[:count].astype(bool).reshape(rows, cols)
        front, behind = rest[head:], rest[head:][LENGTH_BYTES + count_of(rest[head:]) :]
        shown = self._shown(front)
        if shown is None:
            return None
        whole = np.full((rows * TILE, cols * TILE, 3), 128, np.uint8)
        scatter(whole, shown, important)
        detail = np.where(important, _bits_per_pixel(front, important), 0.0)
        other = self._shown(behind)
        if other is not None:
            scatter(whole, other, ~important)
            detail = np.where(important, detail, _bits_per_pixel(behind, ~important))
        of_patches = detail.repeat(TILE // PATCH, 0).repeat(TILE // PATCH, 1)
        shape = patches_of(height), patches_of(width)
        return Unpacked(whole[:height, :width], of_patches[: shape[0], : shape[1]].astype(np.float32))

    def _shown(self, data: bytes) -> Pixels | None:
        """What a counted stream shows, all of it or its beginning."""
        if len(data) < LENGTH_BYTES:
            return None
        codec, count = find_codec(self._codec), count_of(data)
        stream = data[LENGTH_BYTES : LENGTH_BYTES + count]
        return codec.decode(stream) if len(stream) == count > 0 else codec.decode_prefix(stream)


def _bits_per_pixel(data: bytes, tiles: NDArray[np.bool_]) -> float:
    """What a counted stream spends on these tiles."""
    return 8 * count_of(data) / (int(tiles.sum()) * TILE**2)


def counted(data: bytes) -> bytes:
    """The bytes behind their number."""
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def count_of(data: bytes) -> int:
    """The number that stands before `counted` bytes."""
    return int.from_bytes(data[:LENGTH_BYTES], "big")


def tiles_of(side: int) -> int:
    """Tiles along a side in pixels."""
    return -(-side // TILE)


def mosaic_size(chosen: NDArray[np.bool_]) -> tuple[int, int]:
    """Height and width in pixels of the picture that these tiles make, as wide as the original where they can."""
    count = int(chosen.sum())
    cols = min(chosen.shape[1], count)
    return -(-count // cols) * TILE, cols * TILE


def gather(pixels: Pixels, chosen: NDArray[np.bool_]) -> Pixels:
    """The chosen tiles side by side, row after row; the last one stands again where the last row is not full."""
    rows, cols = chosen.shape
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, rows * TILE - height), (0, cols * TILE - width), (0, 0)), mode="edge")
    tiles = padded.reshape(rows, TILE, cols, TILE, 3).swapaxes(1, 2)[chosen]
    down, across = (side // TILE for side in mosaic_size(chosen))
    full = np.concatenate([tiles, np.repeat(tiles[-1:], down * across - len(tiles), 0)])
    return full.reshape(down, across, TILE, TILE, 3).swapaxes(1, 2).reshape(down * TILE, across * TILE, 3)


def scatter(whole: Pixels, mosaic: Pixels, chosen: NDArray[np.bool_]) -> None:
    """The inverse of `gather`, into a picture of whole tiles; a mosaic that was sent smaller is enlarged."""
    rows, cols = chosen.shape
    down, across = (side // TILE for side in mosaic_size(chosen))
    tiles = resized(mosaic, down * TILE, across * TILE).reshape(down, TILE, across, TILE, 3).swapaxes(1, 2)
    view = whole.reshape(rows, TILE, cols, TILE, 3).swapaxes(1, 2)
    view[chosen] = tiles.reshape(-1, TILE, TILE, 3)[: int(chosen.sum())]
