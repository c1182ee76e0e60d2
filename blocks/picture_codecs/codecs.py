"""Picture codecs as plain functions: pixels and a quality to bytes, and back."""

import io
import math
from functools import cache
from typing import Any

import numpy as np

from linksim.blocks.picture_codecs.avif import AVIF
from linksim.blocks.picture_codecs.codec import BROKEN, PictureCodec, PillowCodec, Pixels
from linksim.blocks.picture_codecs.painted import PaintedRegions
from linksim.errors import LinksimError, ParameterError, nearest

LIBRARY = "pillow"
"""The distribution whose version is part of what identifies results."""


class JPEG(PillowCodec):
    """Progressive JPEG: scans refine the whole picture, so that a prefix shows it coarsely."""

    def __init__(self) -> None:
        super().__init__("JPEG", range(1, 96), optimize=True, progressive=True)

    def decode_prefix(self, data: bytes) -> Pixels | None:
        # With an end marker a decoder takes what there is.
        return self.decode(data + b"\xff\xd9")


class JPEG2000(PillowCodec):
    """JPEG 2000 in quality layers: whole layers of a prefix show the picture as their rates would.

    A quality is a step of 2 % in rate, from 4,000 times smaller than the pixels to 4 times.
    """

    LAYERS = 8

    def __init__(self) -> None:
        super().__init__("JPEG2000", range(350), irreversible=True, no_jp2=True, quality_mode="rates")

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        ratio = 4000.0 / 1.02**quality
        # Each layer has half of the bytes again.
        return self._save(pixels, quality_layers=[ratio * 1.5**i for i in reversed(range(self.LAYERS))])

    def decode_prefix(self, data: bytes) -> Pixels | None:
        found = (self._decode_layers(data, layers) for layers in range(self.LAYERS, 0, -1))
        return next((pixels for pixels in found if pixels is not None), None)

    def _decode_layers(self, data: bytes, layers: int) -> Pixels | None:
        """As if the picture had this many layers, in one tile part that ends where the data end."""
        style, part = data.find(b"\xff\x52"), data.find(b"\xff\x90")
        if style < 0 or part < 0 or part + 10 > len(data):
            return None
        changed = bytearray(data)
        changed[style + 6 : style + 8] = layers.to_bytes(2, "big")
        changed[part + 6 : part + 10] = (len(data) - part).to_bytes(4, "big")
        return self.decode(bytes(changed) + b"\xff\xd9")


class HEIF(PictureCodec):
    """HEVC intra, which the papers call BPG, by pillow-heif, tuned for PSNR."""

    qualities = range(101)

    def __init__(self) -> None:
        try:
            import pillow_heif
        except ImportError:
            raise LinksimError("pillow-heif is not installed; install it with: pip install 'linksim[heif]'") from None
        self._library: Any = pillow_heif

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        stream = io.BytesIO()
        height, width = pixels.shape[:2]
        self._library.from_bytes("RGB", (width, height), pixels.tobytes()).save(
            stream, quality=quality, enc_params={"tune": "psnr"}
        )
        return stream.getvalue()

    def decode(self, data: bytes) -> Pixels | None:
        try:
            return np.asarray(self._library.open_heif(io.BytesIO(data)).to_pillow().convert("RGB"))
        except BROKEN:
            return None


class CompressAICodec(PictureCodec):
    """A learned codec of CompressAI, with the weights that its model zoo keeps in torch's hub folder."""

    def __init__(self, model: str) -> None:
        from compressai import zoo
        from compressai.zoo.image import model_urls

        names = sorted(set(model_urls) & set(zoo.image_models))
        if model not in names:
            raise ParameterError(f"CompressAI has no model '{model}'; {nearest(model, names)}")
        self._model = model
        self.qualities = range(min(model_urls[model]["mse"]), max(model_urls[model]["mse"]) + 1)

    @cache  # noqa: B019
    def _network(self, quality: int) -> Any:
        from compressai import zoo

        try:
            return zoo.image_models[self._model](quality, metric="mse", pretrained=True).eval()
        except (OSError, RuntimeError) as error:
            raise LinksimError(
                f"the weights of CompressAI's '{self._model}' at quality {quality} are not in torch's hub folder, and "
                f"cannot be fetched: {error}"
            ) from error

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        import torch

        height, width = pixels.shape[:2]
        padded = np.pad(pixels, ((0, -height % 64), (0, -width % 64), (0, 0)), mode="edge")
        tensor = torch.from_numpy(padded).movedim(-1, 0)[None].float() / 255
        with torch.no_grad():
            coded = self._network(quality).compress(tensor)
        parts = [bytes(strings[0]) for strings in coded["strings"]]
        head = [height, width, *coded["shape"], len(parts), *map(len, parts)]
        return bytes([quality]) + b"".join(number.to_bytes(3, "big") for number in head) + b"".join(parts)

    def decode(self, data: bytes) -> Pixels | None:
        import torch

        if not data or data[0] not in self.qualities:
            return None
        network = self._network(data[0])
        try:
            numbers = [int.from_bytes(data[i : i + 3], "big") for i in range(1, len(data) - 2, 3)]
            height, width, rows, cols, count = numbers[:5]
            place, parts = 1 + 3 * (5 + count), []
            for length in numbers[5 : 5 + count]:
                parts.append([data[place : place + length]])
                place += length
            with torch.no_grad():
                image = network.decompress(parts, (rows, cols))["x_hat"][0]
        except BROKEN:
            return None
        whole = (image.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
        return whole[:height, :width]


CODECS = {
    "jpeg": JPEG,
    "jpeg2000": JPEG2000,
    "webp": lambda: PillowCodec("WEBP", range(101), method=6),
    "avif": AVIF,
    "heif": HEIF,
}
"""The codecs by name; those of CompressAI are called compressai:MODEL."""
STRUCTURES = {"painted": PaintedRegions}
"""Those that send what a picture is made of, not the picture: for a receiver that draws."""


@cache
def find_codec(name: str) -> PictureCodec:
    """The codec of that name. Raises `ParameterError` with the nearest name, `LinksimError` where its library is not
    there."""
    if name.startswith("compressai:"):
        return CompressAICodec(name.partition(":")[2])
    known = {**CODECS, **STRUCTURES}
    if name not in known:
        raise ParameterError(f"no codec '{name}'; {nearest(name, [*known, 'compressai:MODEL'])}")
    return known[name]()


def smaller(pixels: Pixels, scale: int) -> Pixels:
    """The picture with both sides divided by 2^scale, rounded up."""
    height, width = pixels.shape[:2]
    return resized(pixels, math.ceil(height / (1 << scale)), math.ceil(width / (1 << scale)))


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """The picture at that size, by Lanczos."""
    from PIL import Image

    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))
