"""The worst chunk of a store, run again in a worker of the studio, with all that crossed its wires."""

from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from linksim.cli.replay import find_chunk, is_same
from linksim.cli.results import pick_sweep
from linksim.cli.sweep import YAML, replayable
from linksim.faces.plain_yaml import plain_values
from linksim.faces.yaml_file import VERSION, describe
from linksim.flowgraphs import FLOWGRAPHS
from linksim.montecarlo import Sweep
from linksim.montecarlo.chunk_runner import metrics_of
from linksim.montecarlo.reading import rules_of
from linksim.montecarlo.store import Store
from linksim.montecarlo.tally import tally_of
from linksim.result import Result
from linksim.studio.limits import ForbiddenError, paths_named, refuse_paths
from linksim.studio.run import answer, outputs_of, ports_of


def replay(channel: Connection, path: str, number: int | None, metric: str, folder: str) -> None:
    """Run the chunk with the lowest score, or the most errors, of a metric again; then answer questions about wires.

    Of a chunk of several pictures the worst one is shown. Messages: {"event": "begins", "graph", "inputs", "seed",
    "blocks": 0}; then "done" or "error" as those of `run`, with "note".
    """
    store = Store(Path(path), read_only=True)
    try:
        found = pick_sweep(store, number)
        values, chunk = find_chunk(store, found.points, rules_of(found), {}, None, metric)
    finally:
        store.close()
    origin = found.settings["origin"]
    _check_origin(origin, folder)
    sweep = replayable(origin)
    link, given = sweep.link_at(values)
    graph = {"linksim": VERSION, **describe(link)}
    channel.send({"event": "begins", "graph": graph, "inputs": given, "seed": sweep.seed, "blocks": 0})
    runs = sweep.chunk_runs(values, chunk.number, list(ports_of(link)))
    case, result = max(runs, key=lambda pair: _badness(pair[1], metric, pair[0]))
    pictures = f", picture {case}" if len(runs) > 1 else ""
    again = (
        "the same as stored" if is_same(runs, chunk) else "NOT the same as stored: code, weights or processor differ"
    )
    channel.send({"event": "done", "outputs": outputs_of(link, result), "labels": result.labels, "seconds": 0.0,
                  "note": f"chunk {chunk.number}{pictures}; {again}"})  # fmt: skip
    answer(channel, link, result, {**_case(sweep, case), **given})


def _check_origin(origin: Mapping[str, Any], folder: str) -> None:
    """A store may come from somebody else: it names nothing but what ships and files of this folder."""
    source = str(origin.get("flowgraph", ""))
    refuse_paths(str(each) for key in ("grid", "stop", "inputs") for each in origin.get(key, ()))
    named = [Path(each) for each in (origin.get("pictures"), origin.get("scenes")) if each]
    if source.endswith(YAML):
        named.append(Path(source))
    elif origin and source not in FLOWGRAPHS:
        raise ForbiddenError(f"the page runs no code that a store names ('{source}'); use linksim replay")
    inside = Path(folder).resolve()
    strange = next((path for path in named if not path.resolve().is_relative_to(inside)), None)
    if strange is not None:
        raise ForbiddenError(f"'{strange.name}' does not lie in the folder of the studio; use linksim replay")
    if source.endswith(YAML) and paths_named(plain_values(Path(source).read_bytes(), Path(source).name)):
        raise ForbiddenError("the sweep's flowgraph names files of this computer; use linksim replay")


def _badness(run: Result, metric: str, case: int) -> float:
    tally = tally_of(metrics_of(run).get(metric), case)
    return float("-inf") if tally is None else tally.badness


def _case(sweep: Sweep, number: int) -> dict[str, Any]:
    return {} if sweep.cases is None else dict(sweep.cases[number])
