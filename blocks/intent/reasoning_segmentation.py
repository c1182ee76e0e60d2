"""Regions by a language model that segments what it has reasoned about: LISA's kind."""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from linksim.blocks.intent.selection import Selection
from linksim.blocks.intent.understanding import Understand, nothing, union, worded
from linksim.blocks.knowledge.caption_models import loaded_pair, pillow_pictures
from linksim.errors import LinksimError
from linksim.randomness import global_state

REQUEST = "<image>Please segment what is asked for: {sentence}"


def reasoning_segmentation(model: str) -> Understand:
    """By Sa2VA or another model that has its `predict_forward`."""

    def understand(sentence: str, image: Tensor) -> Selection:
        line = worded(sentence)
        network, tokenizer = _loaded(model, str(image.device))
        picture = pillow_pictures(image[None])[0]
        with torch.no_grad(), global_state, torch.random.fork_rng():
            answer = network.predict_forward(
                image=picture, text=REQUEST.format(sentence=line), past_text="", mask_prompts=None, tokenizer=tokenizer
            )
        masks = [_as_mask(each, image, model) for each in answer.get("prediction_masks") or []]
        mask = union(masks, image)
        said = " ".join(str(answer.get("prediction", "")).split())[:200]
        if not bool(mask.any()):
            return nothing(image, f"'{model}' segmented nothing for '{line}': {said}")
        return Selection(tuple(range(1, len(masks) + 1)), mask, (f"'{line}': {said}",), found=True)

    return understand


def _as_mask(found: Any, image: Tensor, model: str) -> Tensor:
    mask = torch.as_tensor(found).squeeze()
    if mask.shape != image.shape[1:]:
        raise LinksimError(
            f"'{model}' gave a mask of {'x'.join(map(str, mask.shape))} pixels for a picture of "
            f"{image.shape[1]}x{image.shape[2]}"
        )
    return mask > 0


@cache
def _loaded(model: str, device: str) -> tuple[Any, Any]:
    # These networks bring their own code, which whoever names one lets run.
    tokenizer, network = loaded_pair("AutoTokenizer", "AutoModel", model, device, trust_remote_code=True)
    if not hasattr(network, "predict_forward"):
        raise LinksimError(f"'{model}' segments nothing: it has no predict_forward, as ByteDance/Sa2VA-4B has")
    return network, tokenizer
