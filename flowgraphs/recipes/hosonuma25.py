"""How the network is trained that draws pictures from painted regions."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from linksim import Block
from linksim.blocks import SalientCrops
from linksim.blocks.generative.candidate_editor import SPREAD, told
from linksim.blocks.picture_codecs.codecs import resized
from linksim.blocks.picture_codecs.painted import SCALES, painted
from linksim.flowgraphs.recipes.editing_recipe import CoarseCropped, EditingRecipe

COARSEST = 8
"""The least quality of a painted picture that is trained on: from there on there are several regions."""
VALIDATION_QUALITY = 17


class PaintedCrops(Block):
    """Crops, painted in one colour for each region, with the noise that makes candidates differ."""

    def __init__(self, *, folders: tuple[str, ...], maps: str, crop: int) -> None:
        super().__init__()
        self.crops = SalientCrops(folders=folders, maps=maps, crop=crop)

    def forward(self, batch: int) -> CoarseCropped:
        original, _, text = self.crops(batch=batch)
        qualities = torch.randint(COARSEST, len(SCALES), (batch,), generator=self.rng, device=self.device)
        noise = torch.randn(original.shape, generator=self.rng, device=self.device)
        sketch = paint(original, qualities.tolist()) + SPREAD * noise
        return CoarseCropped(original, sketch.clamp(0, 1), text=text, **told(original))


@dataclass(kw_only=True)
class Hosonuma25Recipe(EditingRecipe):
    """See `EditingRecipe`: pictures as the codec "painted" sends them, from several regions to hundreds.

    Validation is at about thirty regions.
    """

    def coarse_crops(self) -> Block:
        """See `EditingRecipe`."""
        return PaintedCrops(folders=self.pictures, maps=self.saliency, crop=self.crop)

    def coarse(self, original: Tensor, number: int) -> dict[str, Any]:
        """See `EditingRecipe`."""
        del number
        return {"image": paint(original, [VALIDATION_QUALITY] * len(original)), **told(original)}


def paint(image: Tensor, qualities: list[int]) -> Tensor:
    """Pictures [batch, 3, height, width] as the receiver sees them."""
    height, width = image.shape[2:]
    pixels = (image * 255).round().byte().movedim(1, -1).cpu().numpy()
    drawn = [resized(painted(each, quality), height, width) for each, quality in zip(pixels, qualities, strict=True)]
    stacked = torch.stack([torch.from_numpy(each.copy()) for each in drawn])
    return stacked.movedim(-1, 1).to(image.device).float() / 255
