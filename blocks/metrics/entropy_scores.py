"""What the entropy of the patches knows of their importance."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.types import Entropy, Importance, Lengths, Score


class EntropyFigures(NamedTuple):
    """Mean entropy in bits per class; how well entropy tells high from background; how well the rate follows it."""

    background: Score
    low: Score
    medium: Score
    high: Score
    separates_high: Score
    rank_correlation: Score


class EntropyScores(Block):
    """Whether important patches have more entropy, and whether the rate follows the entropy.

    `separates_high` is the area under the receiver operating characteristic: the probability that a patch of high
    importance has more entropy than a background patch (0.5: none is known). `rank_correlation` is Spearman's between
    the channel uses and the entropy of the patches.

    Shapes: entropy [batch, rows, cols] in bits; importance and lengths likewise; every output [batch], NaN where a
    picture has no patch of a class. No gradient.
    Source: Mann and Whitney, Ann. Math. Statist. 1947; Spearman, Am. J. Psychol. 1904.

    >>> k, importance = torch.tensor([[[4, 8, 12]]]), torch.tensor([[[0, 0, 3]]])
    >>> scores = EntropyScores()(entropy=k * 2.0, importance=importance, lengths=k)
    >>> float(scores.separates_high.value), float(scores.rank_correlation.value), float(scores.high.value)
    (1.0, 1.0, 24.0)
    """

    @torch.no_grad()
    def forward(self, entropy: Entropy, importance: Importance, lengths: Lengths) -> EntropyFigures:
        rows = [
            _figures(e.flatten().double().cpu(), labels.flatten().cpu(), k.flatten().cpu())
            for e, labels, k in zip(entropy, importance, lengths, strict=True)
        ]
        columns = torch.tensor(rows, dtype=torch.float64).reshape(len(entropy), 6).to(entropy.device, entropy.dtype)
        return EntropyFigures(*(Score(column) for column in columns.unbind(1)))


def _figures(entropy: Tensor, labels: Tensor, lengths: Tensor) -> list[float]:
    from scipy import stats

    means = [float(entropy[labels == level].mean()) for level in range(4)]
    high, background = entropy[labels == 3].numpy(), entropy[labels == 0].numpy()
    area = float("nan")
    if len(high) and len(background):
        area = float(stats.mannwhitneyu(high, background).statistic) / (len(high) * len(background))
    constant = len(lengths.unique()) < 2 or len(entropy.unique()) < 2
    correlation: Any = None if constant else stats.spearmanr(lengths.numpy(), entropy.numpy())
    return [*means, area, float("nan") if correlation is None else float(correlation.statistic)]
