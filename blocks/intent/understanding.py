"""What the ways of understanding a sentence have in common."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from linksim.blocks.intent.request import LONGEST_REQUEST
from linksim.blocks.intent.selection import Selection
from linksim.errors import LinksimError

OTHERWISE = ("error", "whole", "nothing")
Understand = Callable[[str, Tensor], Selection]
"""From a sentence and a picture [3, height, width] to what it asks for."""


def settled(selection: Selection, sentence: str, otherwise: str) -> Selection:
    """A selection, or what takes its place where nothing was found; see `IntentMask`."""
    if selection.found or otherwise == "nothing":
        return selection
    if otherwise == "error":
        raise LinksimError(f"intent '{sentence:.80}': {' '.join(selection.reasons)}")
    reasons = (*selection.reasons, "So all pixels are kept.")
    return Selection(selection.numbers, torch.ones_like(selection.mask), reasons, found=False)


def worded(sentence: str) -> str:
    """The sentence on one line, for a network of others. Raises `LinksimError` where it has no word or is too long."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in sentence).split())
    if not any(sign.isalnum() for sign in line):
        raise LinksimError("the intent has no word in it; say what you want of the picture")
    if len(line) > LONGEST_REQUEST:
        raise LinksimError(f"the intent must have at most {LONGEST_REQUEST} characters (got {len(line)})")
    return line


def nothing(image: Tensor, *reasons: str) -> Selection:
    """No pixel of a picture [3, height, width], for these reasons."""
    return Selection((), torch.zeros(image.shape[1:], dtype=torch.bool, device=image.device), reasons, found=False)


def union(masks: Sequence[Tensor], image: Tensor) -> Tensor:
    """The pixels that are in any of the masks."""
    mask = torch.zeros(image.shape[1:], dtype=torch.bool, device=image.device)
    for each in masks:
        mask = mask | each.to(image.device)
    return mask
