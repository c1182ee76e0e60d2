"""Where in a picture the things are that a sentence names."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.knowledge.caption_models import loaded_pair, pillow_pictures
from linksim.blocks.knowledge.class_words import class_scores, named_classes
from linksim.errors import require
from linksim.randomness import global_state
from linksim.types import Image, ScoreMap, Text

PLACE = 8
"""Edge of a place of the map in pixels."""
TEMPERATURE = 0.07
"""Of the cosine, as DenseCLIP has it; GenED-SC prints none."""

Match = Callable[[Tensor, str], Tensor]
"""From a picture [3, height, width] and a sentence to a map [rows, cols] of any size."""


class SemanticScoreMap(Block):
    """How well each place of a picture matches a sentence: what GenED-SC's predictor learns from, in training alone.

    - "classes": the logits of EfficientNet-Lite0's classes that the sentence names, the best of them at each place,
      less the mean over the picture, in units of its standard deviation (extra `knowledge`). A sentence that names no
      class of ImageNet, as one of persons, gives 0 everywhere. This is eq. 30 with another encoder.
    - "clip": cosine of CLIP's features of each place and of the sentence, over 0.07 (extra `knowledge`). `model` is a
      local folder, or a name that the hub's cache has or the hub gives, as "openai/clip-vit-base-patch16".

    Args:
        backend: "classes" or "clip".
        model: see above.

    Shapes: image [batch, 3, height, width]; text [batch, bytes]; out [batch, height/8, width/8], rounded up, linear
    between the encoder's places. No gradient.
    Source: GenED-SC (arXiv 2606.04015), eqs. 27 to 30; DenseCLIP, Rao et al., CVPR 2022.

    Raises:
        ParameterError: `backend` is unknown, it needs a `model` and none is given, or it takes none.
        LinksimError: a package or its weights are missing.

    >>> SemanticScoreMap()(image=torch.rand(1, 3, 48, 64), text=Text.of(["a dog"])).shape
    torch.Size([1, 6, 8])
    """

    def __init__(self, *, backend: str = "classes", model: str = "") -> None:
        super().__init__()
        require(backend in MATCHES, "backend", f"one of {', '.join(MATCHES)}", backend)
        local = backend == "classes"
        require(local != bool(model), "model", f"{'left out' if local else 'given'} for '{backend}'", repr(model))
        self._match = MATCHES[backend](model)

    @torch.no_grad()
    def forward(self, image: Image, text: Text) -> ScoreMap:
        size = [-(-side // PLACE) for side in image.shape[2:]]
        found = [self._match(picture, sentence) for picture, sentence in zip(image, text.sentences, strict=True)]
        maps = [functional.interpolate(each[None, None].float(), size, mode="bilinear")[0, 0] for each in found]
        return torch.stack(maps).to(image.device)


def _classes(_model: str) -> Match:
    def match(picture: Tensor, sentence: str) -> Tensor:
        scores, named = class_scores(picture), named_classes(sentence)
        if not named:
            return torch.zeros_like(scores[0])
        best = scores[named].amax(0)
        return (best - best.mean()) / best.std().clamp_min(1e-6) if best.numel() > 1 else torch.zeros_like(best)

    return match


def _clip(model: str) -> Match:
    def match(picture: Tensor, sentence: str) -> Tensor:
        processor, network = _loaded(model, str(picture.device))
        inputs = processor(
            images=pillow_pictures(picture[None]), text=[sentence], return_tensors="pt", padding=True, truncation=True
        ).to(picture.device)
        with global_state:
            said = network.text_model(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
            ).pooler_output
            seen = network.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state[:, 1:]
            said = network.text_projection(said)
            seen = network.visual_projection(network.vision_model.post_layernorm(seen))
        cosine = functional.cosine_similarity(seen[0], said, dim=-1)
        edge = round(len(cosine) ** 0.5)
        return cosine.view(edge, edge) / TEMPERATURE

    return match


@cache
def _loaded(model: str, device: str) -> tuple[Any, Any]:
    return loaded_pair("CLIPProcessor", "CLIPModel", model, device)


MATCHES: Mapping[str, Callable[[str], Match]] = {"classes": _classes, "clip": _clip}
