"""Pictures from files."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image as PillowImage
from PIL import ImageOps, UnidentifiedImageError
from torch import Tensor

from linksim.block import Block
from linksim.errors import DimensionError, FileError, require
from linksim.types import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".gif", ".jp2"})
MOST_PIXELS = 1 << 27


def list_pictures(path: Path) -> list[Path]:
    """The picture files of a folder in the order of their names, or the one file given.

    Raises `FileError` where there is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileError(f"no picture or folder at '{path}'")
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
    if not found:
        raise FileError(f"no pictures in folder '{path}' (looked for {', '.join(sorted(SUFFIXES))})")
    return found


def read_picture(path: Path) -> Tensor:
    """One picture as float [3, height, width], RGB in [0, 1].

    EXIF rotation is applied, grey becomes RGB, transparency is laid over white. 16-bit grey keeps its depth; 16-bit
    colour is read as 8 bits, which is what Pillow gives.
    Raises `FileError` naming the file where it is missing, broken, or over 2^27 pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PillowImage.DecompressionBombWarning)
            with PillowImage.open(path) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise FileError(
                        f"'{path}' has {opened.width}x{opened.height} pixels; at most {MOST_PIXELS} can be read"
                    )
                opened.load()
                return _to_tensor(ImageOps.exif_transpose(opened))
    except FileNotFoundError:
        raise FileError(f"no picture at '{path}'") from None
    except UnidentifiedImageError:
        raise FileError(f"'{path}' is no picture in a known format") from None
    except FileError:
        raise
    except (PillowImage.DecompressionBombWarning, PillowImage.DecompressionBombError) as error:
        raise FileError(f"'{path}' is too large: {error}") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError) as error:
        raise FileError(f"'{path}' cannot be read as a picture: {error}") from None


def _to_tensor(picture: PillowImage.Image) -> Tensor:
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, dtype=np.float32)
        # Deep integers are 16-bit files; floats come in [0, 1] or as 8-bit values.
        full_scale = 65535.0 if picture.mode.startswith("I") else 1.0 if values.max(initial=0.0) <= 1.0 else 255.0
        return torch.from_numpy(values / full_scale).clamp(0, 1).expand(3, -1, -1).contiguous()
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = PillowImage.new("RGBA", picture.size, "white")
        picture = PillowImage.alpha_composite(white, picture)
    values = np.array(picture.convert("RGB"))
    return torch.from_numpy(values).permute(2, 0, 1).float() / 255.0


class PictureSource(Block):
    """Pictures from a file or a folder, in the order of their names, again from the start when they run out.

    A run begins with the first picture, like everything that is seeded; calls go on where the last one stopped.

    Shapes: out [batch, 3, height, width]; the pictures of one batch must have one size.
    `broken` says what a file that cannot be read does: "refuse" raises, "skip" warns and goes on.

    Raises:
        FileError: nothing there, or a broken picture with broken="refuse".
        DimensionError: pictures of several sizes in one batch.

    >>> from skimage import data
    >>> PictureSource(path=data.data_dir + "/astronaut.png")(batch=1).shape
    torch.Size([1, 3, 512, 512])
    """

    def __init__(self, *, path: str, broken: Literal["refuse", "skip"] = "refuse") -> None:
        super().__init__()
        require(broken in ("refuse", "skip"), "broken", "'refuse' or 'skip'", broken)
        self.path, self.broken = Path(path), broken

    def forward(self, batch: int) -> Image:
        paths = list_pictures(self.path)
        pictures: list[Tensor] = []
        failures = 0
        while len(pictures) < batch:
            path = paths[self.advance() % len(paths)]
            try:
                pictures.append(read_picture(path))
            except FileError as error:
                failures += 1
                if self.broken == "refuse" or failures >= len(paths):
                    raise
                warnings.warn(f"skipped: {error}", stacklevel=2)
        return _stack(pictures).to(self.device)


def _stack(pictures: Sequence[Tensor]) -> Tensor:
    sizes = {tuple(picture.shape[1:]) for picture in pictures}
    if len(sizes) > 1:
        words = ", ".join(f"{height}x{width}" for height, width in sorted(sizes))
        raise DimensionError(f"the pictures of one batch must have one size (got {words}); use batch=1")
    return torch.stack(list(pictures))


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture as `read_picture` gives it, from its header alone. Raises `FileError`."""
    try:
        with PillowImage.open(path) as opened:
            width, height = opened.size
            # Orientations 5 to 8 lie on their side (EXIF tag 274).
            return (width, height) if opened.getexif().get(274, 1) >= 5 else (height, width)
    except (OSError, ValueError, SyntaxError) as error:
        raise FileError(f"cannot read the picture '{path}': {error}") from None
