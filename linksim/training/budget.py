"""How long to train, and how far along a run is."""

from dataclasses import dataclass

from linksim.errors import require


@dataclass(frozen=True)
class Budget:
    """Minutes of work or a number of steps; one of them. Only steps repeat to the last bit."""

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.minutes, self.steps) if value is not None]
        require(len(given) == 1, "minutes", "given, or steps, and only one of them", given)
        require(given[0] > 0, "minutes or steps", "positive", given[0])

    def fraction(self, step: int, seconds: float) -> float:
        """The share of the budget that is spent, 0 to 1 and more."""
        if self.steps is not None:
            return step / self.steps
        assert self.minutes is not None
        return seconds / (60 * self.minutes)
