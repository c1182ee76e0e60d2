"""Several pictures made of one sketch, and the one that fits it best."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.generative.picture_editor import PictureEditor
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Flags, Image, Text, patches_of

SPREAD = 0.03
"""Standard deviation of the noise that makes candidates differ, of the pixel range."""
SKETCH_USES, SKETCH_SNR_DB = 16, 10.0
"""What the network is told of a sketch, which arrived without errors."""
PIECE = 8
"""Edge in pixels of the pieces whose colours are compared."""


class Candidate(NamedTuple):
    """The picture, and whether it was made."""

    image: Image
    edited: Flags


class CandidateEditor(Block):
    """Make several pictures of a sketch by a network that was trained on such, and keep the one nearest to the sketch.

    The network is that of `PictureEditor`. Candidates differ by noise that is added to the sketch. Kept is the one
    whose mean colours in pieces of 8x8 pixels are nearest to the sketch's. The paper compares captions, or layout and
    palette, of the candidates; this is the latter. What is added is likely, and may be wrong.

    Args:
        candidates: how many, 1 to 64.
        weights: a shipped name ("hosonuma25"), the path of a .safetensors file, or None for an untrained network.

    Shapes: image [batch, 3, height, width]; erased [batch], nothing arrived, then the image stays; text [batch, bytes],
    left out where none arrived; out.image as image; out.edited [batch]. No gradient.
    Source: Hosonuma et al., arXiv 2404.11280; the network is linksim's.

    Raises:
        ParameterError: `candidates` is out of range.
        WeightsError: the weights are unknown or do not fit.

    >>> editor = CandidateEditor(weights=None, candidates=2).seed(1)
    >>> editor(image=torch.rand(1, 3, 40, 56), erased=torch.tensor([False])).edited.tolist()
    [True]
    """

    def __init__(self, *, candidates: int = 4, weights: str | None = "hosonuma25") -> None:
        super().__init__()
        require(1 <= candidates <= 64, "candidates", "in 1..64", candidates)
        self.candidates = candidates
        self.editor = PictureEditor(weights=weights)

    @torch.no_grad()
    @single_precision
    def forward(self, image: Image, erased: Flags, text: Text | None = None) -> Candidate:
        made = [self.made(image, text) for _ in range(self.candidates)]
        off = torch.stack([_colours_off(each, image) for each in made])
        best = torch.stack(made)[off.argmin(0), torch.arange(len(image), device=image.device)]
        return Candidate(torch.where(erased[:, None, None, None], image, best), ~erased)

    def made(self, image: Tensor, text: Text | None) -> Tensor:
        """One candidate."""
        noise = SPREAD * torch.randn(image.shape, generator=self.rng, device=self.device)
        return self.editor(image=(image + noise.to(image)).clamp(0, 1), text=text, **told(image)).image


def told(image: Tensor) -> dict[str, Tensor]:
    """What the network is told of a sketch, as `PictureEditor` takes it."""
    grid = [patches_of(side) for side in image.shape[2:]]
    lengths = torch.full((len(image), *grid), SKETCH_USES, device=image.device)
    return {"lengths": lengths, "snr_db": torch.full((len(image),), SKETCH_SNR_DB, device=image.device)}


def _colours_off(made: Tensor, sketch: Tensor) -> Tensor:
    """Mean squared difference of the pieces' colours, [batch]."""
    pooled = [functional.avg_pool2d(each, PIECE, ceil_mode=True) for each in (made, sketch)]
    return (pooled[0] - pooled[1]).square().mean((1, 2, 3))
