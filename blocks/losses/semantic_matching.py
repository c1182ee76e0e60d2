"""How well a score map finds what is salient."""

from torch.nn import functional

from linksim.block import Block
from linksim.precision import full_precision
from linksim.types import Mask, Score, ScoreMap

EPSILON = 1e-6


class SemanticMatchingLoss(Block):
    """Binary cross-entropy between a score map and what is salient: lower is better.

    The mask is averaged over the pixels of each place of the map. GenED-SC counts salient places only, so that a map
    that finds everything salient has no loss; `as_printed` is that. Without it the mean is over all places.

    Shapes: score [batch, score_rows, score_cols], logits; mask [batch, height, width]; out.value [batch]. Gradients
    pass.
    Source: GenED-SC (arXiv 2606.04015), eq. 21.

    >>> import torch
    >>> mask = torch.tensor([[[True, False]]])
    >>> [round(SemanticMatchingLoss(as_printed=printed)(score=torch.full((1, 1, 2), 20.0), mask=mask).value.item(), 3)
    ...     for printed in (True, False)]
    [0.0, 10.0]
    """

    def __init__(self, *, as_printed: bool = False) -> None:
        super().__init__()
        self.as_printed = as_printed

    @full_precision
    def forward(self, score: ScoreMap, mask: Mask) -> Score:
        size = score.shape[1], score.shape[2]
        salient = functional.adaptive_avg_pool2d(mask[:, None].to(score), size)[:, 0]
        if not self.as_printed:
            loss = functional.binary_cross_entropy_with_logits(score, salient, reduction="none")
            return Score(loss.mean((1, 2)))
        salient = (salient > 0.5).to(score)
        loss = functional.softplus(-score) * salient
        return Score(loss.sum((1, 2)) / (salient.sum((1, 2)) + EPSILON))
