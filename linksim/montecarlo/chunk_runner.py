"""Running chunks, wherever: the one path for this process, other processes and other machines."""

import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from linksim.errors import SweepError
from linksim.flowgraph import Flowgraph
from linksim.montecarlo.cases import Cases, to_device
from linksim.montecarlo.fresh import FreshLink
from linksim.montecarlo.link import Factory, build_link, link_digest
from linksim.montecarlo.point import point_seed
from linksim.montecarlo.store import Chunk
from linksim.montecarlo.tally import Tally, tally_of
from linksim.randomness import derive_seed
from linksim.result import Result
from linksim.types import LEDGER_PARTS, Ledger, Score

KEPT_LINKS = 8


@dataclass(frozen=True)
class Setup:
    """What all points of one link share."""

    source: Flowgraph | Factory
    shaping: Mapping[str, Any]
    digest: str
    check: str
    """The digest without the user's own classes, which reach workers by value."""
    cases: Cases | None
    seed: int
    chunk: int
    device: str


@dataclass(frozen=True)
class Task:
    """Chunks of one point that are to be run."""

    point: int
    values: Mapping[str, Any]
    inputs: Mapping[str, Any]
    digest: str
    numbers: Sequence[int]


@dataclass(frozen=True)
class Outcome:
    """What a task gave, and the labels of its results."""

    chunks: Sequence[Chunk]
    labels: Mapping[str, str]


_alone = threading.Lock()
_within = {"sweeps": 0, "threads": 1}


@contextmanager
def one_thread() -> Generator[None]:
    """One torch thread, so that sums come out alike on every machine; the number before is restored by the last of the
    sweeps that run side by side in threads."""
    with _alone:
        if not _within["sweeps"]:
            _within["threads"] = torch.get_num_threads()
        _within["sweeps"] += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _alone:
            _within["sweeps"] -= 1
            if not _within["sweeps"]:
                torch.set_num_threads(_within["threads"])


_links: OrderedDict[tuple[str, str], FreshLink] = OrderedDict()
_links_lock = threading.Lock()


def link_of(setup: Setup) -> Flowgraph:
    """The link that a setup describes, built once and kept, as it was when it was built.

    Raises `SweepError` where it comes out another than where the sweep was started.
    """
    with _links_lock:
        return _link_of(setup, (setup.digest, setup.device))


def _link_of(setup: Setup, key: tuple[str, str]) -> Flowgraph:
    if key not in _links:
        link = build_link(setup.source, setup.shaping)
        if link_digest(link, own_classes=False) != setup.check:
            raise SweepError(
                f"the link '{link.name}' comes out different when it is built again: a factory must give the same "
                "flowgraph for the same arguments, and workers must have the same code"
            )
        _links[key] = FreshLink(link.to(setup.device))
        while len(_links) > KEPT_LINKS:
            _links.popitem(last=False)
    _links.move_to_end(key)
    return _links[key].renewed()


def runs_of(setup: Setup, task: Task, number: int, probe: Sequence[str] = ()) -> Generator[tuple[int, Result]]:
    """The runs that make up a chunk, each with the number of its case. Blocks that draw from torch's global generator,
    which is left as it was, draw the same again."""
    link = link_of(setup)
    seed = point_seed(setup.seed, task.values, number)
    on_cuda = link.device.type == "cuda"
    with torch.random.fork_rng(devices=[link.device] if on_cuda else []):
        # Not torch.manual_seed, which writes down the whole stack for a GPU that is not in use.
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            torch.cuda.manual_seed(seed)
        yield from _runs(setup, task, number, link, seed, probe)


def _runs(
    setup: Setup, task: Task, number: int, link: Flowgraph, seed: int, probe: Sequence[str]
) -> Generator[tuple[int, Result]]:
    if setup.cases is None:
        yield 0, link.run(batch=setup.chunk, seed=seed, first=number * setup.chunk, probe=probe, **task.inputs)
        return
    for frame in range(setup.chunk):
        place = number * setup.chunk + frame
        case = place % len(setup.cases)
        inputs = {**task.inputs, **to_device(setup.cases[case], link.device)}
        yield case, link.run(seed=derive_seed(seed, str(frame)), first=place, probe=probe, **inputs)


def run_task(setup: Setup, task: Task) -> Outcome:
    """Run the chunks of a task one after the other, on the threads that are set; an exception ends its chunk alone."""
    chunks: list[Chunk] = []
    labels: dict[str, str] = {}
    for number in task.numbers:
        start = time.perf_counter()
        try:
            tallies, made = sums_of(runs_of(setup, task, number))
            labels.update(made)
            frames, error = setup.chunk, None
        except SweepError:
            raise
        except (Exception, SystemExit) as failure:
            what = "; ".join(line.strip() for line in traceback.format_exception_only(failure))
            seed = point_seed(setup.seed, task.values, number)
            tallies, frames, error = {}, 0, f"{what} (seed {seed})\n{traceback.format_exc()}"
        chunks.append(Chunk(number, frames, time.perf_counter() - start, tallies, error))
    return Outcome(chunks, labels)


def sums_of(runs: Iterable[tuple[int, Result]]) -> tuple[dict[str, Tally], dict[str, str]]:
    """What runs of numbered cases add to each metric, and the labels of their results."""
    tallies: dict[str, Tally] = {}
    labels: dict[str, str] = {}
    for case, run in runs:
        labels.update(run.labels)
        for name, value in metrics_of(run).items():
            tally = tally_of(value, case)
            if tally is not None:
                tallies[name] = tallies[name] + tally if name in tallies else tally  # pyright: ignore[reportOperatorIssue]
    return tallies, labels


def metrics_of(run: Result) -> dict[str, object]:
    """The values of a run by name, a ledger in its parts: channel uses per source dimension."""
    found: dict[str, object] = {}
    for name, value in run.items():
        if isinstance(value, Ledger):
            dimensions = value.source_dimensions
            found |= {f"{name}.{part}": Score(getattr(value, part).double() / dimensions) for part in LEDGER_PARTS}
        else:
            found[name] = value
    return found


Fetch = Callable[[], Setup]
_setups: dict[str, Setup] = {}


def run_remote(key: str, fetch: Fetch, task: Task) -> Outcome:
    """`run_task` in a worker, which fetches each setup once."""
    if key not in _setups:
        while len(_setups) >= KEPT_LINKS:
            _setups.pop(next(iter(_setups)))
        _setups[key] = fetch()
    return run_task(_setups[key], task)
