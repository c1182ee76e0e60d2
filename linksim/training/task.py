"""What a codec must bring to be trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn


@dataclass(frozen=True)
class Stage:
    """A part of the schedule: its name, its share of the budget, and which parts learn in it."""

    name: str
    share: float
    learning: Sequence[str]


class Task(Protocol):
    """Data, loss and validation of one codec; the trainer calls nothing else."""

    parts: Mapping[str, nn.Module]
    """The modules whose weights are trained, averaged and saved, by name."""
    batch: int
    rate_factors: Mapping[str, float]
    """Factors on the learning rate for parameters in whose name the text occurs, the first that does."""

    @property
    def stages(self) -> Sequence[Stage]:
        """The schedule."""
        ...

    def prepare(self, stage: str) -> None:
        """Called once before the first step of a stage."""
        ...

    def loss(self, stage: str, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of one batch drawn from `seed`, and figures for the log."""
        ...

    def validate(self) -> dict[str, float]:
        """Figures on pictures that are not trained on, with the weights now in `parts`."""
        ...
