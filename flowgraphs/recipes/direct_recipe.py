"""How DeepJSCC and SwinJSCC are trained: in one stage, picture to picture."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from linksim import Flowgraph
from linksim.blocks.rate import RateBlock
from linksim.files import file_digest
from linksim.flowgraphs.parts import PictureCodec
from linksim.flowgraphs.parts.training_link import training_link
from linksim.flowgraphs.recipes.picture_recipe import PictureRecipe, add_training_link
from linksim.flowgraphs.recipes.weight_anchor import ANCHOR_STRENGTH, WeightAnchor
from linksim.training import Stage
from linksim.weights import holds_part, weights_path


@dataclass(kw_only=True)
class DirectRecipe(PictureRecipe):
    """Mean squared error from end to end, all patches weighing the same.

    Args:
        anchor: a file of `WeightAnchor`, which holds weights where an earlier task needs them; None holds none.
        anchor_strength: lambda of elastic weight consolidation.
    """

    anchor: str | None = None
    anchor_strength: float = ANCHOR_STRENGTH

    rate_factors: ClassVar[Mapping[str, float]] = {".klt.": 0.03}

    @abstractmethod
    def make_rate(self) -> RateBlock:
        """The random rate that is trained with."""

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage("system", 1.0, tuple(self.parts), self.system)]

    def system(self) -> Flowgraph:
        """The whole link, for the error at its end."""
        fg = Flowgraph("system")
        fg.crops, fg.snr = self.crops(), self.snr()
        link = training_link(
            "link", self.codec, self.make_rate(), fading_share=self.fading_share, psnr_weighting=self.psnr_weighting
        )
        add_training_link(fg, link)
        if self.anchor is None:
            fg.connect(fg.link["distortion"], fg["loss"])
            return fg
        fg.anchor = WeightAnchor(parts=self.codec.parts, path=self.anchor, strength=self.anchor_strength)
        fg.connect(fg.link["distortion"], fg.anchor, fg["loss"])
        return fg

    def identity(self) -> Mapping[str, Any]:
        """See `PictureRecipe`; without an anchor nothing of it is said."""
        plain = dict(super().identity())
        held = {"anchor": self.anchor and file_digest(Path(self.anchor)), "anchor_strength": self.anchor_strength}
        return {**plain, **held} if self.anchor else {name: plain[name] for name in plain if name not in held}


def started(
    make: Callable[[str | None], PictureCodec],
    start: str | None,
    part: str,
    take_transform: Callable[[nn.Module, nn.Module, str], None],
) -> PictureCodec:
    """A codec from its own weights, or from the transform of SA-OOSC's codec where the weights are that one's."""
    own = start is not None and holds_part(weights_path(start), part)
    codec = make(start if own else None)
    if start is not None and not own:
        weights_path(start, "vectorizer")
        take_transform(codec.encoder, codec.decoder, start)
    return codec
