"""What a picture codec is, and those that Pillow has."""

import io
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError, RuntimeError)
"""What the codecs' libraries raise, in turn, where a stream is damaged."""

Pixels = NDArray[np.uint8]
"""RGB, [height, width, 3]."""


class PictureCodec(ABC):
    """A codec with a scale of qualities; more quality never takes fewer bytes, but for exceptions of some bytes."""

    qualities: range

    @abstractmethod
    def encode(self, pixels: Pixels, quality: int) -> bytes:
        """One picture as a stream that ends by itself."""

    @abstractmethod
    def decode(self, data: bytes) -> Pixels | None:
        """The inverse; None where the stream cannot be decoded."""

    def decode_prefix(self, data: bytes) -> Pixels | None:
        """What the beginning of a stream shows; None where the codec needs all of it."""
        del data
        return None


class PillowCodec(PictureCodec):
    """A codec that Pillow has, with the settings given."""

    def __init__(self, form: str, qualities: range, **settings: Any) -> None:
        self._form, self.qualities, self._settings = form, qualities, settings

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        return self._save(pixels, quality=quality)

    def _save(self, pixels: Pixels, **more: Any) -> bytes:
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, self._form, **self._settings, **more)
        return stream.getvalue()

    def decode(self, data: bytes) -> Pixels | None:
        from PIL import Image

        try:
            return np.asarray(Image.open(io.BytesIO(data), formats=[self._form]).convert("RGB"))
        except BROKEN:
            return None
        except Image.DecompressionBombError:
            return None
