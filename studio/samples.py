"""Pictures that ship with scikit-image and that anybody may show."""

import io

from PIL import Image

SAMPLES = {"astronaut": "astronaut", "cat": "chelsea", "coffee": "coffee"}
"""By name, as scikit-image calls them."""


def sample_picture(name: str) -> bytes:
    """A picture of `SAMPLES` as a PNG file."""
    from skimage import data

    stream = io.BytesIO()
    Image.fromarray(getattr(data, SAMPLES[name])()).save(stream, "png", compress_level=1)
    return stream.getvalue()
