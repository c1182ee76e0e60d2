"""How the embedded editor of GenED-SC is trained: on what its first stage makes of pictures."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from linksim import Block
from linksim.blocks import ForegroundRate, RandomFading, RandomForegroundRate, SalientCrops, UniformDecibels
from linksim.errors import require
from linksim.flowgraphs.gened_sc import first_stage
from linksim.flowgraphs.parts import GenEDCodec, IdealHeader
from linksim.flowgraphs.recipes.editing_recipe import CoarseCropped, EditingRecipe
from linksim.flowgraphs.recipes.picture_recipe import described_weights

VALIDATION_SNR_DB = 4.0
CODEC = "gened_sc"


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
        (original, _, text), snr_db = self.crops(batch=batch), self.decibels(batch=batch)
        seed = int(torch.randint(1 << 31, (), generator=self.rng, device=self.device))
        sent = self._link[0].to(self.device).run(image=original, snr_db=snr_db, seed=seed)
        return CoarseCropped(original, sent["image"].clamp(0, 1), sent["lengths"], sent["received_snr_db"], text)


@dataclass(kw_only=True)
class GenEDEditorRecipe(EditingRecipe):
    """See `EditingRecipe`: what the trained first stage makes of pictures, at random SNRs and rates.

    The first stage does not learn. Validation is over AWGN at 4 dB, CBR 1/24.

    Args:
        snr_db, fading_share, cbr: as for `GenEDRecipe`.
        codec: weights of the first stage, a shipped name or a .safetensors file.
    """

    codec: str = CODEC
    snr_db: tuple[float, float] = (-1.0, 15.0)
    fading_share: float = 0.25
    cbr: tuple[float, float] = (0.012, 0.09)

    def __post_init__(self) -> None:
        low, high = self.snr_db
        require(-5 <= low <= high <= 25, "snr", "two rising numbers in -5..25 dB", self.snr_db)
        super().__post_init__()
        self._link = first_stage(GenEDCodec(self.codec), ForegroundRate(), IdealHeader(), None).eval()

    def coarse_crops(self) -> Block:
        """See `EditingRecipe`."""
        return CoarseCrops(
            folders=self.pictures, maps=self.saliency, crop=self.crop, codec=self.codec, snr_db=self.snr_db,
            cbr=self.cbr, fading_share=self.fading_share,
        )  # fmt: skip

    def coarse(self, original: Tensor, number: int) -> dict[str, Any]:
        """See `EditingRecipe`."""
        out = self._link.to(original.device).run(image=original, snr_db=VALIDATION_SNR_DB, seed=number)
        return {"image": out["image"].clamp(0, 1), "lengths": out["lengths"], "snr_db": out["received_snr_db"]}

    def described(self) -> dict[str, Any]:
        """See `EditingRecipe`."""
        return {"codec": described_weights(self.codec)}
