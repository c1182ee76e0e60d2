"""Names of colours."""

import torch
from torch import Tensor

DARK, BRIGHT, GREYISH = 0.22, 0.8, 0.2
"""Values below which a pixel is black and above which it may be white, and the saturation below which it is grey."""
HUES = {
    "red": ((0, 15), (345, 360)),
    "orange": ((15, 45),),
    "yellow": ((45, 70),),
    "green": ((70, 170),),
    "blue": ((170, 260),),
    "purple": ((260, 300),),
    "pink": ((300, 345),),
}
"""Degrees."""
BROWN_VALUE = 0.6
"""An orange or red darker than this is brown."""


def colour_share(pixels: Tensor, colour: str) -> float:
    """The share of pixels [3, count] in [0, 1] that have a colour of `COLOURS`."""
    if pixels.shape[1] == 0:
        return 0.0
    hue, saturation, value = _hsv(pixels.float())
    dark = value < DARK
    grey = ~dark & (saturation < GREYISH)
    plain = {"black": dark, "white": grey & (value > BRIGHT), "grey": grey & (value <= BRIGHT)}
    if colour in plain:
        return float(plain[colour].float().mean())
    coloured = ~dark & ~grey
    warm = ((hue < 45) | (hue >= 345)) & (value < BROWN_VALUE)
    if colour == "brown":
        return float((coloured & warm & (hue >= 10)).float().mean())
    inside = torch.zeros_like(dark)
    for low, high in HUES[colour]:
        inside |= (hue >= low) & (hue < high)
    return float((coloured & inside).float().mean())


def _hsv(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in degrees, saturation and value in [0, 1], each [count]."""
    most, least = pixels.amax(0), pixels.amin(0)
    spread = (most - least).clamp_min(1e-6)
    red, green, blue = pixels
    hue = torch.where(
        most == red,
        (green - blue) / spread % 6,
        torch.where(most == green, (blue - red) / spread + 2, (red - green) / spread + 4),
    )
    return hue * 60 % 360, (most - least) / most.clamp_min(1e-6), most
