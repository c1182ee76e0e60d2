"""Where chunks run: in this process, in processes of this machine, or on a Ray cluster."""

import atexit
import os
import shutil
import signal
import socket
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

from linksim.errors import LinksimError, SweepError, require
from linksim.montecarlo.chunk_runner import Outcome, Setup, Task, keep_memory, one_thread, run_remote, run_task

IDLE_SECONDS = 60
MOST_WORKERS = 1024
SAFE_PATH = "PYTHONSAFEPATH"
"""Python's own switch, from 3.11 on."""
REMOTE_SECONDS = 30.0
"""How long a cluster may take to answer, and how long Ray to join it."""
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
            path.write_bytes(_pickled(setup))
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


class RayCluster:
    """The machines of a Ray cluster, one CPU per worker.

    Raises `SweepError` where Ray is not installed.
    """

    lazy = False

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        try:
            import ray
        except ImportError:
            raise SweepError("many machines need Ray: pip install 'linksim[ray]'") from None
        self._ray: Any = ray
        self._started = not ray.is_initialized()
        if self._started:
            _join(ray, address)
        self.workers = workers or max(int(ray.cluster_resources().get("CPU", 1)), 1)
        self._run = ray.remote(num_cpus=1, max_retries=0)(_run_on_ray)
        self._setups: dict[str, Any] = {}
        self._tasks: dict[Any, Task] = {}

    def share(self, setup: Setup) -> None:
        """Put it into the cluster's memory."""
        if setup.digest not in self._setups:
            self._setups[setup.digest] = self._ray.put(_pickled(setup))

    def submit(self, task: Task) -> None:
        """Hand it to the cluster."""
        self._tasks[self._run.remote([self._setups[task.digest]], task)] = task

    def wait(self, seconds: float) -> list[Done]:
        """The finished tasks; one whose worker or machine died counts as lost."""
        ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=seconds)
        done: list[Done] = []
        for reference in ready:
            task = self._tasks.pop(reference)
            try:
                done.append((task, self._ray.get(reference)))
            except self._ray.exceptions.RayTaskError:
                raise
            except self._ray.exceptions.RayError:
                done.append((task, None))
        return done

    def close(self) -> None:
        """Drop what is under way, and leave the cluster if it was joined here."""
        for reference in self._tasks:
            self._ray.cancel(reference, force=True)
        if self._started:
            self._ray.shutdown()


def check_workers(workers: object) -> None:
    """Raise `ParameterError` where this is neither a number of workers nor an `Executor`."""
    number = isinstance(workers, int) and not isinstance(workers, bool) and 1 <= workers <= MOST_WORKERS
    executor = not isinstance(workers, int | str | float) and callable(getattr(workers, "submit", None))
    require(number or executor, "workers", f"a whole number in 1..{MOST_WORKERS}, or an Executor", workers)


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


@cache
def _folder() -> Path:
    """This process's folder for what workers read, gone when it ends."""
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
    threading.Thread(target=_end_with, args=(parent, folder), daemon=True).start()


def _end_with(parent: int, folder: str) -> None:
    """A worker whose parent was killed would wait for work that never comes."""
    while os.getppid() == parent:
        time.sleep(1.0)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _join(ray: Any, address: str | None) -> None:
    """Join a cluster, or start one here. Raises `SweepError` where none answers in time, which Ray would wait for."""
    if address is not None:
        _check_answers(address)
    failed: list[Exception] = []

    def join() -> None:
        try:
            ray.init(address=address, log_to_driver=False, configure_logging=False, include_dashboard=False)
        except Exception as error:
            failed.append(error)

    patience = 4 * REMOTE_SECONDS if address is None else REMOTE_SECONDS
    thread = threading.Thread(target=join, daemon=True)
    thread.start()
    thread.join(patience)
    if thread.is_alive():
        raise SweepError(f"no Ray cluster at '{address or 'this machine'}' answered within {patience:g} s")
    if failed:
        raise SweepError(f"no Ray cluster at '{address or 'this machine'}': {failed[0]}") from failed[0]


def _check_answers(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise SweepError(f"a cluster's address must read host:port (got '{address}')")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REMOTE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise SweepError(f"nothing answers at '{address}': {error}") from None


def _run_on_ray(references: list[Any], task: Task) -> Outcome:
    with one_thread():
        return run_remote(references[0].hex(), partial(_get, references[0]), task)


def _pickled(setup: Setup) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps(setup)
    except Exception as error:
        raise SweepError(
            f"the link cannot be sent to other processes: {error}; workers=1 runs it in this one"
        ) from None


def _unpickled(data: bytes) -> Setup:
    import cloudpickle

    return cloudpickle.loads(data)


def _read(path: Path) -> Setup:
    return _unpickled(path.read_bytes())


def _get(reference: Any) -> Setup:
    import ray

    return _unpickled(ray.get(reference))


__all__ = ["Executor", "InProcess", "Processes", "RayCluster", "make_executor"]
