"""One run at a time on one flowgraph: its blocks hold the generators, and what they remember, of one run."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager


class RunLock:
    """A lock that one thread may take again; a copy, or one in another process, is another lock."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def acquire(self) -> None:
        """Wait for it."""
        self._lock.acquire()

    def release(self) -> None:
        """Give it back."""
        self._lock.release()

    def __reduce__(self) -> tuple[type["RunLock"], tuple[()]]:
        return RunLock, ()


@contextmanager
def held(locks: Sequence[RunLock]) -> Generator[None]:
    """Within, all these locks are this thread's; taken from the outermost flowgraph inwards, so that none waits for
    ever."""
    taken = 0
    try:
        for lock in locks:
            lock.acquire()
            taken += 1
        yield
    finally:
        for lock in locks[:taken]:
            lock.release()
