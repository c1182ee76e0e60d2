"""`linksim sweep`: Monte Carlo from the command line."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from linksim import Flowgraph
from linksim.blocks.sources import PictureCases
from linksim.cli.console import PlainConsole, noting
from linksim.cli.links import pick_device
from linksim.cli.own_code import load_own
from linksim.cli.results import print_table
from linksim.cli.sweep_progress import sweep_progress
from linksim.cli.values import parse_axis, parse_each
from linksim.errors import LinksimError, ParameterError, SweepError, nearest
from linksim.files import check_outputs
from linksim.flowgraphs import FLOWGRAPHS
from linksim.montecarlo import Executor, RayCluster, Sweep
from linksim.montecarlo.link import Factory
from linksim.montecarlo.table import records

YAML = (".yaml", ".yml")


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
            inputs=parse_each("--input", list(self.inputs)),
            over=self.over,  # pyright: ignore[reportArgumentType]
            curve=self.curve,
            device=str(pick_device(self.device)),
        )

    def files(self) -> list[Path | None]:
        """What is read, as far as it is named by a path."""
        source = Path(self.flowgraph) if self.flowgraph.endswith(YAML) else None
        return [source, self.pictures]

    def origin(self) -> dict[str, Any]:
        """As plain values, paths made absolute, with the folder in which others, and modules, are found."""
        paths = {name: None if path is None else str(path.resolve())
                 for name, path in (("pictures", self.pictures), ("scenes", self.scenes))}  # fmt: skip
        listed = {name: list(getattr(self, name)) for name in ("grid", "stop", "inputs")}
        plain = {name: getattr(self, name) for name in ("seed", "chunk", "over", "curve", "device")}
        source = self.flowgraph
        if source.endswith(YAML):
            source = str(Path(source).resolve())
        return {"flowgraph": source, **listed, **paths, **plain, "folder": os.getcwd()}

    @staticmethod
    def from_origin(origin: Mapping[str, Any]) -> "SweepRequest":
        """The inverse of `origin`."""
        paths: dict[str, Any] = {
            name: None if origin[name] is None else Path(origin[name]) for name in ("pictures", "scenes")
        }
        known = {name: value for name, value in origin.items() if name != "folder"}
        return SweepRequest(**{**known, **paths})


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
    if name.endswith(YAML):
        return Flowgraph.load(name)
    if ":" not in name:
        raise ParameterError(f"no flowgraph '{name}'; {nearest(name, FLOWGRAPHS)} A file must end in .yaml, and code "
                             "is named as module:function")  # fmt: skip
    found = load_own(name)
    if not isinstance(found, Flowgraph) and not callable(found):
        raise ParameterError(f"'{name}' is neither a Flowgraph nor a function that makes one")
    return cast(Flowgraph | Factory, found)


def run_sweep(asked: SweepRequest, store: Path | None, workers: int, ray: str | None, as_json: bool) -> None:
    """The command."""
    notes = PlainConsole(stderr=True)
    check_outputs({"--store": store}, asked.files())
    executor: int | Executor = workers
    try:
        with noting():
            sweep = asked.build()
            if ray is not None:
                executor = RayCluster(None if ray == "auto" else ray, workers if workers > 1 else None)
            with sweep_progress(sweep) as progress:
                table = sweep.run(store=store, workers=executor, progress=progress, origin=asked.origin())
    except KeyboardInterrupt:
        kept = (
            f"what was done is in '{store}'; the same command goes on" if store else "give --store to be able to go on"
        )
        notes.print(f"stopped; {kept}", style="yellow", soft_wrap=True)
        raise
    if as_json:
        print(json.dumps(records(table), separators=(",", ":")))
        return
    print_table(table, sweep.names)
    if store is not None:
        notes.print(f"results are in {store}; linksim results, plot and replay read them", soft_wrap=True)


def replayable(origin: Mapping[str, Any]) -> Sweep:
    """The sweep that a store was made by. Raises `SweepError` where it was made from Python."""
    if not origin:
        raise SweepError("this sweep was run from Python: replay it there, with sweep.replay(point, chunk)")
    try:
        return SweepRequest.from_origin(origin).build()
    except (LinksimError, TypeError, KeyError) as error:
        raise SweepError(f"the sweep's flowgraph cannot be built again: {error}") from None
