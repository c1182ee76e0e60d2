"""Elastic weight consolidation: weights are held where an earlier task needs them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from linksim import Block
from linksim.errors import require
from linksim.types import Score
from linksim.weights import named_tensors, read_weights, write_weights

ANCHOR_STRENGTH = 1000.0
"""lambda unless given; not tuned."""
MEAN, FISHER = "mean", "fisher"
"""The two halves of a file of anchors, each with the tensors of the parts by their names."""


class WeightAnchor(Block):
    """A loss, and strength / 2 * sum F (w - w*)^2, w* being the weights after the earlier tasks and F their importance.

    Args:
        parts: the blocks that learn, by the names that they have in the file; their weights stay with them.
        path: a file that `write_anchor` wrote.
        strength: lambda, at least 0.

    Shapes: loss.value [batch]; out.value [batch]. Gradients pass to the loss and to the weights.
    Source: Kirkpatrick et al., PNAS 2017, eq. 3.

    Raises:
        ParameterError: the strength is negative.
        FileError: the file cannot be read.
    """

    def __init__(self, *, parts: Mapping[str, Block], path: str, strength: float) -> None:
        super().__init__()
        require(strength >= 0, "strength", "at least 0", strength)
        self.strength = strength
        # In a tuple: as an attribute of their own the blocks would be parts of this one.
        self._parts = (dict(parts),)
        self._mean, self._fisher = (read_weights(Path(path), half) for half in (MEAN, FISHER))

    def forward(self, loss: Score) -> Score:
        terms = [(self._fisher[name].to(weight) * (weight - self._mean[name].to(weight)).square()).sum()
                 for name, weight in learned(self._parts[0])]  # fmt: skip
        return Score(loss.value + self.strength / 2 * torch.stack(terms).sum())


def learned(parts: Mapping[str, torch.nn.Module]) -> Iterator[tuple[str, Tensor]]:
    """The trained weights by the names that `named_tensors` gives them."""
    for part, module in parts.items():
        for key, parameter in module.named_parameters():
            yield f"{part}.{key}", parameter


def write_anchor(
    path: Path, parts: Mapping[str, torch.nn.Module], fisher: Mapping[str, Tensor], earlier: Path | None
) -> None:
    """Write the weights and their importance, added to that of an earlier anchor.

    Source: the sum over tasks, with the weights after the last: Huszár, PNAS 2018.
    """
    before = read_weights(earlier, FISHER) if earlier else {}
    total = {name: value + before.get(name, torch.zeros(())) for name, value in fisher.items()}
    means = {f"{MEAN}.{name}": tensor for name, tensor in named_tensors(parts)}
    write_weights(path, {**means, **{f"{FISHER}.{name}": value for name, value in total.items()}}, torch.float32)
