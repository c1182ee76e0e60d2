"""A sweep: a link, a grid of points, and a rule for when each has been simulated enough."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linksim.allocator import kept_memory
from linksim.errors import ParameterError, SweepError, nearest, require
from linksim.flowgraph import Flowgraph
from linksim.montecarlo.cases import Case, Cases, as_cases, case_names
from linksim.montecarlo.chunk_runner import Setup, Task, one_thread, runs_of
from linksim.montecarlo.executors import Executor, check_workers, make_executor
from linksim.montecarlo.fold import Rules
from linksim.montecarlo.interval import CONFIDENCE
from linksim.montecarlo.link import (
    Factory,
    arguments_of,
    build_link,
    describe_link,
    link_digest,
    parameter_path,
    split_point,
)
from linksim.montecarlo.point import Point, canonical, grid_points, identity, plain, show_point
from linksim.montecarlo.reading import by_case_of, failures_of, folds_of, table_of
from linksim.montecarlo.scheduler import Job, Progress, Scheduler
from linksim.montecarlo.store import Store, StoredSweep
from linksim.montecarlo.sweep_arguments import StopRules, check_number, checked_store, stop_rules
from linksim.montecarlo.table import COLUMNS
from linksim.montecarlo.tally import Over
from linksim.randomness import whole_seed
from linksim.result import Result

if TYPE_CHECKING:
    import pandas as pd

FRAMES, CASES = 64, 1
"""Frames per chunk unless given: of a link without cases, and with."""
SNR = "snr_db"


class Sweep:
    """Monte Carlo over a grid of points, with intervals, resumable, the same to the last bit for any number of workers.

    Args:
        source: a flowgraph, or a factory that makes one from arguments of the grid.
        grid: names to lists of values, of which all combinations are simulated, or a list of points. A name is one of
            the flowgraph's inputs (`snr_db`), an argument of the factory, or `block.parameter`.
        stop: when a point is done: `Stop`s or their texts, all of which must hold; see `Stop`. With cases it may be
            left out: each is then sent once.
        seed: the sweep's seed. A chunk's seed comes from it, the point's values and the chunk's number.
        chunk: frames per chunk, 64 unless given; with cases, cases per chunk, 1 unless given.
        cases: inputs of batch 1 that every point goes through in the same order with new noise, as pictures.
        inputs: inputs that are alike for all points: numbers.
        over: what a score's interval covers: "noise", these cases and no others, or "pictures", the cases being a
            sample of all pictures. "pictures" where there are two cases and more, unless given.
        confidence: the probability that an interval holds the truth.
        curve: the axis along which `Stop.floor` ends a curve; snr_db if it is in the grid, else the last name.
        device: where chunks run; results are kept apart by its type.

    Raises:
        ParameterError, SweepError: the grid, the rules or the names do not fit the flowgraph.

    >>> from linksim.flowgraphs import bpsk
    >>> table = Sweep(bpsk, grid={"snr_db": [0, 4]}, stop="ber:errors=100", seed=1).run()
    >>> table[["snr_db", "metric", "stopped_by", "interval"]].values.tolist()
    [[0, 'ber', 'targets', 'by frame'], [4, 'ber', 'targets', 'by frame']]
    """

    def __init__(
        self,
        source: Flowgraph | Factory,
        *,
        grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
        stop: StopRules = (),
        seed: int = 0,
        chunk: int | None = None,
        cases: Sequence[Case] | Cases | None = None,
        inputs: Mapping[str, float] | None = None,
        over: Over | None = None,
        confidence: float = CONFIDENCE,
        curve: str | None = None,
        device: str = "cpu",
    ) -> None:
        self.source, self.seed, self.device = source, whole_seed(seed), device
        require(isinstance(device, str), "device", "a device's name, as 'cpu'", device)
        require(isinstance(inputs or {}, Mapping), "inputs", "a mapping of names to numbers", inputs)
        self.points = grid_points(grid)
        self._arguments = arguments_of(source)
        self.names = list(self.points[0])
        self.cases = as_cases(cases)
        self.inputs = {name: plain(value) for name, value in (inputs or {}).items()}
        self.chunk = (FRAMES if self.cases is None else CASES) if chunk is None else chunk
        whole = isinstance(self.chunk, int) and not isinstance(self.chunk, bool)
        require(whole and 0 < self.chunk <= 1 << 24, "chunk", "a positive whole number", chunk)
        number = isinstance(confidence, int | float)
        require(number and 0.5 <= confidence < 1, "confidence", "in 0.5..1", confidence)
        self._check_names()
        require(over in (None, "noise", "pictures"), "over", "'noise' or 'pictures'", over)
        count = 0 if self.cases is None else len(self.cases)
        if over == "pictures" and count < 2:
            raise ParameterError(f"over='pictures' needs at least two cases (got {count})")
        over = over or ("pictures" if count > 1 else "noise")
        rules = stop_rules(stop, self.cases)
        limited = any(rule.frames or rule.most_trials or rule.seconds for rule in rules)
        once = count and (not stop or (over == "pictures" and not limited))
        self.rules = Rules(rules, over, confidence, -(-count // self.chunk) if once else None)
        self.curve = curve or (SNR if SNR in self.names else self.names[-1] if self.names else "")
        if self.names and self.curve not in self.names:
            raise ParameterError(f"no axis '{self.curve}' in the grid; {nearest(self.curve, self.names)}")

    def _check_names(self) -> None:
        """Refuse names that a table could not tell apart, or that are given a value twice."""
        of_table = next((name for name in self.names if name in COLUMNS), None)
        if of_table is not None:
            raise ParameterError(f"the grid's name '{of_table}' is a column of every table; give it another name")
        cases = case_names(self.cases)
        for name in self.inputs:
            if name in self.names or name in cases:
                where = "the grid" if name in self.names else "the cases"
                raise ParameterError(f"'{name}' is given twice: in inputs and in {where}")
        twice = next((name for name in self.names if name in cases), None)
        if twice is not None:
            raise ParameterError(f"'{twice}' is given twice: in the grid and in the cases")

    # -- running

    def run(
        self,
        *,
        store: str | Path | None = None,
        workers: int | Executor = 1,
        progress: Callable[[Progress], None] | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> "pd.DataFrame":
        """Simulate what is not in the store yet, and give the table; see `make_table` for its columns.

        Args:
            store: the file of results; in memory where None.
            workers: 1 is this process; more are processes of this machine; or an `Executor`, as `RayCluster()`.
            progress: called now and then with how far it is.
            origin: what `linksim replay` needs to know to build the link again; kept in the store.

        Ctrl-C stops cleanly: what was done is in the store, and the same call goes on. Raises `StoreError` where the
        store fails, `SweepError` where the link does not fit or nothing at all came through, `ParameterError` where an
        argument is none, KeyboardInterrupt when interrupted.
        """
        path = checked_store(store)
        check_workers(workers)
        require(progress is None or callable(progress), "progress", "a function", progress)
        # What is refused leaves no file behind.
        drafts = self._draft()
        kept = Store(path)
        try:
            with one_thread(), kept_memory():
                jobs = self._prepare(kept, drafts)
                stored = StoredSweep(self._key(drafts), self._settings(origin or {}), [job.point for job in jobs])
                kept.add_sweep(stored)
                setups = {draft.setup.digest: draft.setup for draft in drafts}
                total = min((r.total_seconds for r in self.rules.stop if r.total_seconds is not None), default=None)
                Scheduler(kept, jobs, setups, make_executor(workers), total, progress).run()
            table = table_of(kept, stored)
            lines = [] if len(table) else failures_of(kept, stored)
            if lines:
                raise SweepError(f"nothing came through: {len(lines)} chunks failed; the first is {lines[0]}")
            return table
        finally:
            kept.close()

    @property
    def key(self) -> str:
        """What tells this sweep from the others of a store."""
        return self._key(self._draft())

    def table(self, store: str | Path) -> "pd.DataFrame":
        """The table of what a store holds of this sweep; nothing is simulated."""
        return self._read(store, table_of)

    def by_case(self, store: str | Path) -> "pd.DataFrame":
        """The scores that a store holds of this sweep, one row per point, metric and case; nothing is simulated.

        Columns: the grid's names, metric, case (its number, from 0), frames, mean. Systems that saw the same cases are
        compared case by case with it: the pictures' own differences then cancel.
        """
        return self._read(store, by_case_of)

    def _read(self, store: str | Path, read: Callable[[Store, StoredSweep], "pd.DataFrame"]) -> "pd.DataFrame":
        kept = Store(Path(store), read_only=True)
        try:
            key = self.key
            found = next((sweep for sweep in kept.sweeps() if sweep.key == key), None)
            if found is None:
                raise SweepError(f"store '{store}' holds nothing of this sweep; run it with this store first")
            return read(kept, found)
        finally:
            kept.close()

    def replay(self, point: Mapping[str, Any], chunk: int, probe: Sequence[str] = ()) -> list[Result]:
        """Run exactly that chunk again, with probes: one `Result`, or one per case.

        Raises `SweepError` where the grid has no such point.
        """
        return [run for _, run in self.chunk_runs(point, chunk, probe)]

    def chunk_runs(self, point: Mapping[str, Any], chunk: int, probe: Sequence[str] = ()) -> list[tuple[int, Result]]:
        """As `replay`, each run with the number of its case."""
        if not isinstance(point, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise SweepError(f"a point must be a mapping like {dict(self.points[0])} (got {point!r})")
        wanted = canonical(point)
        values = next((p for p in self.points if canonical(p) == wanted), None)
        if values is None:
            raise SweepError(f"the grid has no point {show_point(point)}")
        shaping, inputs = split_point(self._arguments, values)
        setup = self._setup(shaping, build_link(self.source, shaping))
        task = Task(0, values, {**self.inputs, **inputs}, setup.digest, [chunk])
        with one_thread():
            return list(runs_of(setup, task, chunk, probe))

    def link_at(self, point: Mapping[str, Any]) -> tuple[Flowgraph, dict[str, Any]]:
        """The flowgraph that is simulated at a point, and its inputs but for those of the cases."""
        shaping, inputs = split_point(self._arguments, point)
        return build_link(self.source, shaping), {**self.inputs, **inputs}

    # -- preparing

    def _draft(self) -> list["_Draft"]:
        """Every point in the grid's order, with its link and the key that identifies its results."""
        by_shape: dict[str, tuple[Setup, str]] = {}
        cases = "" if self.cases is None else self.cases.digest()
        drafts: list[_Draft] = []
        for values in self.points:
            shaping, inputs = split_point(self._arguments, values)
            inputs = {**self.inputs, **inputs}
            shape = canonical(shaping)
            if shape not in by_shape:
                link = build_link(self.source, shaping)
                by_shape[shape] = self._setup(shaping, link), describe_link(link)
                self._check_inputs(link, inputs)
            setup, description = by_shape[shape]
            drafts.append(_Draft(self._point_key(setup, values, cases), values, inputs, setup, description))
        return drafts

    def _prepare(self, store: Store, drafts: Sequence["_Draft"]) -> list[Job]:
        """A job per point, known chunks taken in."""
        store.add_links({draft.setup.digest: draft.description for draft in drafts})
        ids = store.add_points([(draft.key, canonical(draft.values), draft.setup.digest) for draft in drafts])
        # What failed is tried again: the cause may be gone.
        folds = folds_of(store, [ids[draft.key] for draft in drafts], self.rules, failures=False)
        return [
            Job(ids[draft.key], draft.values, draft.inputs, draft.setup.digest, self._curve_of(draft.values), fold)
            for draft, fold in zip(drafts, folds, strict=True)
        ]

    def _setup(self, shaping: Mapping[str, Any], link: Flowgraph) -> Setup:
        check = link_digest(link, own_classes=False)
        return Setup(self.source, shaping, link_digest(link), check, self.cases, self.seed, self.chunk, self.device)

    def _check_inputs(self, link: Flowgraph, given: Mapping[str, Any]) -> None:
        names = [*given, *case_names(self.cases)]
        ports = link.input_ports
        for name in names:
            if name not in ports:
                known = [
                    *self._arguments,
                    *ports,
                    *(f"{b}.{p}" for b, block in link.blocks.items() for p in getattr(block, "settings", ())),
                ]
                hint = parameter_path(link, name)
                hint = f"did you mean the parameter '{hint}'?" if hint else nearest(name, known)
                raise SweepError(f"'{name}' is no input of '{link.name}' and no argument of the factory; {hint}")
        for name, value in given.items():
            check_number(name, value, ports[name])
        missing = [name for name, port in ports.items() if not port.optional and name not in names]
        if missing:
            raise SweepError(
                f"'{link.name}' needs {', '.join(missing)}: put it in the grid, the inputs or, if a picture, the cases"
            )

    def _curve_of(self, values: Point) -> str:
        return canonical({name: value for name, value in values.items() if name != self.curve})

    def _point_key(self, setup: Setup, values: Point, cases: str) -> str:
        parts = {"link": setup.digest, "point": identity(values), "inputs": self.inputs, "cases": cases,
                 "seed": self.seed, "chunk": self.chunk, "device": self.device.partition(":")[0]}  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _key(self, drafts: Sequence["_Draft"]) -> str:
        content = [self._settings({}), [draft.key for draft in drafts]]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _settings(self, origin: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "names": self.names, "stop": [asdict(rule) for rule in self.rules.stop], "over": self.rules.over,
            "confidence": self.rules.confidence, "most_chunks": self.rules.most_chunks, "curve": self.curve,
            "seed": self.seed, "chunk": self.chunk, "inputs": self.inputs, "device": self.device,
            "origin": dict(origin),
            "source": getattr(self.source, "name", None) or getattr(self.source, "__name__", "factory"),
        }  # fmt: skip


@dataclass(frozen=True)
class _Draft:
    """A point with what is known of it before it has a place in a store."""

    key: str
    values: Point
    inputs: dict[str, Any]
    setup: Setup
    description: str
