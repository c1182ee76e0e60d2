"""What a run says of itself while it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever shows it. There are no figures while a stage is prepared."""

    step: int
    stage: str
    fraction: float
    seconds: float
    figures: Mapping[str, float]
    validation: Mapping[str, float] | None


class Means:
    """Means of figures over steps."""

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, float] = {}

    def add(self, figures: Mapping[str, float]) -> None:
        """Take in one step's figures."""
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in figures.items()}
        self.count += 1

    def take(self) -> dict[str, float]:
        """The means, and begin anew."""
        means = {name: total / self.count for name, total in self._sums.items()}
        self.count, self._sums = 0, {}
        return means
