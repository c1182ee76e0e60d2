"""How a network is trained that makes good pictures of coarse ones."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from linksim import Block, Flowgraph
from linksim.blocks import BRISQUE, PSNR, AdversarialLoss, EditorLoss, PerceptualLoss, PictureEditor
from linksim.blocks.sources.salient_crops import held_out_salient
from linksim.errors import require
from linksim.flowgraphs.recipes.picture_recipe import described_salient, described_weights
from linksim.training import Recipe, Stage
from linksim.types import Decibels, Image, Lengths, Text

VALIDATED = 16


class CoarseCropped(NamedTuple):
    """Crops, what a receiver makes of them before it edits, and what it knows."""

    original: Image
    image: Image
    lengths: Lengths
    snr_db: Decibels
    text: Text


@dataclass(kw_only=True)
class EditingRecipe(Recipe):
    """Absolute error, a perceptual distance, and a discriminator's opinion of what an editor makes of coarse pictures.

    Pictures that have captions are edited with one of them, the others with none. The discriminator joins after a third
    of the steps.

    Args:
        pictures, saliency, batch, crop: as for `GenEDRecipe`.
        start: shipped weights or a .safetensors file to start from; None starts from nothing.
    """

    unshipped: ClassVar[Sequence[str]] = ("discriminator",)

    pictures: tuple[str, ...]
    saliency: str = ""
    start: str | None = None
    batch: int = 8
    crop: int = 128

    def __post_init__(self) -> None:
        require(self.batch > 0, "batch", "at least 1", self.batch)
        require(self.crop >= 64 and self.crop % 64 == 0, "crop", "a multiple of 64 pixels", self.crop)
        self.editor = PictureEditor(weights=self.start)
        self.parts = {"picture_editor": self.editor, "discriminator": AdversarialLoss()}

    @abstractmethod
    def coarse_crops(self) -> Block:
        """A source of `CoarseCropped`."""

    @abstractmethod
    def coarse(self, original: Tensor, number: int) -> dict[str, Any]:
        """What the receiver makes of a held-out picture of that number: the editor's inputs image, lengths, snr_db."""

    def described(self) -> dict[str, Any]:
        """What else identifies the recipe beside its settings."""
        return {}

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
        fg.crops = self.coarse_crops()
        fg.editor, fg.loss, fg.perceptual = self.parts["picture_editor"], EditorLoss(), PerceptualLoss()
        fg.psnr, fg.coarse_psnr = PSNR(), PSNR()
        for name in ("image", "lengths", "snr_db", "text"):
            fg.connect(fg.crops[name], fg.editor[name])
        for block in (fg.loss, fg.perceptual, fg.psnr):
            fg.connect(fg.editor["image"], block["image"])
            fg.connect(fg.crops["original"], block["original"])
        fg.connect(fg.crops["image"], fg.coarse_psnr["image"])
        fg.connect(fg.crops["original"], fg.coarse_psnr["original"])
        fg.connect(fg.perceptual, fg.loss["perceptual"])
        if adversarial:
            self._add_discriminator(fg)
        for name, block in (("perceptual_loss", fg.perceptual), ("psnr", fg.psnr), ("coarse", fg.coarse_psnr),
                            ("loss", fg.loss)):  # fmt: skip
            fg.connect(block, fg[name])
        return fg

    def _add_discriminator(self, fg: Flowgraph) -> None:
        fg.discriminator = self.parts["discriminator"]
        fg.connect(fg.editor["image"], fg.discriminator["image"])
        fg.connect(fg.crops["original"], fg.discriminator["original"])
        fg.connect(fg.crops["image"], fg.discriminator["coarse"])
        for name in ("maker", "discriminator"):
            fg.connect(fg.discriminator[name], fg.loss[name])
        fg.connect(fg.discriminator["discriminator"], fg["discriminator_loss"])

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """PSNR in dB, BRISQUE and perceptual distance (on the network that was trained with) of held-out pictures
        before and after."""
        device, editor = self.editor.device, self.editor.eval()
        found: dict[str, list[float]] = {}
        for number, picture in enumerate(held_out_salient(self.pictures, self.saliency)[:VALIDATED]):
            original = picture.image()[None].to(device)
            coarse = self.coarse(original, number)
            edited = editor(text=Text.of(list(picture.captions[:1]) or [""]).to(device), **coarse).image
            for name, image in (("coarse", coarse["image"]), ("edited", edited.clamp(0, 1))):
                scores = {"psnr": PSNR()(image=image, original=original), "brisque": BRISQUE()(image=image),
                          "perceptual": PerceptualLoss()(image=image, original=original)}  # fmt: skip
                for metric, score in scores.items():
                    found.setdefault(f"{name}_{metric}", []).append(float(score.value))
        return {name: sum(values) / len(values) for name, values in found.items()}

    def identity(self) -> Mapping[str, Any]:
        """The settings; files count by what they hold, not by where they are."""
        pictures = described_salient(self.pictures, self.saliency)
        own = {"start": described_weights(self.start), **self.described()}
        return json.loads(json.dumps({**asdict(self), **own, **pictures}))
