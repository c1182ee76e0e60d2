"""The rate map as words of a range code."""

from functools import lru_cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from linksim.blocks.header.context_model import ContextModel

Words = NDArray[np.uint32]

# The compiled module has no type stubs.
_stream: Any = vars(constriction)["stream"]


def encode_map(levels: NDArray[np.int64], count: int) -> Words:
    """Range-code a map of levels in 0..count-1, int64 [rows, cols], row by row."""
    return np.frombuffer(_encode(levels.astype(np.int64).tobytes(), *levels.shape, count), dtype=np.uint32)


def decode_map(words: Words, rows: int, cols: int, count: int) -> NDArray[np.int64]:
    """The inverse of `encode_map`; zero words behind the end do no harm."""
    return np.frombuffer(_decode(words.tobytes(), rows, cols, count), dtype=np.int64).reshape(rows, cols).copy()


# A Monte-Carlo sweep sends the same pictures again and again: their maps are coded once.
@lru_cache(maxsize=256)
def _encode(data: bytes, rows: int, cols: int, count: int) -> bytes:
    levels = np.frombuffer(data, dtype=np.int64).reshape(rows, cols)
    model = ContextModel(rows, cols, count)
    probabilities = np.empty((levels.size, count), dtype=np.float32)
    for index, level in enumerate(levels.ravel().tolist()):
        row, col = divmod(index, cols)
        probabilities[index] = model.predict(row, col)
        model.update(row, col, level)
    encoder = _stream.queue.RangeEncoder()
    family = _stream.model.Categorical(perfect=False)
    encoder.encode(levels.ravel().astype(np.int32), family, probabilities)
    return encoder.get_compressed().tobytes()


@lru_cache(maxsize=256)
def _decode(data: bytes, rows: int, cols: int, count: int) -> bytes:
    decoder = _stream.queue.RangeDecoder(np.frombuffer(data, dtype=np.uint32))
    family = _stream.model.Categorical(perfect=False)
    model = ContextModel(rows, cols, count)
    levels = np.empty((rows, cols), dtype=np.int64)
    for row in range(rows):
        for col in range(cols):
            probabilities = model.predict(row, col).astype(np.float32)
            levels[row, col] = level = int(decoder.decode(family, probabilities[None])[0])
            model.update(row, col, level)
    return levels.tobytes()
