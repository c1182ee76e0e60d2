"""From chunks to a point's results: the shortest prefix of chunks that satisfies the stop rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from linksim.errors import SweepError, nearest
from linksim.montecarlo.interval import CONFIDENCE, Interval
from linksim.montecarlo.stop import Stop, decide
from linksim.montecarlo.store import Chunk
from linksim.montecarlo.tally import Over, Tally

MAX_FAILURES = 3
"""After so many chunks that failed, and none that did not, a point is given up."""


@dataclass(frozen=True)
class Rules:
    """How chunks become results."""

    stop: Sequence[Stop]
    over: Over = "noise"
    confidence: float = CONFIDENCE
    most_chunks: int | None = None
    """Where each case is sent once, also where some fail: no rule is given, or the interval is over pictures and no
    rule asks for frames, trials or seconds. Sending them again does not tell more about other pictures."""


@dataclass
class Fold:
    """The chunks of one point, added up in the order of their numbers whatever order they come in."""

    rules: Rules
    next: int = 0
    """The first chunk that is not in the sums."""
    chunks: int = 0
    frames: int = 0
    seconds: float = 0.0
    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    failures: list[Chunk] = field(default_factory=list[Chunk])
    stopped_by: str | None = None
    _waiting: dict[int, Chunk] = field(default_factory=dict[int, Chunk])

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Take chunks in; those that come after the end are left out."""
        self._waiting.update({chunk.number: chunk for chunk in chunks if chunk.number >= self.next})
        while self.stopped_by is None and self.next in self._waiting:
            self._take(self._waiting.pop(self.next))
            self.next += 1

    @property
    def known(self) -> set[int]:
        """Numbers of chunks that came before their turn."""
        return set(self._waiting)

    def _take(self, chunk: Chunk) -> None:
        self.seconds += chunk.seconds
        if chunk.error is not None:
            self.failures.append(chunk)
            if self._is_last(chunk):
                self.stopped_by = "pictures" if self.chunks else "failures"
            elif self.rules.most_chunks is None and len(self.failures) >= max(MAX_FAILURES, self.chunks + 1):
                self.stopped_by = "failures"
            return
        self.chunks += 1
        self.frames += chunk.frames
        for name, tally in chunk.tallies.items():
            self.tallies[name] = self.tallies[name] + tally if name in self.tallies else tally  # pyright: ignore
        for rule in self.rules.stop:
            check_metric(rule, self.tallies)
        self.stopped_by = decide(
            self.rules.stop, self.tallies, self.frames, self.seconds, self.rules.over, self.rules.confidence
        )
        if self.stopped_by is None and self._is_last(chunk):
            self.stopped_by = "pictures"

    def _is_last(self, chunk: Chunk) -> bool:
        return chunk.number + 1 >= (self.rules.most_chunks or math.inf)

    def remaining(self) -> float | None:
        """A forecast of the chunks still to come: half-widths shrink with the root of their number, errors grow.

        None where no rule can be forecast yet.
        """
        factors: list[float] = []
        for rule in self.rules.stop:
            tally = self.tallies.get(rule.metric or "")
            if tally is None:
                continue
            found = tally.interval(self.rules.over, self.rules.confidence)
            widths = [rule.absolute, None if rule.relative is None else rule.relative * abs(found.estimate)]
            factors += [(found.half_width / width) ** 2 for width in widths if width]
            factors += [rule.errors / tally.errors] if rule.errors and tally.errors else []
            factors += [rule.most_trials / tally.spent] if rule.most_trials and tally.spent else []
        known = [factor for factor in factors if math.isfinite(factor)]
        return self.chunks * max(max(known) - 1, 0.0) if known else None

    @property
    def below_floor(self) -> bool:
        """Whether the curve may end here."""
        return any(
            found.high < rule.floor
            if (found := self._interval(rule.metric)).estimate == 0
            else found.estimate < rule.floor
            for rule in self.rules.stop
            if rule.floor is not None and rule.metric in self.tallies
        )

    def _interval(self, metric: str) -> Interval:
        return self.tallies[metric].interval(self.rules.over, self.rules.confidence)


def check_metric(rule: Stop, known: Mapping[str, Tally]) -> None:
    """Raise `SweepError` where a rule names a metric that the flowgraph does not give, or errors of one without."""
    if rule.metric is None:
        return
    if rule.metric not in known:
        raise SweepError(f"the flowgraph gives no metric '{rule.metric}' to stop by; {nearest(rule.metric, known)}")
    if rule.errors is not None and known[rule.metric].errors is None:
        raise SweepError(f"'{rule.metric}' is a score and has no errors to stop by; ask for rel, abs or frames")
