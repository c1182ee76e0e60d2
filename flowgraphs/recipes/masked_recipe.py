"""What the recipes of codecs share that send a region of interest."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, ClassVar

import torch

from linksim import Flowgraph
from linksim.blocks import (
    PSNR,
    FixedRate,
    MaskedCrops,
    MaskedPicture,
    RegionLoss,
    RegionPSNR,
    UniformDecibels,
    WeightedDistortion,
)
from linksim.blocks.rate import RateBlock
from linksim.blocks.sources.masked_crops import held_out_pictures, largest_region, plain_folders, trained_pictures
from linksim.blocks.sources.training_crops import training_pictures
from linksim.errors import require
from linksim.files import file_digest
from linksim.flowgraphs.parts import IdealHeader, PictureCodec, picture_link
from linksim.flowgraphs.parts.training_link import training_link
from linksim.flowgraphs.recipes.picture_recipe import described_weights
from linksim.training import Recipe
from linksim.types import Mask

VALIDATION_SNRS_DB = (0.0, 10.0)
CBR = 1 / 12


@dataclass(kw_only=True)
class MaskedRecipe(Recipe):
    """Mean squared error of what a mask keeps of pictures, black elsewhere.

    Args:
        pictures: folders of pictures, one of them at least with masks; see `MaskedCrops`.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
        snr_db: range of the mean SNRs, in dB.
        fading_share: share of the pictures sent over slow Rayleigh fading; the others go over AWGN.
        psnr_weighting: see `WeightedDistortion`.
        batch: crops in a batch.
        crop: edge of a crop in pixels, a multiple of 64.
    """

    rate_factors: ClassVar[Mapping[str, float]] = {".klt.": 0.03}
    weighs_region: ClassVar[bool] = False
    """Whether the region counts beside the whole masked picture; see `RegionLoss`."""

    pictures: tuple[str, ...]
    start: str | None = None
    snr_db: tuple[float, float] = (-5.0, 25.0)
    fading_share: float = 0.5
    psnr_weighting: float = 1.0
    batch: int = 16
    crop: int = 128

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-5 <= low <= high <= 25, "snr", "two rising numbers in -5..25 dB", self.snr_db)
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)
        self.codec = self.make_codec(self.start)
        self.parts = {**self.codec.parts}
        codec = self.make_codec(None)
        link = picture_link(
            "validation",
            codec,
            FixedRate(target_cbr=CBR),
            header=IdealHeader(),
            uses_importance=False,
            inputs={"mask": Mask},
        )
        self._validation = codec, link.eval()

    @abstractmethod
    def make_codec(self, start: str | None) -> PictureCodec:
        """The codec to train, from these weights."""

    @abstractmethod
    def make_rate(self) -> RateBlock:
        """The rate that is trained with."""

    def to(self, device: torch.device) -> None:
        """Move the parts; convolutions are fastest with channels last."""
        super().to(device)
        for part in self.parts.values():
            part.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def graph(self, *, masked: bool = True) -> Flowgraph:
        """The link without a header, of masked crops or of whole ones."""
        fg = Flowgraph("masked" if masked else "whole")
        fg.crops = MaskedCrops(folders=self.pictures, crop=self.crop)
        fg.snr = UniformDecibels(least=self.snr_db[0], most=self.snr_db[1])
        fg.link = training_link(
            "link", self.codec, self.make_rate(), fading_share=self.fading_share,
            psnr_weighting=self.psnr_weighting, inputs={"mask": Mask},
        )  # fmt: skip
        image = fg.crops["image"]
        if masked:
            fg.masking = MaskedPicture()
            for name in ("image", "mask"):
                fg.connect(fg.crops[name], fg.masking[name])
            fg.connect(fg.crops["mask"], fg.link["mask"])
            image = fg.masking["out"]
        fg.psnr = PSNR()
        fg.connect(image, fg.link["image"])
        fg.connect(fg.snr, fg.link["snr_db"])
        fg.connect(fg.link["image"], fg.psnr["image"])
        fg.connect(image, fg.psnr["original"])
        fg.connect(fg.psnr, fg["psnr"])
        if masked:
            self._add_region(fg)
        if masked and self.weighs_region:
            self._add_region_loss(fg)
        else:
            fg.connect(fg.link["distortion"], fg["loss"])
        return fg

    def _add_region_loss(self, fg: Flowgraph) -> None:
        fg.masking_again, fg.region_loss = MaskedPicture(), RegionLoss()
        fg.region_distortion = WeightedDistortion(psnr_weighting=self.psnr_weighting)
        fg.connect(fg.link["image"], fg.masking_again["image"])
        fg.connect(fg.crops["mask"], fg.masking_again["mask"])
        fg.connect(fg.masking_again, fg.region_distortion["image"])
        fg.connect(fg.masking["out"], fg.region_distortion["original"])
        fg.connect(fg.link["distortion"], fg.region_loss["whole"])
        fg.connect(fg.region_distortion, fg.region_loss["region"])
        fg.connect(fg.region_loss, fg["loss"])

    def _add_region(self, fg: Flowgraph) -> None:
        fg.region = RegionPSNR()
        fg.connect(fg.link["image"], fg.region["image"])
        fg.connect(fg.crops["image"], fg.region["original"])
        fg.connect(fg.crops["mask"], fg.region["mask"])
        fg.connect(fg.region["region"], fg["region_psnr"])

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR in dB of masked held-out pictures and of their region, over AWGN at 0 and 10 dB, CBR 1/12."""
        codec, link = self._validation
        for mine, trained in zip(codec.parts.values(), self.codec.parts.values(), strict=True):
            mine.to(trained.device).load_state_dict(trained.state_dict())
        device = codec.encoder.device
        found: dict[str, list[float]] = {}
        for number, picture in enumerate(held_out_pictures(self.pictures)):
            mask, image = largest_region(picture)[None].to(device), picture.image()[None].to(device)
            masked = MaskedPicture()(image=image, mask=mask)
            given = {"mask": mask} if "mask" in link.input_ports else {}
            for snr_db in VALIDATION_SNRS_DB:
                out = link.run(image=masked, snr_db=snr_db, seed=number, **given)  # pyright: ignore[reportArgumentType]
                region = RegionPSNR()(image=out["image"], original=image, mask=mask).region
                found.setdefault(f"psnr_{snr_db:g}dB", []).append(float(out["psnr"].value))
                found.setdefault(f"region_{snr_db:g}dB", []).append(float(region.value))
        return {name: sum(values) / len(values) for name, values in found.items()}

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        kept = trained_pictures(self.pictures)
        files = [path for each in kept for path in (each.picture, each.masks)]
        digest = blake2b("".join(file_digest(path) for path in files).encode(), digest_size=8).hexdigest()
        described: dict[str, Any] = {"masked": len(kept), "digest": digest}
        plain = plain_folders(self.pictures)
        if plain:
            described["plain"] = training_pictures(plain, self.crop).described()
        settings = {**asdict(self), "start": described_weights(self.start), "pictures": described}
        return json.loads(json.dumps(settings))
