"""What a classifier of photographs sees, in words."""

import re
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.knowledge.picture_features import SHA256, lite_network

EDGE, STRIDE = 384, 32
"""Longer side in pixels to which a picture is scaled, and the edge in pixels of a place of the network's map."""
MOST_CLASSES, LEAST_PROBABILITY = 3, 0.05
UNSURE = "something that the classifier does not know"


@cache
def class_names() -> Sequence[str]:
    """ImageNet's 1,000 classes, the first name of each."""
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    return [str(info.index_to_description(number)).split(",")[0].lower() for number in range(1000)]


def class_sentences(image: Tensor) -> list[str]:
    """For each picture [batch, 3, height, width] the names of up to three classes, the likeliest first."""
    sentences: list[str] = []
    for scores in (class_scores(picture) for picture in image):
        found = torch.softmax(scores.mean((1, 2)), 0).topk(MOST_CLASSES)
        pairs = zip(found.values.tolist(), found.indices.tolist(), strict=True)
        names = [class_names()[int(number)] for probability, number in pairs if probability >= LEAST_PROBABILITY]
        sentences.append(", ".join(names) or UNSURE)
    return sentences


@torch.no_grad()
def class_scores(picture: Tensor, edge: int = EDGE) -> Tensor:
    """The classifier's logits at each place of its last map, [1000, rows, cols], of a picture [3, height, width] whose
    longer side is scaled to `edge` pixels."""
    scale = edge / max(picture.shape[1:])
    size = [max(1, round(side * scale / STRIDE)) * STRIDE for side in picture.shape[1:]]
    with torch.autocast(picture.device.type, enabled=False):
        scaled = functional.interpolate(picture[None].float(), size, mode="bicubic", antialias=True).clamp(0, 1)
        network = lite_network(0, SHA256, str(picture.device))
        features = network.forward_features(2 * scaled - 1)[0]  # pyright: ignore[reportCallIssue]
        head = network.classifier
        assert isinstance(head, nn.Linear)
        return torch.einsum("kc,chw->khw", head.weight, features) + head.bias[:, None, None]


def named_classes(sentence: str) -> list[int]:
    """The classes of which a name's last word, which says what a thing is, stands in the sentence."""
    said = set(_words(sentence))
    return [number for number, name in enumerate(class_names()) if _words(name)[-1] in said]


def _words(text: str) -> list[str]:
    """Its words, without a plural's s."""
    return [re.sub(r"(?<=[a-z]{3})s$", "", word) for word in re.findall(r"[a-z]+", text.lower())]
