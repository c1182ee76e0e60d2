"""How the embedded editor of GenED-SC is trained: on what its first stage makes of pictures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, ClassVar, NamedTuple

import torch

from linksim import Block, Flowgraph
from linksim.blocks import (
    PSNR,
    AdversarialLoss,
    EditorLoss,
    ForegroundRate,
    PerceptualLoss,
    PictureEditor,
    RandomFading,
    RandomForegroundRate,
    SalientCrops,
    UniformDecibels,
)
from linksim.blocks.sources.salient_crops import held_out_salient, trained_salient
from linksim.errors import require
from linksim.files import file_digest
from linksim.flowgraphs.gened_sc import first_stage
from linksim.flowgraphs.parts import GenEDCodec, IdealHeader
from linksim.flowgraphs.recipes.picture_recipe import described_weights
from linksim.training import Recipe, Stage
from linksim.types import Decibels, Image, Lengths

VALIDATED, VALIDATION_SNR_DB = 16, 4.0
CODEC = "gened_sc"


class CoarseCropped(NamedTuple):
    """Crops, what the first stage's receiver makes of them, and what it knows."""

    original: Image
    image: Image
    lengths: Lengths
    snr_db: Decibels


class CoarseCrops(Block):
    """Crops sent by the trained first stage, at random SNRs and rates; see `GenEDRecipe` for both."""

    def __init__(
        self,
        *,
        folders: tuple[str, ...],
        maps: str,
        crop: int,
        codec: str,
        snr_db: tuple[float, float],
        cbr: tuple[float, float],
        fading_share: float,
    ) -> None:
        super().__init__()
        self.crops = SalientCrops(folders=folders, maps=maps, crop=crop)
        self.decibels = UniformDecibels(least=snr_db[0], most=snr_db[1])
        rate = RandomForegroundRate(least_cbr=cbr[0], most_cbr=cbr[1])
        link = first_stage(GenEDCodec(codec), rate, IdealHeader(), RandomFading(fading_share=fading_share))
        # Not a part of this block: the codec does not learn, and stays as it is used.
        self._link = (link.eval(),)

    @torch.no_grad()
    def forward(self, batch: int) -> CoarseCropped:
        original, snr_db = self.crops(batch=batch).image, self.decibels(batch=batch)
        seed = int(torch.randint(1 << 31, (), generator=self.rng, device=self.device))
        sent = self._link[0].to(self.device).run(image=original, snr_db=snr_db, seed=seed)
        return CoarseCropped(original, sent["image"].clamp(0, 1), sent["lengths"], sent["received_snr_db"])


@dataclass(kw_only=True)
class GenEDEditorRecipe(Recipe):
    """Absolute error, a perceptual distance, and a discriminator's opinion of what the editor makes of coarse pictures.

    The first stage is a trained one and does not learn. The discriminator joins after a third of the steps.

    Args:
        pictures, saliency, snr_db, fading_share, cbr, batch, crop: as for `GenEDRecipe`.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
        codec: weights of the first stage, a shipped name or a .safetensors file.
    """

    unshipped: ClassVar[Sequence[str]] = ("discriminator",)

    pictures: tuple[str, ...]
    saliency: str = ""
    start: str | None = None
    codec: str = CODEC
    snr_db: tuple[float, float] = (-1.0, 15.0)
    fading_share: float = 0.25
    cbr: tuple[float, float] = (0.012, 0.09)
    batch: int = 8
    crop: int = 128

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-5 <= low <= high <= 25, "snr", "two rising numbers in -5..25 dB", self.snr_db)
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)
        self.editor = PictureEditor(weights=self.start)
        self.parts = {"picture_editor": self.editor, "discriminator": AdversarialLoss()}
        self._link = first_stage(GenEDCodec(self.codec), ForegroundRate(), IdealHeader(), None).eval()

    @property
    def stages(self) -> Sequence[Stage]:
        """Two: without the discriminator, then with it."""
        return [
            Stage("distance", 1 / 3, ("picture_editor",), lambda: self.graph(adversarial=False)),
            Stage("adversarial", 2 / 3, tuple(self.parts), self.graph),
        ]

    def graph(self, *, adversarial: bool = True) -> Flowgraph:
        """Coarse crops, edited, beside their originals."""
        fg = Flowgraph("adversarial" if adversarial else "distance")
        fg.crops = CoarseCrops(
            folders=self.pictures, maps=self.saliency, crop=self.crop, codec=self.codec, snr_db=self.snr_db,
            cbr=self.cbr, fading_share=self.fading_share,
        )  # fmt: skip
        fg.editor, fg.loss, fg.perceptual = self.parts["picture_editor"], EditorLoss(), PerceptualLoss()
        fg.psnr, fg.coarse_psnr = PSNR(), PSNR()
        for name in ("image", "lengths", "snr_db"):
            fg.connect(fg.crops[name], fg.editor[name])
        for block in (fg.loss, fg.perceptual, fg.psnr):
            fg.connect(fg.editor["image"], block["image"])
            fg.connect(fg.crops["original"], block["original"])
        fg.connect(fg.crops["image"], fg.coarse_psnr["image"])
        fg.connect(fg.crops["original"], fg.coarse_psnr["original"])
        fg.connect(fg.perceptual, fg.loss["perceptual"])
        if adversarial:
            fg.discriminator = self.parts["discriminator"]
            fg.connect(fg.editor["image"], fg.discriminator["image"])
            fg.connect(fg.crops["original"], fg.discriminator["original"])
            fg.connect(fg.crops["image"], fg.discriminator["coarse"])
            for name in ("maker", "discriminator"):
                fg.connect(fg.discriminator[name], fg.loss[name])
            fg.connect(fg.discriminator["discriminator"], fg["discriminator_loss"])
        for name, block in (("perceptual_loss", fg.perceptual), ("psnr", fg.psnr), ("coarse", fg.coarse_psnr),
                            ("loss", fg.loss)):  # fmt: skip
            fg.connect(block, fg[name])
        return fg

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR in dB of held-out pictures before and after, and what editing changes in perceptual distance (on the
        network that was trained with) and BRISQUE, AWGN 4 dB, CBR 1/24."""
        from linksim.blocks import BRISQUE

        device, editor = self.editor.device, self.editor.eval()
        link = self._link.to(device)
        found: dict[str, list[float]] = {}
        for number, picture in enumerate(held_out_salient(self.pictures, self.saliency)[:VALIDATED]):
            original = picture.image()[None].to(device)
            out = link.run(image=original, snr_db=VALIDATION_SNR_DB, seed=number)
            coarse = out["image"].clamp(0, 1)
            edited = editor(image=coarse, lengths=out["lengths"], snr_db=out["received_snr_db"]).image
            for name, image in (("coarse", coarse), ("edited", edited.clamp(0, 1))):
                scores = {"psnr": PSNR()(image=image, original=original), "brisque": BRISQUE()(image=image),
                          "perceptual": PerceptualLoss()(image=image, original=original)}  # fmt: skip
                for metric, score in scores.items():
                    found.setdefault(f"{name}_{metric}", []).append(float(score.value))
        return {name: sum(values) / len(values) for name, values in found.items()}

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        kept = trained_salient(self.pictures, self.saliency)
        digest = blake2b("".join(file_digest(each.picture) for each in kept).encode(), digest_size=8).hexdigest()
        described = {"pictures": {"salient": len(kept), "digest": digest}, "saliency": ""}
        weights = {"start": described_weights(self.start), "codec": described_weights(self.codec)}
        return json.loads(json.dumps({**asdict(self), **weights, **described}))
