"""What the recipes of all picture codecs share."""

import json
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import torch

from linksim import Flowgraph
from linksim.blocks import PSNR, FixedRate, TrainingCrops, UniformDecibels
from linksim.blocks.sources.salient_crops import trained_salient
from linksim.blocks.sources.training_crops import training_pictures
from linksim.errors import require
from linksim.files import file_digest
from linksim.flowgraphs.parts import IdealHeader, PictureCodec, picture_link
from linksim.montecarlo import Sweep
from linksim.training import Recipe
from linksim.weights import shipped_weights, weights_path

VALIDATION_SIZE = (512, 1024)
VALIDATION_SNRS_DB = (0.0, 10.0, 20.0)
VALIDATION_METRICS = {"psnr": "psnr", "patch_psnr.nonbackground": "nonbackground"}


@dataclass(kw_only=True)
class PictureRecipe(Recipe):
    """The training of a codec of pictures.

    Args:
        pictures: folders of pictures or of street scenes; see `TrainingPictures`.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
        snr_db: range of the mean SNRs, in dB.
        fading_share: share of the pictures sent over Rayleigh fading; the others go over AWGN.
        psnr_weighting: see `WeightedDistortion`.
        batch: crops in a batch.
        crop: edge of a crop in pixels, a multiple of 64.
    """

    pictures: tuple[str, ...]
    start: str | None = None
    snr_db: tuple[float, float] = (0.0, 20.0)
    fading_share: float = 0.25
    psnr_weighting: float = 1.0
    batch: int = 8
    crop: int = 256

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-5 <= low <= high <= 25, "snr", "two rising numbers in -5..25 dB", self.snr_db)
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)
        self.codec = self.make_codec(self.start)
        self.parts = {**self.codec.parts}
        self._validation = self.make_validation_link()

    @abstractmethod
    def make_codec(self, start: str | None) -> PictureCodec:
        """The codec to train, from these weights."""

    def make_validation_link(self) -> tuple[PictureCodec, Flowgraph]:
        """A codec, and a link with it, that validate."""
        codec = self.make_codec(None)
        link = picture_link("validation", codec, FixedRate(), header=IdealHeader(), uses_importance=False)
        return codec, link

    def to(self, device: torch.device) -> None:
        """Move the parts and the link that validates; convolutions are fastest with channels last."""
        super().to(device)
        for part in self.parts.values():
            part.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def crops(self, **settings: float) -> TrainingCrops:
        """The source of a stage's pictures."""
        return TrainingCrops(folders=self.pictures, crop=self.crop, **settings)

    def snr(self) -> UniformDecibels:
        """The source of a stage's SNRs."""
        return UniformDecibels(least=self.snr_db[0], most=self.snr_db[1])

    def validate(self) -> Mapping[str, float]:
        """PSNR and non-background patch PSNR in dB over AWGN at 0, 10 and 20 dB, CBR 0.0201, without importance."""
        codec, link = self._validation
        for mine, trained in zip(codec.parts.values(), self.codec.parts.values(), strict=True):
            mine.load_state_dict(trained.state_dict())
        held_out = training_pictures(self.pictures, self.crop).held_out_crops(*VALIDATION_SIZE)
        cases = [{"image": image, "known_importance": importance} for image, importance in held_out]
        if not cases:
            return {}
        device = next(iter(self.parts.values())).device.type
        grid = {"snr_db": list(VALIDATION_SNRS_DB)}
        table = Sweep(link, grid=grid, cases=cases, seed=1, device=device).run()
        rows = zip(table["metric"], table["snr_db"], table["estimate"], strict=True)
        return {
            f"{VALIDATION_METRICS[metric]}_{snr_db:g}dB": float(estimate)
            for metric, snr_db, estimate in rows
            if metric in VALIDATION_METRICS and math.isfinite(estimate)
        }

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        described = training_pictures(self.pictures, self.crop).described()
        plain = {**asdict(self), "start": described_weights(self.start), "pictures": described}
        return json.loads(json.dumps(plain))


def add_training_link(fg: Flowgraph, link: Flowgraph) -> None:
    """Put a `training_link` behind a stage's sources, `crops` and `snr`, with its PSNR and CBR as outputs."""
    fg.link, fg.psnr = link, PSNR()
    for name in ("image", "importance", "mean_weight"):
        fg.connect(fg.crops[name], fg.link[name])
    fg.connect(fg.snr, fg.link["snr_db"])
    fg.connect(fg.link["image"], fg.psnr["image"])
    fg.connect(fg.crops["image"], fg.psnr["original"])
    fg.connect(fg.psnr, fg["psnr"])
    fg.connect(fg.link["cbr"], fg["cbr"])


def described_salient(folders: Sequence[str], maps: str, *, with_maps: bool = False) -> dict[str, Any]:
    """Pictures with maps of what is salient by what they hold, in the settings `pictures` and `saliency`."""
    kept = trained_salient(folders, maps)
    files = [path for each in kept for path in ((each.picture, each.saliency) if with_maps else (each.picture,))]
    digest = blake2b("".join(file_digest(path) for path in files).encode(), digest_size=8).hexdigest()
    return {"pictures": {"salient": len(kept), "digest": digest}, "saliency": ""}


def described_weights(start: str | None) -> str | None:
    """Weights by what they hold; None for none."""
    if start is None:
        return None
    digest = file_digest(weights_path(start))
    # By its content alone: a copy elsewhere, or by another name, is the same start.
    shipped = (name for name in shipped_weights() if file_digest(weights_path(name)) == digest)
    return f"{next(shipped, 'own')}, sha256 {digest[:16]}"
