"""How DeepJSCC is trained: for 10 dB over AWGN, one of its rates a batch."""

from dataclasses import dataclass

from linksim.blocks import RandomFixedRate
from linksim.blocks.jscc.deepjscc import FIXED_RATES, take_transform
from linksim.blocks.rate import RateBlock
from linksim.flowgraphs.parts import DeepJSCCCodec, PictureCodec
from linksim.flowgraphs.recipes.direct_recipe import DirectRecipe, started


@dataclass(kw_only=True)
class DeepJSCCRecipe(DirectRecipe):
    """See `DirectRecipe`. Weights of SA-OOSC's codec give it their transform to start from."""

    snr_db: tuple[float, float] = (10.0, 10.0)
    fading_share: float = 0.0

    def make_codec(self, start: str | None) -> PictureCodec:
        """See `PictureRecipe`."""
        return started(DeepJSCCCodec, start, "deepjscc_encoder", take_transform)

    def make_rate(self) -> RateBlock:
        """One of the codec's rates for the whole batch."""
        return RandomFixedRate(one_per_batch=True, rate_set=FIXED_RATES)
