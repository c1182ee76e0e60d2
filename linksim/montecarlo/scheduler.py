"""Which chunks to run next, on whom; and every result into the store."""

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from linksim.montecarlo.chunk_runner import Outcome, Setup, Task
from linksim.montecarlo.executors import Executor
from linksim.montecarlo.fold import Fold
from linksim.montecarlo.point import show_point
from linksim.montecarlo.reading import folds_of
from linksim.montecarlo.store import Chunk, Store

COMMIT_SECONDS = 0.5
GROUP_SECONDS = 0.5
WAIT_SECONDS = 0.2
MAX_DEATHS = 3


@dataclass
class Job:
    """A point on its way: its sums so far, and the chunks that are with workers."""

    point: int
    values: Mapping[str, Any]
    inputs: Mapping[str, Any]
    digest: str
    curve: str
    fold: Fold
    under_way: set[int] = field(default_factory=set[int])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    skipped: bool = False

    @property
    def done(self) -> bool:
        """Whether nothing more is to be run for it."""
        return self.skipped or self.fold.stopped_by is not None

    @property
    def ahead(self) -> int:
        """Chunks run or under way beyond what is added up."""
        return len(self.under_way) + len(self.fold.known)

    def next_numbers(self, count: int) -> list[int]:
        """The next chunks that nobody has or runs."""
        taken = self.fold.known | self.under_way
        numbers: list[int] = []
        number = self.fold.next
        while len(numbers) < count:
            if number not in taken:
                numbers.append(number)
            number += 1
        return numbers


@dataclass(frozen=True)
class Progress:
    """How far a sweep is."""

    jobs: Sequence[Job]
    seconds: float
    frames: int
    """Simulated since this run began."""


class Scheduler:
    """Runs jobs to their end.

    Points are taken up in the grid's order. A point gets more chunks ahead of its stop rule only where no other point
    wants them, and never more than half of what it has: what is run in vain is bounded. Results do not depend on any
    of this: they are made of the shortest prefix of chunks that satisfies the rule.
    """

    def __init__(
        self,
        store: Store,
        jobs: Sequence[Job],
        setups: Mapping[str, Setup],
        executor: Executor,
        total_seconds: float | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._store, self._jobs, self._setups, self._executor = store, jobs, setups, executor
        self._total_seconds, self._progress = total_seconds, progress
        self._rules = jobs[0].fold.rules
        self._by_point = {job.point: job for job in jobs}
        self._pending: list[tuple[int, Chunk]] = []
        self._again: list[Task] = []
        self._deaths: dict[tuple[int, int], int] = {}
        self._busy = 0
        self._began = self._committed = time.monotonic()
        self._frames = self._checked = 0
        self._alone = False
        self._first = 0
        """Jobs before this one are done."""
        for job in jobs:
            self._end_curve(job)

    def run(self) -> None:
        """Until all jobs are done or time is up; raises what ends it early, results kept."""
        try:
            while True:
                self._hand_out()
                if not self._busy and not self._more_to_do():
                    break
                for task, outcome in self._executor.wait(WAIT_SECONDS):
                    self._busy -= 1
                    self._alone = False
                    self._take(task, outcome)
                self._commit(force=False)
                if self._progress is not None:
                    self._progress(Progress(self._jobs, time.monotonic() - self._began, self._frames))
        finally:
            try:
                self._commit(force=True)
            finally:
                self._executor.close()
        self._tell_failures()

    def _more_to_do(self) -> bool:
        """Whether the store, with all that others put there meanwhile, leaves a point unfinished after all."""
        self._commit(force=True)
        if self._out_of_time() or self._store.path is None or self._checked == self._frames:
            return False
        self._checked = self._frames
        rest = [job for job in self._jobs if not job.skipped and not job.fold.failures]
        for job, fold in zip(rest, folds_of(self._store, [job.point for job in rest], self._rules), strict=True):
            job.fold = fold
        self._first = 0
        self._hand_out()
        return self._busy > 0

    # -- handing out

    def _hand_out(self) -> None:
        if self._out_of_time() or self._alone:
            return
        if self._again:
            # A chunk that was lost with its worker runs alone: should it kill again, it is known which one it was.
            if not self._busy:
                self._alone = True
                self._submit(self._again.pop(0))
            return
        while self._busy < self._executor.workers:
            task = self._next_task()
            if task is None:
                return
            self._submit(task)

    def _submit(self, task: Task) -> None:
        self._executor.share(self._setups[task.digest])
        self._by_point[task.point].under_way.update(task.numbers)
        self._executor.submit(task)
        self._busy += 1

    def _next_task(self) -> Task | None:
        while self._first < len(self._jobs) and self._jobs[self._first].done:
            self._first += 1
        started: list[Job] = []
        closed: set[str] = set()
        for job in self._jobs[self._first :]:
            if job.curve in closed and any(rule.floor is not None for rule in job.fold.rules.stop):
                continue
            if job.done:
                continue
            closed.add(job.curve)
            if not job.under_way:
                return self._task(job)
            started.append(job)
            if len(started) >= 4 * self._executor.workers:
                break
        ahead = [job for job in started if job.ahead < self._wanted(job)]
        return self._task(min(ahead, key=lambda job: job.ahead)) if ahead else None

    def _wanted(self, job: Job) -> int:
        """How many chunks to have in work for a point: as many as it still needs, or half of what it has."""
        bound = max(job.fold.chunks // 2, self._executor.workers)
        remaining = job.fold.remaining()
        return bound if remaining is None else min(max(math.ceil(remaining), 1), bound)

    def _task(self, job: Job) -> Task:
        count = 1
        if not self._executor.lazy and job.fold.chunks:
            usual = job.fold.seconds / (job.fold.chunks + len(job.fold.failures))
            share = -(-self._wanted(job) // self._executor.workers)
            count = max(min(int(GROUP_SECONDS / max(usual, 1e-6)), share), 1)
        return Task(job.point, job.values, job.inputs, job.digest, job.next_numbers(count))

    def _out_of_time(self) -> bool:
        return self._total_seconds is not None and time.monotonic() - self._began >= self._total_seconds

    # -- taking in

    def _take(self, task: Task, outcome: Outcome | None) -> None:
        job = self._by_point[task.point]
        if outcome is None:
            self._lost(task)
            return
        job.under_way.difference_update(task.numbers)
        if outcome.labels and dict(outcome.labels) != dict(job.labels):
            job.labels = outcome.labels
            self._store.set_labels(job.point, outcome.labels)
        self._keep(job, outcome.chunks)

    def _keep(self, job: Job, chunks: Sequence[Chunk]) -> None:
        self._pending += [(job.point, chunk) for chunk in chunks]
        self._frames += sum(chunk.frames for chunk in chunks)
        job.fold.add(chunks)
        self._end_curve(job)

    def _end_curve(self, job: Job) -> None:
        """Past a point below the floor, nothing on its curve is simulated."""
        if job.skipped or job.fold.stopped_by is None or not job.fold.below_floor:
            return
        place = self._jobs.index(job)
        for later in self._jobs[place + 1 :]:
            later.skipped |= later.curve == job.curve

    def _lost(self, task: Task) -> None:
        worst = 0
        for number in task.numbers:
            key = (task.point, number)
            self._deaths[key] = self._deaths.get(key, 0) + 1
            worst = max(worst, self._deaths[key])
        where = f"chunks {task.numbers[0]} to {task.numbers[-1]} of {show_point(task.values)}"
        if worst < MAX_DEATHS:
            warnings.warn(f"a worker died; {where} are given to another", UserWarning, stacklevel=2)
            self._again += [Task(task.point, task.values, task.inputs, task.digest, [n]) for n in task.numbers]
            return
        warnings.warn(f"{where} killed {MAX_DEATHS} workers and are given up", UserWarning, stacklevel=2)
        job = self._by_point[task.point]
        job.under_way.difference_update(task.numbers)
        error = f"killed {MAX_DEATHS} workers (out of memory?)"
        self._keep(job, [Chunk(number, 0, 0.0, {}, error) for number in task.numbers])

    def _commit(self, *, force: bool) -> None:
        now = time.monotonic()
        if self._pending and (force or now - self._committed >= COMMIT_SECONDS):
            self._store.add_chunks(self._pending)
            self._pending = []
            self._committed = now
            if self._store.path is not None:
                self._learn_from_others()

    def _learn_from_others(self) -> None:
        """Another process may work on the same store: what it committed need not be run again."""
        for job in self._jobs[self._first :]:
            if job.done or not (job.under_way or job.fold.chunks):
                continue
            found = self._store.chunks_of(job.point, job.fold.next)
            if found:
                self._pending, before = [], self._pending
                self._keep(job, [c for c in found if c.number not in job.under_way and c.error is None])
                self._pending = before

    def _tell_failures(self) -> None:
        failed = [(job, chunk) for job in self._jobs for chunk in job.fold.failures]
        # Where nothing at all came through, that is the error.
        if failed and any(job.fold.chunks for job in self._jobs):
            job, chunk = failed[0]
            what = (chunk.error or "").partition("\n")[0]
            where = f"chunk {chunk.number} of {show_point(job.values)}"
            warnings.warn(f"{len(failed)} chunks failed; the first is {where}: {what}", UserWarning, stacklevel=3)
