"""How GenED-SC's first stage is trained: from end to end, on pictures with maps of what is salient."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from linksim import Flowgraph
from linksim.blocks import (
    PSNR,
    ContextualLoss,
    ForegroundDistortion,
    ForegroundRate,
    GenEDLoss,
    RandomForegroundRate,
    RegionPSNR,
    SalientCrops,
    SemanticMatchingLoss,
    UniformDecibels,
)
from linksim.blocks.generative.codec import take_swinjscc
from linksim.blocks.sources.salient_crops import held_out_salient
from linksim.errors import require
from linksim.flowgraphs.parts import GenEDCodec, IdealHeader, picture_link
from linksim.flowgraphs.parts.training_link import training_link
from linksim.flowgraphs.recipes.picture_recipe import described_salient, described_weights
from linksim.training import Recipe, Stage
from linksim.types import PATCH
from linksim.weights import holds_part, weights_path

VALIDATION_SNRS_DB = (1.0, 10.0)
VALIDATED = 24
FOREGROUND = "transmitter.vectorizer.foreground"
AS_PRINTED: Mapping[str, float] = {"match": 1.0, "patches": 0.0, "foreground": 1e-4, "background": 0.01, "whole": 0.0}
"""The weights of GenED-SC's eq. 26."""


@dataclass(kw_only=True)
class GenEDRecipe(Recipe):
    """`GenEDLoss` of pictures over a random channel. Weights of SwinJSCC give it all but the predictor and the
    branches to start from.

    The paper trains a model for each rate, AWGN alone, the SNR one of 1, 4, 7 and 10 dB. Here one model serves all.

    Args:
        pictures: folders of pictures; see `salient_pictures`.
        saliency: the folder of maps of those folders that have none inside.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
        snr_db: range of the mean SNRs, in dB.
        fading_share: share of the pictures sent over slow Rayleigh fading; the others go over AWGN.
        cbr: range of the rates, payload uses over 3*height*width.
        dual_branch: whether foreground and background have branches of their own.
        as_printed: losses and Gumbel noise as the paper prints them.
        weights: on the losses, see `GenEDLoss`; those that are left out are its own.
        batch: crops in a batch.
        crop: edge of a crop in pixels, a multiple of 64.

    Source: GenED-SC (arXiv 2606.04015), sections IV-C and V-A.
    """

    rate_factors: ClassVar[Mapping[str, float]] = {".klt.": 0.03, ".predictor.": 4.0}

    pictures: tuple[str, ...]
    saliency: str = ""
    start: str | None = None
    snr_db: tuple[float, float] = (-1.0, 15.0)
    fading_share: float = 0.25
    cbr: tuple[float, float] = (0.012, 0.09)
    dual_branch: bool = True
    as_printed: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    batch: int = 6
    crop: int = 192

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-5 <= low <= high <= 25, "snr", "two rising numbers in -5..25 dB", self.snr_db)
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)
        self.codec = self._make_codec()
        self.parts = {**self.codec.parts}
        validated = GenEDCodec(None, dual_branch=self.dual_branch)
        link = picture_link("validation", validated, ForegroundRate(), header=IdealHeader(), uses_importance=False)
        self._validation = validated, link.eval()

    def _make_codec(self) -> GenEDCodec:
        noise_on = "probabilities" if self.as_printed else "logits"
        own = self.start is not None and holds_part(weights_path(self.start), "gened_encoder")
        codec = GenEDCodec(self.start if own else None, dual_branch=self.dual_branch, noise_on=noise_on)
        if self.start is not None and not own:
            assert codec.vectorizer is not None
            take_swinjscc(codec.vectorizer, codec.encoder, codec.decoder, self.start)
        return codec

    def to(self, device: torch.device) -> None:
        """Move the parts; convolutions are fastest with channels last."""
        super().to(device)
        for part in self.parts.values():
            part.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage("system", 1.0, tuple(self.parts), self.graph)]

    def graph(self) -> Flowgraph:
        """The link without a header, of crops with maps, and its losses."""
        fg = Flowgraph("system")
        fg.crops = SalientCrops(folders=self.pictures, maps=self.saliency, crop=self.crop)
        fg.snr = UniformDecibels(least=self.snr_db[0], most=self.snr_db[1])
        fg.link = training_link(
            "link", self.codec, RandomForegroundRate(least_cbr=self.cbr[0], most_cbr=self.cbr[1]),
            fading_share=self.fading_share, psnr_weighting=1.0, taps=("score", "foreground_logits"),
        )  # fmt: skip
        fg.connect(fg.crops["image"], fg.link["image"])
        fg.connect(fg.snr, fg.link["snr_db"])
        self._add_losses(fg)
        fg.psnr, fg.region = PSNR(), RegionPSNR()
        for metric in (fg.psnr, fg.region):
            fg.connect(fg.link["image"], metric["image"])
            fg.connect(fg.crops["image"], metric["original"])
        fg.connect(fg.crops["mask"], fg.region["mask"])
        fg.connect(fg.psnr, fg["psnr"])
        fg.connect(fg.region["region"], fg["salient_psnr"])
        return fg

    def _add_losses(self, fg: Flowgraph) -> None:
        weights = {**(AS_PRINTED if self.as_printed else {}), **self.weights}
        fg.match, fg.patches = SemanticMatchingLoss(as_printed=self.as_printed), SemanticMatchingLoss()
        fg.foreground = ForegroundDistortion(psnr_weighting=0.0 if self.as_printed else 1.0)
        fg.background, fg.loss = ContextualLoss(), GenEDLoss(**weights)
        for name, port in (("score", fg.match), ("foreground_logits", fg.patches)):
            fg.connect(fg.link[name], port["score"])
        for block in (fg.foreground, fg.background):
            fg.connect(fg.link["image"], block["image"])
            fg.connect(fg.crops["image"], block["original"])
        for block in (fg.match, fg.patches, fg.foreground, fg.background):
            fg.connect(fg.crops["mask"], block["mask"])
        for name in ("match", "patches", "foreground", "background"):
            fg.connect(getattr(fg, name), fg.loss[name])
        fg.connect(fg.link["distortion"], fg.loss["whole"])
        for name, block in (("matching", fg.match), ("contextual", fg.background), ("loss", fg.loss)):
            fg.connect(block, fg[name])

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR in dB of held-out pictures and of their salient pixels, over AWGN at 1 and 10 dB, CBR 1/24; the share
        of the salient pixels that the foreground covers, and of the patches that it takes."""
        codec, link = self._validation
        for mine, trained in zip(codec.parts.values(), self.codec.parts.values(), strict=True):
            mine.to(trained.device).load_state_dict(trained.state_dict())
        device = codec.encoder.device
        found: dict[str, list[float]] = {}
        for number, picture in enumerate(held_out_salient(self.pictures, self.saliency)[:VALIDATED]):
            mask, image = picture.mask()[None].to(device), picture.image()[None].to(device)
            runs = {
                snr_db: link.run(image=image, snr_db=snr_db, seed=number, probe=[FOREGROUND])
                for snr_db in VALIDATION_SNRS_DB
            }
            for snr_db, out in runs.items():
                region = RegionPSNR()(image=out["image"], original=image, mask=mask).region
                found.setdefault(f"psnr_{snr_db:g}dB", []).append(float(out["psnr"].value))
                if bool(mask.any()):
                    found.setdefault(f"salient_{snr_db:g}dB", []).append(float(region.value))
            covered, share = coverage(runs[VALIDATION_SNRS_DB[0]][FOREGROUND], mask)
            if bool(mask.any()):
                found.setdefault("covered", []).append(covered)
            found.setdefault("foreground", []).append(share)
        return {name: sum(values) / len(values) for name, values in found.items()}

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        described = described_salient(self.pictures, self.saliency, with_maps=True)
        settings = {**asdict(self), "start": described_weights(self.start), **described}
        return json.loads(json.dumps(settings))


def coverage(foreground: Tensor, mask: Tensor) -> tuple[float, float]:
    """The share of a mask's pixels [1, height, width] in the foreground's patches [1, rows, cols], and that of the
    patches which are foreground."""
    inside = (foreground > 0.5).repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)
    inside = inside[:, : mask.shape[1], : mask.shape[2]]
    return float((inside & mask).sum() / mask.sum().clamp_min(1)), float((foreground > 0.5).float().mean())
