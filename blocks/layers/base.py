"""The first layer: the importance map, and a coarse picture of the whole."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linksim.blocks.header.rate_map import decode_map, encode_map
from linksim.blocks.layers.layout import LEVELS
from linksim.blocks.picture_codecs.codec import BROKEN, Pixels
from linksim.blocks.picture_codecs.codecs import find_codec, resized
from linksim.blocks.picture_codecs.fitting import LENGTH_BYTES, count_of, counted, fit_at

SCALES = (2, 3, 4)
"""The coarse picture has 1/2^scale of the size."""
WORD_BYTES = 4
Labels = NDArray[np.int64]


class Base(NamedTuple):
    """What the first layer says: the map, the coarse picture at full size, None where there is none, and its bits."""

    labels: Labels
    coarse: Pixels | None
    bits: int


def packed_base(codec: str, pixels: Pixels, labels: Labels, most_bytes: int) -> bytes:
    """The map, and the coarse picture of least error that fits beside it in so many bytes, if one does."""
    front = counted(encode_map(labels, len(LEVELS)).tobytes())
    room = most_bytes - len(front) - LENGTH_BYTES - 1
    fitted = [fit_at(codec, pixels, scale, room) for scale in SCALES] if room > 0 else []
    streams = [bytes([found.scale]) + found.data for found in fitted if found is not None]

    def error(stream: bytes) -> float:
        coarse = _coarse(codec, stream, pixels.shape[0], pixels.shape[1])
        return np.inf if coarse is None else float(np.square(coarse.astype(np.float32) - pixels).mean())

    return front + counted(min(streams, key=error)) if streams else front


def unpacked_base(codec: str, data: bytes, rows: int, cols: int, patch: int) -> Base | None:
    """The inverse, for a picture of so many patches; None where the map is broken."""
    count = count_of(data)
    words, rest = data[LENGTH_BYTES : LENGTH_BYTES + count], data[LENGTH_BYTES + count :]
    if len(words) < count or count % WORD_BYTES:
        return None
    try:
        labels = decode_map(np.frombuffer(words, np.uint32), rows, cols, len(LEVELS))[0]
    except BROKEN:
        return None
    stream = rest[LENGTH_BYTES : LENGTH_BYTES + count_of(rest)]
    coarse = _coarse(codec, stream, rows * patch, cols * patch)
    return Base(labels, coarse, 0 if coarse is None else 8 * len(stream))


def _coarse(codec: str, stream: bytes, height: int, width: int) -> Pixels | None:
    decoded = find_codec(codec).decode(stream[1:]) if stream else None
    return None if decoded is None else resized(decoded, height, width)
