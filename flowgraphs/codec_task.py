"""What the training of every codec shares: the recipe, the SNRs, the validation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from linksim import Flowgraph
from linksim.blocks.losses.sums import DEFAULT_LAMBDA
from linksim.blocks.metrics.patch_psnr import patch_psnr
from linksim.blocks.sources.training_pictures import TrainingPictures
from linksim.errors import require
from linksim.training import Stage

VALIDATION_SIZE = (512, 1024)
VALIDATION_SNRS_DB = (0.0, 10.0, 20.0)


@dataclass(frozen=True)
class Recipe:
    """What is trained for, and how."""

    snr_db: tuple[float, float] = (0.0, 20.0)
    cbr: tuple[float, float] = (0.012, 0.09)
    fading_share: float = 0.25
    importance_exponent: float = 2.0
    rate_weight: float = DEFAULT_LAMBDA
    evenness: float = 1.0
    batch: int = 8
    crop: int = 256
    half: bool = True
    """Whether networks compute in bfloat16."""
    weights: str | None = None
    transform: str = "conv"
    """"swin" is the paper's size."""

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-5 <= low <= high <= 25, "snr", "two rising numbers in -5..25 dB", self.snr_db)
        low, high = self.cbr
        require(0 < low <= high < 1, "cbr", "two rising numbers in 0..1", self.cbr)
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)


class CodecTask(ABC):
    """A `linksim.training.Task` about a flowgraph for training and a link that judges.

    `shipped` says which blocks of the flowgraph are written when a run ends, by the name of the part that they become.
    """

    shipped: Mapping[str, str]
    rate_factors: Mapping[str, float] = {".klt.": 0.03}

    def __init__(
        self, recipe: Recipe, pictures: TrainingPictures, device: torch.device, link: Flowgraph, judge: Flowgraph
    ) -> None:
        self.recipe, self.pictures, self.device = recipe, pictures, device
        self.batch = recipe.batch
        self.link, self.judge = link.to(device), judge.to(device)
        self.link.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.blocks = self.link.blocks
        self.parts: Mapping[str, nn.Module] = {name: self.blocks[name] for name in self.shipped.values()}

    @property
    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """The schedule."""

    @abstractmethod
    def prepare(self, stage: str) -> None:
        """Called once before the first step of a stage."""

    @abstractmethod
    def loss(self, stage: str, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of one batch drawn from `seed`, and figures for the log."""

    def draw_snr_db(self, generator: torch.Generator) -> Tensor:
        """An SNR for each picture of a batch, [batch] in dB."""
        low, high = self.recipe.snr_db
        return (low + (high - low) * torch.rand(self.batch, generator=generator)).to(self.device)

    def half_precision(self) -> torch.autocast:
        """Networks compute in bfloat16 inside, where the recipe says so."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.recipe.half)

    def validate(self) -> dict[str, float]:
        """PSNR and non-background patch PSNR in dB over AWGN at 0, 10 and 20 dB, CBR 0.0201, importance not heeded."""
        for name in self.shipped.values():
            self.judge.blocks[name].load_state_dict(self.parts[name].state_dict())
        found: dict[str, list[float]] = {}
        for image, importance in self.pictures.held_out_crops(*VALIDATION_SIZE):
            for snr_db in VALIDATION_SNRS_DB:
                with self.half_precision():
                    run = self.judge.run(image=image.to(self.device), snr_db=snr_db, seed=1)
                found.setdefault(f"psnr_{snr_db:g}dB", []).append(float(run["psnr"].value[0]))
                quality = patch_psnr(run["image"].cpu(), image)[importance > 0]
                if len(quality):
                    found.setdefault(f"nonbackground_{snr_db:g}dB", []).append(float(quality.mean()))
        return {name: sum(values) / len(values) for name, values in found.items()}


def mean_decibels(image: Tensor, original: Tensor) -> float:
    """Mean over the pictures of the PSNR in dB, nothing clamped or rounded."""
    error = (image.detach().float() - original).square().mean((1, 2, 3))
    return float((-10 * torch.log10(error.clamp_min(1e-9))).mean())
