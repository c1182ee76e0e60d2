"""Arguments of a sweep, checked."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linksim.errors import ParameterError, SweepError, require
from linksim.montecarlo.cases import Cases
from linksim.montecarlo.stop import Stop
from linksim.port import Port, TensorSpec

StopRules = Stop | str | Sequence[Stop | str]


def checked_store(store: object) -> Path | None:
    """The path of a store. Raises `ParameterError` where it is none."""
    require(store is None or isinstance(store, str | Path), "store", "a path", store)
    return None if store is None else Path(store)  # pyright: ignore[reportArgumentType]


def check_number(name: str, value: Any, port: Port) -> None:
    """A grid and `inputs` hold numbers for the link's inputs: else every chunk would fail."""
    if value is None and port.optional:
        return
    if not isinstance(port.spec, TensorSpec) or len(port.spec.dimensions) != 1:
        raise SweepError(f"the input '{name}' is {port}: it takes no number, and must come from cases")
    right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if port.spec.family != "float":
        right = right and float(value or 0) % 1 == 0
    if not right:
        kind = "number" if port.spec.family == "float" else "whole number"
        raise SweepError(f"the input '{name}' must be a {kind} (got {value!r})")


def stop_rules(stop: StopRules, cases: Cases | None) -> tuple[Stop, ...]:
    """The rules; with cases and without a rule, each case once. Raises `ParameterError` where there must be one."""
    given: list[Any] = list(stop) if isinstance(stop, list | tuple) else [stop]
    strange = next((rule for rule in given if not isinstance(rule, Stop | str)), None)
    require(strange is None, "stop", "Stops, or their texts", strange)
    rules = tuple(Stop.parse(rule) if isinstance(rule, str) else rule for rule in given)
    if not rules and cases is not None:
        return (Stop(frames=len(cases)),)
    if not rules:
        raise ParameterError("a sweep without cases needs a stop rule, as 'ber:rel=0.05,errors=100,trials=1e8'")
    return rules
