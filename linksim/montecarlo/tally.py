"""What a chunk of frames adds to each metric: sums that can be added up, and the estimates made of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from linksim.errors import ParameterError
from linksim.montecarlo.interval import (
    CONFIDENCE,
    NOTHING,
    Interval,
    clustered_rate,
    exact_rate,
    student_mean,
)

if TYPE_CHECKING:
    from torch import Tensor

SETTLED_VALUES = 10
Over = Literal["noise", "pictures"]
PlainTally = list[int] | dict[str, Any]


@dataclass(frozen=True)
class RateTally:
    """Errors and trials of frames that had a trial, with the sums of squares that tell how errors cluster."""

    frames: int = 0
    errors: int = 0
    trials: int = 0
    errors_squared: int = 0
    errors_by_trials: int = 0
    trials_squared: int = 0

    def __add__(self, other: "RateTally") -> "RateTally":
        return RateTally(*[a + b for a, b in zip(self.plain(), other.plain(), strict=True)])

    def plain(self) -> list[int]:
        """As a list of whole numbers, for a file."""
        return [self.frames, self.errors, self.trials, self.errors_squared, self.errors_by_trials, self.trials_squared]

    def interval(self, over: Over, confidence: float = CONFIDENCE) -> Interval:  # noqa: ARG002
        """Exact where each frame is one trial with at most one error, else clustered by frame."""
        if self.trials == self.frames == self.trials_squared and self.errors == self.errors_squared:
            return exact_rate(self.errors, self.trials, confidence)
        squares = (self.errors_squared, self.errors_by_trials, self.trials_squared)
        return clustered_rate(self.frames, self.errors, self.trials, squares, confidence)

    @property
    def badness(self) -> float:
        """What the worst chunk has most of."""
        return float(self.errors)

    def settled(self, over: Over) -> bool:  # noqa: ARG002
        """Whether a stop rule may look at the interval's width; its kind says so itself."""
        return True

    @property
    def spent(self) -> int:
        """What a limit of trials counts."""
        return self.trials


@dataclass(frozen=True)
class ScoreTally:
    """Per picture: frames, sum and sum of squares of a score; `missing` frames had none; `least` of all."""

    pictures: Mapping[int, tuple[int, float, float]] = field(default_factory=dict[int, tuple[int, float, float]])
    missing: int = 0
    least: float = math.inf

    def __add__(self, other: "ScoreTally") -> "ScoreTally":
        merged = dict(self.pictures)
        for picture, (count, total, square) in other.pictures.items():
            known = merged.get(picture, (0, 0.0, 0.0))
            merged[picture] = (known[0] + count, known[1] + total, known[2] + square)
        return ScoreTally(merged, self.missing + other.missing, min(self.least, other.least))

    def plain(self) -> dict[str, Any]:
        """As plain values, for a file."""
        pictures = {str(picture): list(sums) for picture, sums in self.pictures.items()}
        return {"pictures": pictures, "missing": self.missing, "least": None if math.isinf(self.least) else self.least}

    def by_picture(self) -> list[tuple[int, int, float]]:
        """Picture, frames that had a value, mean of the score."""
        return [(picture, count, total / count) for picture, (count, total, _) in sorted(self.pictures.items())]

    @property
    def frames(self) -> int:
        """Frames seen, with a value or without."""
        return self.missing + sum(count for count, _, _ in self.pictures.values())

    @property
    def trials(self) -> int:
        """Frames that have a value."""
        return self.frames - self.missing

    @property
    def errors(self) -> None:
        """A score has none."""
        return

    def interval(self, over: Over, confidence: float = CONFIDENCE) -> Interval:
        """The mean over the pictures of each picture's mean: uncertain by the noise alone, or by the pictures too."""
        sums = [self.pictures[picture] for picture in sorted(self.pictures)]
        if not sums:
            return NOTHING
        means = [total / count for count, total, _ in sums]
        mean = math.fsum(means) / len(means)
        if over == "pictures":
            spread = math.fsum((m - mean) ** 2 for m in means) / max(len(means) - 1, 1)
            return student_mean(mean, spread / len(means), len(means) - 1, "over pictures", confidence)
        if any(count < 2 for count, _, _ in sums):
            return student_mean(mean, math.inf, 0, "over noise", confidence)
        variances = [max(q - t * t / n, 0.0) / (n - 1) / n for n, t, q in sums]
        variance = math.fsum(variances) / len(sums) ** 2
        weight = math.fsum(v * v / (n - 1) for v, (n, _, _) in zip(variances, sums, strict=True))
        # Welch and Satterthwaite: as many degrees of freedom as the pictures' unequal variances leave.
        freedom = math.fsum(variances) ** 2 / weight if weight > 0 else float(sum(n - 1 for n, _, _ in sums))
        return student_mean(mean, variance, freedom, "over noise", confidence)

    @property
    def badness(self) -> float:
        """What the worst chunk has most of."""
        return -self.least

    def settled(self, over: Over) -> bool:
        """Whether a stop rule may look at the interval's width: of fewer values it is too often small by chance."""
        pictures = len(self.pictures)
        return (pictures if over == "pictures" else self.trials - pictures + 1) >= SETTLED_VALUES

    @property
    def spent(self) -> int:
        """What a limit of trials counts: frames without a value too, or it might never be reached."""
        return self.frames


Tally = RateTally | ScoreTally


def tally_of(metric: object, picture: int) -> Tally | None:
    """The sums of one run's metric, frames of `picture`; None where the value is no metric.

    `Counts` and flags (bool [batch]) are rates, a `Score` is a score; scores that are not a number count as missing.
    """
    import torch
    from torch import Tensor

    from linksim.types import Counts, Score

    if isinstance(metric, Counts):
        return _rate(metric.errors, metric.trials)
    if isinstance(metric, Score):
        return _score(metric.value, picture)
    if isinstance(metric, Tensor) and metric.dtype == torch.bool and metric.ndim == 1:
        return _rate(metric.long(), torch.ones_like(metric, dtype=torch.int64))
    return None


def _rate(errors: "Tensor", trials: "Tensor") -> RateTally:
    import torch

    # In float64, where whole numbers are exact to 2^53: all sums of squares are one small product.
    pairs = torch.stack([errors, trials]).detach().cpu().double()
    (errors_squared, both), (_, trials_squared) = (pairs @ pairs.T).long().tolist()
    total_errors, total_trials = pairs.sum(1).long().tolist()
    # Errors beyond the trials are words that were put in, see `clustered_rate`.
    if bool((pairs < 0).any()):
        raise ParameterError(
            f"a metric of counts must not be negative (got {errors.min()} errors, {trials.min()} trials)"
        )
    return RateTally(
        int(torch.count_nonzero(pairs[1])), total_errors, total_trials, errors_squared, both, trials_squared
    )


def _score(values: "Tensor", picture: int) -> ScoreTally:
    values = values.detach().cpu().double()
    known = values[~values.isnan()]
    if len(known) == 0:
        return ScoreTally({}, len(values))
    sums = (len(known), float(known.sum()), float(known.square().sum()))
    return ScoreTally({picture: sums}, len(values) - len(known), float(known.min()))


def tally_from(plain: PlainTally) -> Tally:
    """The inverse of `plain()`."""
    if isinstance(plain, list):
        return RateTally(*plain)
    pictures = {
        int(key): (int(n), float(total), float(square)) for key, (n, total, square) in plain["pictures"].items()
    }
    least = math.inf if plain["least"] is None else float(plain["least"])
    return ScoreTally(pictures, int(plain["missing"]), least)
