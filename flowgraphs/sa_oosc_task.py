"""How SA-OOSC's codec is trained: its stages, its loss, its validation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from linksim.blocks import HVLoss, JSCCDecoder, JSCCEncoder, RateAllocator, SystemLoss, WeightedDistortion
from linksim.blocks.jscc.calibration import calibrate
from linksim.blocks.losses.sums import DEFAULT_LAMBDA
from linksim.blocks.metrics.patch_psnr import patch_psnr
from linksim.blocks.sources.training_pictures import TrainingPictures
from linksim.errors import require
from linksim.flowgraphs.sa_oosc import TRANSFORMER_BLOCKS, sa_oosc, sa_oosc_training
from linksim.randomness import derive_seed
from linksim.training import Stage
from linksim.types import Score

PARTS = ("vectorizer", "devectorizer", "jscc_encoder", "jscc_decoder")
CODER = ("jscc_encoder", "jscc_decoder")
VECTORIZER, CODING, SYSTEM = "vectorizer", "coding", "system"
CALIBRATION_PICTURES = 48
MADE_UP, MADE_UP_SHARES, CELL = 0.6, (0.7, 0.1, 0.1, 0.1), 4
"""So many plain pictures get labels by chance, drawn by these shares for areas of so many patches each way: what the
coder learns about importance must not hang on what street scenes hold."""
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


class SAOOSCTask:
    """A `linksim.training.Task`: the vectorizer alone and noiseless, then the joint coder, then all together.

    With weights to start from, the first two stages are done already and left out.
    Source: SA-OOSC appendix 13 and eqs. 13, 20.
    """

    rate_factors: Mapping[str, float] = {".klt.": 0.03, ".boost.": 3.0, ".core.": 0.3}

    def __init__(self, recipe: Recipe, pictures: TrainingPictures, device: torch.device) -> None:
        self.recipe, self.pictures, self.device = recipe, pictures, device
        self.batch = recipe.batch
        self.link = sa_oosc_training(
            weights=recipe.weights,
            transform=recipe.transform,
            least_cbr=recipe.cbr[0],
            most_cbr=recipe.cbr[1],
            fading_share=recipe.fading_share,
            importance_exponent=recipe.importance_exponent,
            evenness=recipe.evenness,
        ).to(device)
        self.link.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._blocks = self.link.blocks
        # The rate's running mean belongs to a checkpoint, but not to what is shipped.
        self.parts: Mapping[str, nn.Module] = {name: self._blocks[name] for name in (*PARTS, "rate")}
        self.hv_loss = HVLoss(rate_weight=recipe.rate_weight)
        self.system_loss = SystemLoss(rate_weight=recipe.rate_weight)
        self.noiseless_distortion = WeightedDistortion(exponent=recipe.importance_exponent)
        self.mean_weight = pictures.mean_labelled(lambda labels: torch.exp2(labels * recipe.importance_exponent))
        self._mean_made_up_weight = sum(
            share * 2 ** (recipe.importance_exponent * label) for label, share in enumerate(MADE_UP_SHARES)
        )
        self._check = sa_oosc(weights=None, transform=recipe.transform, alpha=0.0, header="ideal").to(device)

    @property
    def stages(self) -> Sequence[Stage]:
        """The paper's three stages, or the last alone where the weights are trained already."""
        if self.recipe.weights is not None:
            return [Stage(SYSTEM, 1.0, PARTS)]
        return [Stage(VECTORIZER, 0.08, PARTS[:2]), Stage(CODING, 0.04, CODER), Stage(SYSTEM, 0.88, PARTS)]

    @torch.no_grad()
    def prepare(self, stage: str) -> None:
        """Before the joint coder learns, set its linear cores in closed form."""
        if stage != CODING:
            return
        low, high = self.recipe.cbr
        rate = RateAllocator(target_cbr=(low * high) ** 0.5, alpha=0.0)
        latents: list[Tensor] = []
        lengths: list[Tensor] = []
        for image in self.pictures.calibration_pictures(CALIBRATION_PICTURES):
            tokens, size = self._blocks["tokenizer"](image=image)
            seen = self._blocks["vectorizer"].eval()(tokens=tokens.to(self.device))
            latents.append(seen.latent.cpu())
            lengths.append(rate(entropy=seen.entropy.cpu(), size=size).lengths)
        blocks = TRANSFORMER_BLOCKS[self.recipe.transform]
        encoder, decoder = JSCCEncoder(transformer_blocks=blocks), JSCCDecoder(transformer_blocks=blocks)
        calibrate(encoder, decoder, latents, lengths)
        for name, fresh in (("jscc_encoder", encoder), ("jscc_decoder", decoder)):
            self._blocks[name].load_state_dict(fresh.state_dict())

    def loss(self, stage: str, seed: int) -> tuple[Tensor, dict[str, float]]:
        """One batch; see `Task`."""
        generator = torch.Generator().manual_seed(seed)
        image, importance, labelled = (t.to(self.device) for t in self.pictures.batch(self.batch, generator))
        importance, made_up = self._made_up_labels(importance, labelled, generator)
        mean_weight = torch.where(labelled, self.mean_weight, 1.0)
        mean_weight = torch.where(made_up, self._mean_made_up_weight, mean_weight)
        low, high = self.recipe.snr_db
        snr_db = (low + (high - low) * torch.rand(self.batch, generator=generator)).to(self.device)
        self.link.seed(derive_seed(seed, "noise"))
        figures: dict[str, float] = dict.fromkeys(
            ("end_to_end_db", "noiseless_db", "bits_per_pixel", "mean_uses"), math.nan
        )
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.recipe.half):
            if stage == VECTORIZER:
                seen = self._blocks["vectorizer"](tokens=self._blocks["tokenizer"](image=image).tokens)
                rate = self._blocks["bits"](entropy=seen.entropy, hyper_bits=seen.hyper_bits)
                noiseless, rebuilt = self._noiseless(image, importance, mean_weight, seen.quantized)
                total = self.hv_loss(distortion=noiseless, rate=rate)
            else:
                out = self.link(
                    image=image, importance=importance, mean_weight=mean_weight, snr_db=snr_db, probe=["rate.lengths"]
                )
                figures["end_to_end_db"] = _decibels(out["image"], image)
                figures["mean_uses"] = float(out["rate.lengths"].float().mean())
                if stage == CODING:
                    return out["distortion"].value.mean(), figures
                rate = out["rate"]
                noiseless, rebuilt = self._noiseless(image, importance, mean_weight, out["quantized"])
                total = self.system_loss(distortion=out["distortion"], noiseless_distortion=noiseless, rate=rate)
        figures["noiseless_db"] = _decibels(rebuilt, image)
        figures["bits_per_pixel"] = float(rate.value.detach().mean())
        return total.value.mean(), figures

    def _made_up_labels(
        self, importance: Tensor, labelled: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Labels by chance for some of the plain pictures, and which those are, bool [batch]."""
        batch, rows, cols = importance.shape
        made_up = ~labelled & (torch.rand(batch, generator=generator) < MADE_UP).to(labelled.device)
        cells = -(-rows // CELL), -(-cols // CELL)
        drawn = torch.multinomial(
            torch.tensor(MADE_UP_SHARES), batch * cells[0] * cells[1], replacement=True, generator=generator
        )
        labels = drawn.view(batch, *cells).repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)[:, :rows, :cols]
        return torch.where(made_up[:, None, None], labels.to(importance.device), importance), made_up

    def _noiseless(
        self, image: Tensor, importance: Tensor, mean_weight: Tensor, quantized: Tensor
    ) -> tuple[Score, Tensor]:
        """The vectorizer's own distortion, no channel between, and its picture."""
        tokens = self._blocks["devectorizer"](latent=quantized)
        size = torch.tensor([image.shape[2:]], device=self.device)
        rebuilt = self._blocks["detokenizer"](tokens=tokens, size=size)
        distortion = self.noiseless_distortion(
            image=rebuilt, original=image, importance=importance, mean_weight=mean_weight
        )
        return distortion, rebuilt

    def validate(self) -> dict[str, float]:
        """PSNR and non-background patch PSNR in dB over AWGN at 0, 10 and 20 dB, CBR 0.0201, alpha 0."""
        for name in PARTS:
            self._check.blocks[name].load_state_dict(self.parts[name].state_dict())
        found: dict[str, list[float]] = {}
        for image, importance in self.pictures.held_out_crops(*VALIDATION_SIZE):
            for snr_db in VALIDATION_SNRS_DB:
                with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.recipe.half):
                    run = self._check.run(image=image.to(self.device), snr_db=snr_db, seed=1)
                found.setdefault(f"psnr_{snr_db:g}dB", []).append(float(run["psnr"].value[0]))
                quality = patch_psnr(run["image"].cpu(), image)[importance > 0]
                if len(quality):
                    found.setdefault(f"nonbackground_{snr_db:g}dB", []).append(float(quality.mean()))
        return {name: sum(values) / len(values) for name, values in found.items()}


def _decibels(image: Tensor, original: Tensor) -> float:
    """Mean over the pictures of the PSNR in dB, nothing clamped or rounded."""
    error = (image.detach().float() - original).square().mean((1, 2, 3))
    return float((-10 * torch.log10(error.clamp_min(1e-9))).mean())
