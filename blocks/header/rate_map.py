"""The rate map as words of a range code, after the map of what the content alone would get if the two differ."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from linksim.blocks.header.context_model import ContextModel, ShiftModel

Levels = NDArray[np.int64]
Words = NDArray[np.uint32]
Floats = NDArray[np.float32]
Coder = Callable[[Floats], int]
"""Given the probabilities of the levels, the level that stands at this place."""

# The compiled module has no type stubs.
_stream: Any = vars(constriction)["stream"]
_FAMILY = _stream.model.Categorical(perfect=False)


def encode_map(levels: Levels, count: int, base_rate: Levels | None = None) -> Words:
    """Range-code a map of levels in 0..count-1, int64 [rows, cols], row by row, after its content's if given."""
    maps = [np.ascontiguousarray(each, dtype=np.int64) for each in (base_rate, levels) if each is not None]
    return np.frombuffer(_encode(b"".join(each.tobytes() for each in maps), *levels.shape, count), dtype=np.uint32)


def decode_map(words: Words, rows: int, cols: int, count: int, told: bool = False) -> tuple[Levels, Levels]:
    """The inverse of `encode_map`, (levels, content): zero words behind the end do no harm."""
    maps = np.frombuffer(_decode(words.tobytes(), rows, cols, count, told), dtype=np.int64).reshape(-1, rows, cols)
    return maps[-1].copy(), maps[0].copy()


# A Monte-Carlo sweep sends the same pictures again and again: their maps are coded once.
@lru_cache(maxsize=256)
def _encode(data: bytes, rows: int, cols: int, count: int) -> bytes:
    known = np.frombuffer(data, dtype=np.int64)
    probabilities: list[Floats] = []

    def look_up(predicted: Floats) -> int:
        probabilities.append(predicted)
        return int(known[len(probabilities) - 1])

    _walk(look_up, rows, cols, count, told=len(known) > rows * cols)
    encoder = _stream.queue.RangeEncoder()
    encoder.encode(known.astype(np.int32), _FAMILY, np.stack(probabilities))
    return encoder.get_compressed().tobytes()


@lru_cache(maxsize=256)
def _decode(data: bytes, rows: int, cols: int, count: int, told: bool) -> bytes:
    decoder = _stream.queue.RangeDecoder(np.frombuffer(data, dtype=np.uint32))
    return _walk(lambda predicted: int(decoder.decode(_FAMILY, predicted[None])[0]), rows, cols, count, told).tobytes()


def _walk(code: Coder, rows: int, cols: int, count: int, told: bool) -> Levels:
    """Both coders' way over the maps, [1 or 2, rows, cols]: the same models see the same levels in the same order."""
    first = np.empty((rows, cols), dtype=np.int64)
    _walk_map(code, ContextModel(rows, cols, count), first)
    if not told:
        return first[None]
    second = np.empty((rows, cols), dtype=np.int64)
    _walk_map(code, ShiftModel(first, count), second)
    return np.stack([first, second])


def _walk_map(code: Coder, model: ContextModel | ShiftModel, levels: Levels) -> None:
    for row, col in np.ndindex(levels.shape):
        levels[row, col] = level = code(model.predict(row, col).astype(np.float32))
        model.update(row, col, level)
