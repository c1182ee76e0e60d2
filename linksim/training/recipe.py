"""What a system must say to be trained: its parts, its stages, its validation."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from linksim.block import Block
from linksim.flowgraph import Flowgraph


def nothing() -> None:
    """Done before a stage that needs no preparation."""


@dataclass(frozen=True)
class Stage:
    """A part of the schedule.

    Args:
        name: its name in the log.
        share: its share of the budget; the shares of a recipe add up to 1.
        learning: the names of the parts that learn in it; the others stay as they are.
        graph: makes the stage's flowgraph. It has no inputs, because its data come from source blocks, and an output
            `loss`, a `Score`, whose mean over the batch is minimised. Its other outputs that are scores go to the log.
            The recipe's parts stand in it.
        prepare: called once before the first step of the stage.
    """

    name: str
    share: float
    learning: Sequence[str]
    graph: Callable[[], Flowgraph]
    prepare: Callable[[], None] = nothing


class Recipe(ABC):
    """The training of one system. A subclass is a dataclass whose fields are what a user may set.

    Attributes:
        parts: the blocks that are trained, averaged and kept in checkpoints, by name; they stand in one stage's
            flowgraph after the other.
        batch: frames in a batch.
        rate_factors: factors on the learning rate for parameters in whose name the text occurs, the first that does.
        unshipped: those of the parts that only training needs, and that are not written when a run ends.
    """

    parts: dict[str, Block]
    batch: int
    rate_factors: ClassVar[Mapping[str, float]] = {}
    unshipped: ClassVar[Sequence[str]] = ()

    @property
    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """The schedule."""

    @abstractmethod
    def validate(self) -> Mapping[str, float]:
        """Figures on data that are not trained on, with the weights now in `parts`."""

    def identity(self) -> Mapping[str, Any]:
        """Plain values that make a run what it is: a checkpoint of another identity is not continued."""
        return {}

    def to(self, device: torch.device) -> None:
        """Move the parts, and with them the flowgraphs that they will stand in."""
        for part in self.parts.values():
            part.to(device)
