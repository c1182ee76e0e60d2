"""How SwinJSCC is trained: for all SNRs and rates."""

from dataclasses import dataclass

from linksim.blocks import RandomFixedRate
from linksim.blocks.jscc.swinjscc import ANY_RATE, take_transform
from linksim.blocks.rate import RateBlock
from linksim.flowgraphs.parts import PictureCodec, SwinJSCCCodec
from linksim.flowgraphs.recipes.direct_recipe import DirectRecipe, started


@dataclass(kw_only=True)
class SwinJSCCRecipe(DirectRecipe):
    """See `DirectRecipe`. Weights of SA-OOSC's codec give it their transform to start from.

    Args:
        cbr: range of the rates, payload uses over 3*height*width.
    """

    cbr: tuple[float, float] = (0.012, 0.09)

    def make_codec(self, start: str | None) -> PictureCodec:
        """See `PictureRecipe`."""
        return started(SwinJSCCCodec, start, "swinjscc_encoder", take_transform)

    def make_rate(self) -> RateBlock:
        """A rate for each picture."""
        return RandomFixedRate(least_cbr=self.cbr[0], most_cbr=self.cbr[1], rate_set=ANY_RATE)
