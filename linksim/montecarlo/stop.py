"""When a point has been simulated enough."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from linksim.errors import ParameterError, nearest, require
from linksim.montecarlo.tally import Over, Tally
from linksim.text import decimal

TARGETS = ("relative", "absolute", "errors", "frames")


@dataclass(frozen=True)
class Stop:
    """What must hold for one metric, and limits that end a point whatever holds. Several rules combine: all their
    targets must hold, and any limit ends.

    Args:
        metric: the metric that the targets are about; may be left out where there are only limits.
        relative: half the interval's width over the estimate, at most.
        absolute: half the interval's width, at most.
        errors: errors counted, at least.
        frames: frames simulated, at least.
        most_trials: the limit of trials of the metric; of frames where it has no metric.
        seconds: the limit of seconds of computing per point.
        total_seconds: the limit of seconds of the sweep, by the clock on the wall.
        floor: once a point's estimate, or its upper bound where no error was seen, lies below, the points that follow
            on its curve are not simulated.

    Raises `ParameterError` where nothing is asked for, or a number is out of range.

    >>> Stop.parse("ber:rel=0.05,errors=100")
    Stop(metric='ber', relative=0.05, errors=100)
    """

    metric: str | None = None
    relative: float | None = None
    absolute: float | None = None
    errors: int | None = None
    frames: int | None = None
    most_trials: int | None = None
    seconds: float | None = None
    total_seconds: float | None = None
    floor: float | None = None

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        require(bool(given.keys() - {"metric", "floor"}), "stop", "at least one target or limit", given)
        for name, value in given.items():
            if name != "metric":
                number = isinstance(value, int | float) and not isinstance(value, bool)
                good = number and math.isfinite(value) and value > 0
                require(good, name, "a positive number", value)
                require(name not in WHOLE or value % 1 == 0, name, "a whole number", value)
        if self.metric is None and any(
            getattr(self, name) is not None for name in ("relative", "absolute", "errors", "floor")
        ):
            raise ParameterError(
                "a stop rule with relative, absolute, errors or floor must name its metric, as 'ber:...'"
            )

    def __repr__(self) -> str:
        given = [f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) is not None]
        return f"Stop({', '.join(given)})"

    @staticmethod
    def parse(text: str) -> "Stop":
        """A rule from text, `metric:name=number,...`, or `name=number,...` for limits alone; see `NAMES`."""
        metric, _, rest = text.rpartition(":")
        settings: dict[str, float] = {}
        for part in filter(None, rest.split(",")):
            name, _, number = part.partition("=")
            field = NAMES.get(name.strip())
            if field is None:
                raise ParameterError(f"no stop rule '{name}' in '{text}'; {nearest(name, NAMES)}")
            value = decimal(number)
            if value is None or not math.isfinite(value) or (field in WHOLE and value % 1):
                kind = "number, and whole" if field in WHOLE else "number"
                raise ParameterError(f"'{name}' in the stop rule '{text}' must be a {kind} (got '{number}')")
            if field in settings:
                raise ParameterError(f"the stop rule '{text}' gives '{name}' twice")
            settings[field] = int(value) if field in WHOLE else float(value)
        return Stop(metric or None, **settings)  # pyright: ignore[reportArgumentType]

    # -- deciding

    def holds(self, tallies: Mapping[str, Tally], frames: int, over: Over, confidence: float) -> bool:
        """Whether all targets hold, and there are any."""
        if all(getattr(self, name) is None for name in TARGETS) or frames < (self.frames or 0):
            return False
        if self.metric is None:
            return True
        tally = tallies[self.metric]
        if self.errors is not None and (tally.errors or 0) < self.errors:
            return False
        if self.relative is None and self.absolute is None:
            return True
        if not tally.settled(over):
            return False
        found = tally.interval(over, confidence)
        widest = min(
            math.inf if self.absolute is None else self.absolute,
            math.inf if self.relative is None else self.relative * abs(found.estimate),
        )
        return math.isfinite(found.half_width) and found.half_width <= widest

    def limit(self, tallies: Mapping[str, Tally], frames: int, seconds: float) -> str | None:
        """The limit that was reached, if any."""
        trials = frames if self.metric is None else tallies[self.metric].spent
        if self.most_trials is not None and trials >= self.most_trials:
            return "trials"
        return "seconds" if self.seconds is not None and seconds >= self.seconds else None


NAMES = {
    "rel": "relative",
    "abs": "absolute",
    "errors": "errors",
    "frames": "frames",
    "trials": "most_trials",
    "seconds": "seconds",
    "total_seconds": "total_seconds",
    "floor": "floor",
}
"""How stop rules are written: name to field of `Stop`."""
WHOLE = ("errors", "frames", "most_trials")


def decide(
    rules: Sequence[Stop], tallies: Mapping[str, Tally], frames: int, seconds: float, over: Over, confidence: float
) -> str | None:
    """Why a point ends here, or None: "targets" where all targets hold, else the first limit reached."""
    aimed = [rule for rule in rules if any(getattr(rule, name) is not None for name in TARGETS)]
    if aimed and all(rule.holds(tallies, frames, over, confidence) for rule in aimed):
        return "targets"
    return next(filter(None, (rule.limit(tallies, frames, seconds) for rule in rules)), None)
