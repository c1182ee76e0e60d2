"""AVIF without the box structure that the receiver can make itself."""

from functools import cache

import numpy as np

from linksim.blocks.picture_codecs.codec import PillowCodec, Pixels
from linksim.blocks.sources.picture_file import MAX_PIXELS

BARE, WHOLE = 1, 0
SIDE_BYTES = 2


class AVIF(PillowCodec):
    """AV1 still pictures, tuned for PSNR, chroma at full resolution.

    The file format spends 275 bytes on boxes that depend on the size alone. The receiver makes these, and only
    size and AV1 data are sent; where a library writes other boxes than expected, the whole file is.
    Source: AV1 Image File Format, AOMedia; ISO/IEC 14496-12 for the boxes.
    """

    def __init__(self) -> None:
        # Pillow's default tunes for a perceptual metric, which costs 0.4 dB of PSNR, and halves the chroma's sides,
        # which costs another 0.25 dB.
        super().__init__("AVIF", range(101), speed=6, max_threads=1, subsampling="4:4:4", advanced=[("tune", "psnr")])

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        whole = super().encode(pixels, quality)
        height, width = pixels.shape[:2]
        head = self._head(height, width, len(whole))
        if not whole.startswith(head) or max(height, width) >= 1 << 8 * SIDE_BYTES:
            return bytes([WHOLE]) + whole
        sides = b"".join(side.to_bytes(SIDE_BYTES, "big") for side in (height, width))
        return bytes([BARE]) + sides + whole[len(head) :]

    def decode(self, data: bytes) -> Pixels | None:
        if not data or data[0] > BARE:
            return None
        if data[0] == WHOLE:
            return super().decode(data[1:])
        start = 1 + 2 * SIDE_BYTES
        height, width = (int.from_bytes(data[at : at + SIDE_BYTES], "big") for at in (1, 1 + SIDE_BYTES))
        # A damaged stream must not ask for more memory than any picture that can be read.
        if not 0 < height * width <= MAX_PIXELS:
            return None
        boxes = len(self._boxes(height, width))
        return super().decode(self._head(height, width, boxes + len(data) - start) + data[start:])

    def _head(self, height: int, width: int, total: int) -> bytes:
        """All boxes before the AV1 data, in a file of so many bytes."""
        boxes = bytearray(self._boxes(height, width))
        length = total - len(boxes)
        place = boxes.index(b"iloc") - 4
        end = place + int.from_bytes(boxes[place : place + 4], "big")
        boxes[end - 4 : end] = length.to_bytes(4, "big")
        boxes[-8:-4] = (length + 8).to_bytes(4, "big")
        return bytes(boxes)

    @cache  # noqa: B019
    def _boxes(self, height: int, width: int) -> bytes:
        """The boxes of a grey picture of this size, up to the name of the data's own box."""
        grey = np.full((height, width, 3), 128, np.uint8)
        whole = super().encode(grey, self.qualities[0])
        return whole[: whole.index(b"mdat") + 4]
