"""Who says what is in a picture: a network that shares nothing with those that describe, make or store pictures."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from linksim import Block
from linksim.blocks.knowledge.captioned_pictures import CaptionedPicture, read_captioned_pictures, split_pictures
from linksim.blocks.knowledge.picture_features import lite_network
from linksim.flowgraphs.recipes.vlm_csc import HOLD_OUT
from linksim.types import Image, Score, Uses

Made = Float[Tensor, "batch 3 made_height made_width"]
"""A picture of another size than the one that was sent."""
EDGE, CHUNK, DECAY, SPREAD = 192, 32, 3e-3, 1e-3
SHA256 = "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
"""Of the weights of EfficientNet-Lite1."""


class Probe(NamedTuple):
    """A linear classifier of features: class names, scale of the features, weights."""

    classes: Sequence[str]
    mean: Tensor
    spread: Tensor
    weight: Tensor
    bias: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """[batch, classes] of features [batch, 1280]."""
        return ((features - self.mean) / self.spread) @ self.weight + self.bias


class Judged(NamedTuple):
    """Whether the judge finds the true class in the picture that arrived, and in the one that was sent."""

    right: Score
    right_at_sender: Score


class Judge(Block):
    """EfficientNet-Lite1 and a linear classifier fitted to each third picture of a training set.

    The captioner stands on EfficientNet-Lite0; captioner, picture flow and stored pictures have the other two thirds.
    Both networks were trained on ImageNet before.

    Args:
        train: captioned pictures with labels.

    Shapes: image and original [batch, 3, height, width]; label [batch], the number of the class among those of `train`
    in alphabetical order.
    """

    def __init__(self, *, train: str) -> None:
        super().__init__()
        self.train_file, self.pictures = train, read_captioned_pictures(train)

    def forward(self, image: Made, original: Image, label: Uses) -> Judged:
        probe = fitted(self.train_file)
        made = probe.scores(seen(image.cpu())).argmax(1)
        sent = torch.tensor([_class_of(self.train_file, picture) for picture in original.cpu()])
        return Judged(*(Score((each == label.cpu()).float().to(image.device)) for each in (made, sent)))


_known: dict[tuple[str, bytes], int] = {}


def _class_of(train: str, picture: Tensor) -> int:
    """The class that the judge finds in one picture; the same pictures are sent at each point."""
    key = (train, picture.numpy().tobytes())
    if key not in _known:
        _known[key] = int(fitted(train).scores(seen(picture[None])).argmax())
    return _known[key]


def class_names(pictures: Sequence[CaptionedPicture]) -> list[str]:
    """The classes, in alphabetical order."""
    return sorted({picture.label for picture in pictures})


@cache
def fitted(train: str) -> Probe:
    """The classifier of a training set."""
    pictures = read_captioned_pictures(train)
    classes, own = class_names(pictures), split_pictures(pictures, HOLD_OUT)[1]
    features = torch.cat([seen(_stacked(own[at : at + CHUNK])) for at in range(0, len(own), CHUNK)])
    labels = torch.tensor([classes.index(picture.label) for picture in own])
    mean, spread = features.mean(0), features.std(0) + SPREAD
    scaled = (features - mean) / spread
    weight, bias = torch.zeros(features.shape[1], len(classes), requires_grad=True), torch.zeros(len(classes))
    bias.requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        error = functional.cross_entropy(scaled @ weight + bias, labels) + DECAY / 2 * weight.square().sum()
        error.backward()
        return error

    with torch.enable_grad():
        optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    return Probe(classes, mean, spread, weight.detach(), bias.detach())


def _stacked(pictures: Sequence[CaptionedPicture]) -> Tensor:
    edge = max(max(picture.pixels.shape[1:]) for picture in pictures)
    return torch.stack([picture.image(edge) for picture in pictures])


@torch.no_grad()
def seen(image: Tensor) -> Tensor:
    """Features [batch, 1280] of pictures [batch, 3, height, width]."""
    scaled = functional.interpolate(image.float(), (EDGE, EDGE), mode="bicubic", antialias=True).clamp(0, 1)
    network: Any = lite_network(1, SHA256, "cpu")
    return network.forward_features(2 * scaled - 1).mean((2, 3))
