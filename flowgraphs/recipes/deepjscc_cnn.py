"""How DeepJSCC as published is trained on masked pictures, for one SNR."""

from collections.abc import Sequence
from dataclasses import dataclass

from linksim.blocks import FixedRate
from linksim.blocks.rate import RateBlock
from linksim.flowgraphs.parts import DeepJSCCCNNCodec, PictureCodec
from linksim.flowgraphs.recipes.masked_recipe import CBR, MaskedRecipe
from linksim.training import Stage


@dataclass(kw_only=True)
class DeepJSCCCNNRecipe(MaskedRecipe):
    """See `MaskedRecipe`."""

    snr_db: tuple[float, float] = (10.0, 10.0)
    fading_share: float = 0.0

    def make_codec(self, start: str | None) -> PictureCodec:
        """See `MaskedRecipe`."""
        return DeepJSCCCNNCodec(start)

    def make_rate(self) -> RateBlock:
        """The codec's one rate."""
        return FixedRate(target_cbr=CBR)

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage("masked", 1.0, tuple(self.parts), self.graph)]
