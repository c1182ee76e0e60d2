"""How UIDSC is trained: whole pictures without MGA, then masked ones with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from linksim.blocks import RandomMaskedRate
from linksim.blocks.jscc.uidsc import take_transform
from linksim.blocks.rate import RateBlock
from linksim.flowgraphs.parts import PictureCodec, UIDSCCodec
from linksim.flowgraphs.recipes.direct_recipe import started
from linksim.flowgraphs.recipes.masked_recipe import MaskedRecipe
from linksim.training import Stage

GAIN_FACTOR = 30.0
"""On the learning rate of MGA's gain: one number that all of MGA waits for, and Adam moves it by a step at a time."""


@dataclass(kw_only=True)
class UIDSCRecipe(MaskedRecipe):
    """See `MaskedRecipe`. Weights of SA-OOSC's codec "light" give it their transform to start from.

    Args:
        mask_attention: whether the encoder has an MGA.
        whole_share: share of the steps that the first stage has, on whole pictures and without MGA.

    Source: UIDSC (arXiv 2508.05884), algorithm 1.
    """

    rate_factors: ClassVar[Mapping[str, float]] = {**MaskedRecipe.rate_factors, "attention.gain": GAIN_FACTOR}
    weighs_region: ClassVar[bool] = True

    mask_attention: bool = True
    whole_share: float = 0.15

    def make_codec(self, start: str | None) -> PictureCodec:
        """See `MaskedRecipe`."""
        return started(
            lambda weights: UIDSCCodec(weights, mask_attention=self.mask_attention),
            start, "uidsc_encoder", take_transform,
        )  # fmt: skip

    def make_rate(self) -> RateBlock:
        """A random rate, half of the time without the patches that the mask does not touch."""
        return RandomMaskedRate()

    @property
    def stages(self) -> Sequence[Stage]:
        """Two, as the paper's."""
        parts = tuple(self.parts)
        return [
            Stage("whole", self.whole_share, parts, lambda: self.graph(masked=False)),
            Stage("masked", 1 - self.whole_share, parts, self.graph),
        ]
