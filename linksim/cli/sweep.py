"""`linksim sweep`: Monte Carlo from the command line."""

import importlib
import math
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from rich.console import Console

from linksim import Flowgraph
from linksim.blocks.sources import PictureCases
from linksim.catalogue import catalogue, find_block
from linksim.cli.results import print_table
from linksim.cli.sweep_progress import sweep_progress
from linksim.cli.transmit import pick_device
from linksim.errors import LinksimError, ParameterError, SweepError, nearest
from linksim.file_format import check_parameters
from linksim.flowgraphs import FLOWGRAPHS
from linksim.montecarlo import Executor, RayCluster, Sweep
from linksim.montecarlo.link import Factory

MOST_VALUES = 100_000


@dataclass(frozen=True)
class SweepRequest:
    """What the user asked for; also what `linksim replay` needs to do it again."""

    flowgraph: str
    grid: Sequence[str]
    stop: Sequence[str]
    inputs: Sequence[str]
    pictures: Path | None
    scenes: Path | None
    seed: int
    chunk: int | None
    over: str | None
    curve: str | None
    device: str

    def build(self) -> Sweep:
        """The sweep. Raises what its parts raise."""
        if self.pictures is not None and self.scenes is not None:
            raise ParameterError("give --pictures or --scenes, not both")
        cases = None
        if self.pictures is not None:
            cases = PictureCases(self.pictures)
        elif self.scenes is not None:
            cases = PictureCases.scenes(self.scenes)
        return Sweep(
            find_source(self.flowgraph),
            grid=_axes(self.grid),
            stop=list(self.stop),
            seed=self.seed,
            chunk=self.chunk,
            cases=cases,
            inputs={name: values[0] for name, values in map(parse_axis, self.inputs)},
            over=self.over,  # pyright: ignore[reportArgumentType]
            curve=self.curve,
            device=str(pick_device(self.device)),
        )

    def origin(self) -> dict[str, Any]:
        """As plain values, paths made absolute."""
        paths = {name: None if path is None else str(path.resolve())
                 for name, path in (("pictures", self.pictures), ("scenes", self.scenes))}  # fmt: skip
        listed = {name: list(getattr(self, name)) for name in ("grid", "stop", "inputs")}
        plain = {name: getattr(self, name) for name in ("seed", "chunk", "over", "curve", "device")}
        source = self.flowgraph
        if source.endswith((".yaml", ".yml")):
            source = str(Path(source).resolve())
        return {"flowgraph": source, **listed, **paths, **plain}

    @staticmethod
    def from_origin(origin: Mapping[str, Any]) -> "SweepRequest":
        """The inverse of `origin`."""
        paths: dict[str, Any] = {
            name: None if origin[name] is None else Path(origin[name]) for name in ("pictures", "scenes")
        }
        return SweepRequest(**{**origin, **paths})


def _axes(texts: Sequence[str]) -> dict[str, list[Any]]:
    axes: dict[str, list[Any]] = {}
    for name, values in map(parse_axis, texts):
        if name in axes:
            raise ParameterError(f"--grid names '{name}' twice; give all its values in one")
        axes[name] = values
    return axes


def find_source(name: str) -> Flowgraph | Factory:
    """A flowgraph by the name of the catalogue, a YAML file, or `module:function` (found from the current folder)."""
    if name in FLOWGRAPHS:
        return FLOWGRAPHS[name]
    if name.endswith((".yaml", ".yml")):
        return Flowgraph.load(name)
    if ":" not in name:
        raise ParameterError(f"no flowgraph '{name}'; {nearest(name, FLOWGRAPHS)} A file must end in .yaml, and code "
                             "is named as module:function")  # fmt: skip
    module_name, _, attribute = name.partition(":")
    # It stays there: workers must find the module too.
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise ParameterError(f"'{name}' cannot be found: {error}") from None
    if not isinstance(found, Flowgraph) and not callable(found):
        raise ParameterError(f"'{name}' is neither a Flowgraph nor a function that makes one")
    return cast(Flowgraph | Factory, found)


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """`name=0:10:1` (both ends included), `name=1,2,5`, or `name=AWGN,Rayleigh(coherence=frame)`."""
    name, equals, rest = text.partition("=")
    if not equals or not name or not rest:
        raise ParameterError(f"'{text}' must read name=value,value,... or name=first:last:step")
    if re.fullmatch(r"[^:,()]+:[^:,()]+:[^:,()]+", rest):
        return name, _range(text, *rest.split(":"))
    return name, [_value(part) for part in re.split(r",(?![^(]*\))", rest)]


def _range(text: str, *parts: str) -> list[float]:
    try:
        first, last, step = map(float, parts)
    except ValueError:
        first = math.nan
        last = step = 1.0
    if not all(map(math.isfinite, (first, last, step))):
        raise ParameterError(f"'{text}' must read name=first:last:step, all numbers") from None
    if step == 0 or (last - first) / step < 0:
        raise ParameterError(f"'{text}': the step must lead from first to last")
    count = int((last - first) / step + 1e-9) + 1
    if count > MOST_VALUES:
        raise ParameterError(f"'{text}' holds {count} values; at most {MOST_VALUES} are allowed")
    return [round(first + i * step, 12) for i in range(count)]


def _value(text: str) -> Any:
    match = re.fullmatch(r"([A-Za-z_]\w*)(?:\((.*)\))?", text.strip())
    if match and match[1] in catalogue():
        kind = find_block(match[1])
        pairs = [part.partition("=") for part in filter(None, (match[2] or "").split(","))]
        return kind(**check_parameters(kind, {name.strip(): _plain_value(value) for name, _, value in pairs}))
    value = _plain_value(text)
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d*)?e[+-]?\d+", value, re.IGNORECASE):
        return float(value)
    return value


def _plain_value(text: str) -> Any:
    if not text.strip():
        raise ParameterError("a value is missing: two commas, or one at an end")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def run_sweep(asked: SweepRequest, store: Path | None, workers: int, ray: str | None, as_json: bool) -> None:
    """The command."""
    notes = Console(stderr=True)
    sweep = asked.build()
    executor: int | Executor = workers
    if ray is not None:
        executor = RayCluster(None if ray == "auto" else ray, workers if workers > 1 else None)
    try:
        with warnings.catch_warnings(), sweep_progress(sweep) as progress:
            warnings.showwarning = lambda message, *_: notes.print(f"note: {message}", style="yellow", markup=False)
            warnings.simplefilter("always", UserWarning)
            table = sweep.run(store=store, workers=executor, progress=progress, origin=asked.origin())
    except KeyboardInterrupt:
        kept = (
            f"what was done is in '{store}'; the same command goes on" if store else "give --store to be able to go on"
        )
        notes.print(f"stopped; {kept}", style="yellow", markup=False)
        raise
    if as_json:
        print(table.to_json(orient="records"))
        return
    print_table(table, sweep.names)
    if store is not None:
        notes.print(f"results are in {store}; linksim results, plot and replay read them", soft_wrap=True, markup=False)


def replayable(origin: Mapping[str, Any]) -> Sweep:
    """The sweep that a store was made by. Raises `SweepError` where it was made from Python."""
    if not origin:
        raise SweepError("this sweep was run from Python: replay it there, with sweep.replay(point, chunk)")
    try:
        return SweepRequest.from_origin(origin).build()
    except (LinksimError, TypeError, KeyError) as error:
        raise SweepError(f"the sweep's flowgraph cannot be built again: {error}") from None
