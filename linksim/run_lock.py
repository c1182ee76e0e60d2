"""One run at a time on one flowgraph: its blocks hold the generators, and what they remember, of one run."""

import threading
from collections.abc import Sequence


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


class Held:
    """Within, all these locks are this thread's; taken from the outermost flowgraph inwards, so that none waits for
    ever. One object serves all runs: it remembers nothing."""

    __slots__ = ("_locks",)

    def __init__(self, locks: Sequence[RunLock]) -> None:
        self._locks = tuple(locks)

    def __enter__(self) -> None:
        taken: list[RunLock] = []
        try:
            for lock in self._locks:
                lock.acquire()
                taken.append(lock)
        except BaseException:
            for lock in taken:
                lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        for lock in self._locks:
            lock.release()
