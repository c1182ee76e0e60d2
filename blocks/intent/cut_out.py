"""The pixels of an object, from where it roughly is and the colours of the picture."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from linksim.errors import LinksimError

EDGE = 320
"""Longer side of the picture that is worked on, in pixels; larger ones are scaled down."""
ROUNDS = 3
SURE, POSSIBLE, HARDLY = 0.8, 0.5, 0.15
"""From which likelihood on a pixel is taken for the object, is supposed to be it, or may be it."""
IN_A_BOX = 0.6
"""Likelihood of the pixels inside a box."""


def cut_out(image: Tensor, likelihood: Tensor) -> Tensor:
    """An object's pixels by GrabCut, bool [height, width]; from a picture [3, height, width] and how likely each of
    its pixels is the object's, [height, width].

    Source: Rother, Kolmogorov and Blake, ACM Trans. Graphics 2004, by OpenCV. Raises `LinksimError` where OpenCV is not
    installed.
    """
    cv2 = _opencv()
    size = likelihood.shape
    scale = min(1.0, EDGE / max(size))
    small = [max(1, round(edge * scale)) for edge in size]
    pixels = functional.interpolate(image[None].float(), small, mode="area")[0]
    likely = functional.interpolate(likelihood[None, None].float(), small, mode="area")[0, 0].cpu().numpy()
    marks = torch.full(small, cv2.GC_BGD, dtype=torch.uint8).numpy()
    marks[likely > HARDLY], marks[likely > POSSIBLE], marks[likely > SURE] = cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD
    if not (likely > POSSIBLE).any() or not (likely <= POSSIBLE).any():
        return likelihood > POSSIBLE
    shown = (pixels.clamp(0, 1) * 255).round().byte().movedim(0, -1).cpu().numpy().copy()
    cv2.setRNGSeed(1)
    cv2.grabCut(shown, marks, None, None, None, ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = torch.from_numpy((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).float()
    return (functional.interpolate(found[None, None], tuple(size))[0, 0] > 0.5).to(likelihood.device)


def box_pixels(box: Sequence[float], image: Tensor) -> Tensor:
    """True inside a box (x0, y0, x1, y1) in pixels, bool [height, width]."""
    mask = torch.zeros(image.shape[-2:], dtype=torch.bool, device=image.device)
    left, top, right, bottom = (max(round(edge), 0) for edge in box)
    mask[top:bottom, left:right] = True
    return mask


def cut_out_box(box: Sequence[float], image: Tensor) -> Tensor:
    """The pixels of the object in a box, bool [height, width]: the whole box where colours tell nothing apart."""
    inside = box_pixels(box, image)
    found = cut_out(image, inside * IN_A_BOX) & inside
    return found if bool(found.any()) else inside


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise LinksimError(
            "opencv-python is not installed; install it with: pip install 'linksim[knowledge]', or give masks"
        ) from None
    return cv2
