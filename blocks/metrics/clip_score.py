"""CLIP-Score, where a CLIP is there."""

from functools import cache
from typing import Any

import torch
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.knowledge.caption_models import loaded_pair, pillow_pictures
from linksim.errors import require
from linksim.randomness import global_state
from linksim.types import Image, Score, Text


class CLIPScore(Block):
    """100 times the cosine of CLIP's features of a picture and of a sentence, 0 where it is negative: higher is better.

    It asks whether a picture shows what a sentence says, not whether it is the picture that was sent. Papers with
    different CLIPs cannot be compared. Sentences are cut to the 77 tokens that CLIP reads. `FeatureCosine` needs
    nothing from elsewhere, and is another metric.

    Args:
        model: a local folder of a CLIP, or a name that the hub's cache has or the hub gives (extra `knowledge`).

    Shapes: image [batch, 3, height, width]; text [batch, bytes]; out.value [batch]. No gradient.
    Source: Hessel et al., EMNLP 2021, without its factor of 2.5, as torchmetrics has it.

    Raises:
        ParameterError: `model` is empty.
        LinksimError: transformers is not installed, or the model is not there and cannot be fetched.

    >>> CLIPScore()
    CLIPScore(model='openai/clip-vit-base-patch16')
    """

    def __init__(self, *, model: str = "openai/clip-vit-base-patch16") -> None:
        super().__init__()
        require(bool(model), "model", "a folder or a name", repr(model))
        self.model = model

    @torch.no_grad()
    def forward(self, image: Image, text: Text) -> Score:
        processor, network = _loaded(self.model, str(image.device))
        inputs = processor(
            images=pillow_pictures(image), text=text.sentences, return_tensors="pt", padding=True, truncation=True
        ).to(image.device)
        with global_state:
            out = network(**inputs)
        cosine = functional.cosine_similarity(out.image_embeds.float(), out.text_embeds.float(), dim=1)
        return Score(100 * cosine.clamp_min(0))


@cache
def _loaded(model: str, device: str) -> tuple[Any, Any]:
    return loaded_pair("CLIPProcessor", "CLIPModel", model, device)
