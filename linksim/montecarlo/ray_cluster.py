"""Chunks on the machines of a Ray cluster."""

import socket
import threading
from functools import partial
from typing import Any

from linksim.errors import SweepError
from linksim.montecarlo.chunk_runner import Outcome, Setup, Task, one_thread, run_remote
from linksim.montecarlo.executors import Done, pickled, unpickled

REMOTE_SECONDS = 30.0
"""How long a cluster may take to answer, and how long Ray to join it."""


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
            self._setups[setup.digest] = self._ray.put(pickled(setup))

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


def _get(reference: Any) -> Setup:
    import ray

    return unpickled(ray.get(reference))
