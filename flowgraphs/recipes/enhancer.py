"""How the receiver's enhancer of decoded pictures is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from linksim import Flowgraph
from linksim.blocks import PSNR, CodedTrainingCrops, PictureEnhancer, WeightedDistortion
from linksim.blocks.sources.coded_crops import coded
from linksim.blocks.sources.training_crops import training_pictures
from linksim.errors import require
from linksim.flowgraphs.recipes.picture_recipe import described_weights
from linksim.training import Recipe, Stage

VALIDATION_SIZE = (512, 1024)


@dataclass(kw_only=True)
class EnhancerRecipe(Recipe):
    """Weighted squared error of what `PictureEnhancer` makes of `CodedTrainingCrops`.

    Args:
        pictures: folders of pictures or of street scenes; see `TrainingPictures`.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
        importance_exponent: patches weigh 2^(exponent*importance); 0 weighs all the same.
        batch: crops in a batch.
        crop: edge of a crop in pixels, a multiple of 64.
        pool: crops that are coded, see `CodedTrainingCrops`.
    """

    pictures: tuple[str, ...]
    start: str | None = None
    importance_exponent: float = 1.0
    batch: int = 8
    crop: int = 256
    pool: int = 4000

    def __post_init__(self) -> None:
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)
        self.enhancer = PictureEnhancer(weights=self.start)
        self.parts = {"enhancer": self.enhancer}

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage("enhancer", 1.0, ("enhancer",), self.graph)]

    def graph(self) -> Flowgraph:
        """Coded crops, enhanced, beside their originals."""
        fg = Flowgraph("enhancer")
        fg.crops = CodedTrainingCrops(
            folders=self.pictures, crop=self.crop, importance_exponent=self.importance_exponent, pool=self.pool
        )
        fg.enhancer, fg.psnr, fg.coded_psnr = self.parts["enhancer"], PSNR(), PSNR()
        fg.distortion = WeightedDistortion(exponent=self.importance_exponent, psnr_weighting=1.0)
        for name in ("image", "detail", "importance"):
            fg.connect(fg.crops[name], fg.enhancer[name])
        for block in (fg.distortion, fg.psnr, fg.coded_psnr):
            fg.connect(fg.crops["original"], block["original"])
        for block in (fg.distortion, fg.psnr):
            fg.connect(fg.enhancer, block["image"])
        fg.connect(fg.crops["image"], fg.coded_psnr["image"])
        for name in ("importance", "mean_weight"):
            fg.connect(fg.crops[name], fg.distortion[name])
        for block, output in ((fg.distortion, "loss"), (fg.psnr, "psnr"), (fg.coded_psnr, "coded_psnr")):
            fg.connect(block, fg[output])
        return fg

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR in dB of held-out pictures as they were decoded, and as they were enhanced."""
        held_out = training_pictures(self.pictures, self.crop).held_out_crops(*VALIDATION_SIZE)
        device = self.enhancer.device
        gains: list[tuple[float, float]] = []
        for number, (original, importance) in enumerate(held_out):
            pixels = (original[0] * 255).round().byte().movedim(0, -1).numpy()
            shown, labels = coded(pixels, importance[0].numpy(), np.random.default_rng(number))
            image = torch.from_numpy(shown.pixels).movedim(-1, 0)[None].to(device).float() / 255
            detail, known = (torch.from_numpy(each)[None].to(device) for each in (shown.detail, labels))
            better = self.enhancer.eval()(image=image, detail=detail, importance=known)
            gains.append((_psnr_db(image.cpu(), original), _psnr_db(better.cpu(), original)))
        if not gains:
            return {}
        before, after = (sum(values) / len(values) for values in zip(*gains, strict=True))
        return {"coded_psnr": before, "psnr": after}

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        described = training_pictures(self.pictures, self.crop).described()
        return {**asdict(self), "start": described_weights(self.start), "pictures": described}


def _psnr_db(image: Tensor, original: Tensor) -> float:
    return float(PSNR()(image=image.clamp(0, 1), original=original).value)
