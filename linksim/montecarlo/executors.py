"""Where chunks run: in this process, or in processes of this machine; `RayCluster` adds those of a cluster."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import torch

from linksim.allocator import keep_memory
from linksim.errors import LinksimError, SweepError, require
from linksim.montecarlo.chunk_runner import Outcome, Setup, Task, run_remote, run_task

IDLE_SECONDS = 60
MAX_WORKERS = 1024
MAX_GROWTH_BYTES = 16 << 30
"""From here on a worker's memory is taken for a leak."""
SAFE_PATH = "PYTHONSAFEPATH"
"""Python's own switch, from 3.11 on."""
Done = tuple[Task, Outcome | None]
"""A task with what it gave, or None where its worker died."""


class Executor(Protocol):
    """Runs tasks; results come in any order."""

    workers: int
    lazy: bool
    """Whether a task runs when it is waited for: then one chunk at a time is enough, and none is run in vain."""

    def share(self, setup: Setup) -> None:
        """Make a setup known to the workers, under its digest."""
        ...

    def submit(self, task: Task) -> None:
        """Take on a task."""
        ...

    def wait(self, seconds: float) -> list[Done]:
        """What was finished, waiting for it up to so many seconds."""
        ...

    def close(self) -> None:
        """Stop the workers; tasks under way are dropped."""
        ...


class InProcess:
    """This process itself, when waited for."""

    workers, lazy = 1, True

    def __init__(self) -> None:
        self._setups: dict[str, Setup] = {}
        self._tasks: deque[Task] = deque()

    def share(self, setup: Setup) -> None:
        """Keep it."""
        self._setups[setup.digest] = setup

    def submit(self, task: Task) -> None:
        """Queue it."""
        self._tasks.append(task)

    def wait(self, seconds: float) -> list[Done]:  # noqa: ARG002
        """Run the first task."""
        task = self._tasks.popleft()
        return [(task, run_task(self._setups[task.digest], task))]

    def close(self) -> None:
        """Nothing to stop."""
        self._tasks.clear()


class Processes:
    """Processes of this machine, by joblib's loky, one torch thread each."""

    lazy = False

    def __init__(self, workers: int) -> None:
        check_workers(workers)
        self.workers = workers
        self._fetches: dict[str, Any] = {}
        self._tasks: dict[Any, Task] = {}
        self._used: Any = None

    def _pool(self) -> Any:
        """The pool of this process, made anew where a worker died or it was stopped."""
        from joblib.externals.loky import get_reusable_executor

        # Workers find the user's own modules, and files by relative paths, where this process finds them.
        known = (list(sys.path), os.getpid(), str(_folder()), os.getcwd())
        with _safe_path():
            return get_reusable_executor(
                max_workers=self.workers, timeout=IDLE_SECONDS, initializer=_start_worker, initargs=known,
                env={SAFE_PATH: "1"},
            )  # fmt: skip

    def share(self, setup: Setup) -> None:
        """Write it to a file that each worker reads once."""
        if setup.digest not in self._fetches:
            path = _folder() / f"{setup.digest}-{len(self._fetches)}-{id(self):x}"
            path.write_bytes(pickled(setup))
            self._fetches[setup.digest] = path

    def submit(self, task: Task) -> None:
        """Hand it to the pool."""
        path = self._fetches[task.digest]
        self._used = self._pool()
        with _safe_path():
            self._tasks[self._used.submit(run_remote, str(path), partial(_read, path), task)] = task

    def wait(self, seconds: float) -> list[Done]:
        """The finished tasks; all that were under way count as lost where a worker died."""
        from concurrent.futures import FIRST_COMPLETED
        from concurrent.futures import wait as wait_for

        from joblib.externals.loky.process_executor import BrokenProcessPool

        finished, _ = wait_for(self._tasks, timeout=seconds, return_when=FIRST_COMPLETED)
        done: list[Done] = []
        for future in finished:
            task = self._tasks.pop(future)
            try:
                done.append((task, future.result()))
            except BrokenProcessPool:
                done.append((task, None))
            except LinksimError:
                raise
            except Exception as error:
                raise SweepError(f"a worker could not load the link: {type(error).__name__}: {error}") from error
        return done

    def close(self) -> None:
        """Remove the files. Idle workers wait a while for the next sweep; busy ones are stopped."""
        if self._tasks:
            # The pool that has them: in the place of one that Ctrl-C broke while it started a new one would be made.
            self._used.shutdown(wait=True, kill_workers=True)
            self._tasks.clear()
        for path in self._fetches.values():
            path.unlink(missing_ok=True)
        self._fetches.clear()


def check_workers(workers: object) -> None:
    """Raise `ParameterError` where this is neither a number of workers nor an `Executor`."""
    number = isinstance(workers, int) and not isinstance(workers, bool) and 1 <= workers <= MAX_WORKERS
    executor = not isinstance(workers, int | str | float) and callable(getattr(workers, "submit", None))
    require(number or executor, "workers", f"a whole number in 1..{MAX_WORKERS}, or an Executor", workers)


@contextmanager
def _safe_path() -> Generator[None]:
    """Within, new Python processes look for modules where they are installed, not in the current folder: a file there
    that is called signal.py would end them. joblib's own helper process is among them."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


def make_executor(workers: "int | Executor") -> Executor:
    """The executor for so many workers of this machine: this process itself for one."""
    if not isinstance(workers, int):
        return workers
    return InProcess() if workers == 1 else Processes(workers)


def _folder() -> Path:
    """This process's folder for what workers read, gone when it ends. A fork of a process has a folder of its own: its
    workers remove it when it ends."""
    return _folder_of(os.getpid())


@cache
def _folder_of(_process: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="linksim-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _start_worker(path: list[str], parent: int, folder: str, current: str) -> None:
    # Ctrl-C reaches every process of the terminal; only the one that started the sweep answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = path
    os.chdir(current)
    torch.set_num_threads(1)
    keep_memory()
    _may_grow()
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()


def _may_grow() -> None:
    """loky replaces a worker whose memory has grown by 300 MB, which one large picture is enough for, and says that a
    worker stopped; a new one takes seconds, and what it had cached is gone."""
    from joblib.externals.loky import process_executor

    process_executor._MAX_MEMORY_LEAK_SIZE = MAX_GROWTH_BYTES


def _end_with(parent: int, folder: str) -> None:
    """A worker whose parent was killed would wait for work that never comes."""
    while os.getppid() == parent:
        time.sleep(1.0)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def pickled(setup: Setup) -> bytes:
    """A setup for other processes. Raises `SweepError` where it cannot be sent to them."""
    import cloudpickle

    try:
        return cloudpickle.dumps(setup)
    except Exception as error:
        raise SweepError(
            f"the link cannot be sent to other processes: {error}; workers=1 runs it in this one"
        ) from None


def unpickled(data: bytes) -> Setup:
    """The setup again."""
    import cloudpickle

    return cloudpickle.loads(data)


def _read(path: Path) -> Setup:
    return unpickled(path.read_bytes())
