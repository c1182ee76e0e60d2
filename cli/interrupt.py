"""Ctrl-C: one line and status 130, also while packages are still loading."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
_seen = threading.Event()


@contextmanager
def ending_at_once() -> Generator[None]:
    """Within, Ctrl-C ends the process with one line, until a command's work begins; see `importing`.

    A package that is interrupted while it loads may turn that into any error, or into none. Where Ctrl-C was ignored
    from the start, as in the background of a shell, it stays so.
    """
    before = _set(_end)
    _seen.clear()
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


@contextmanager
def importing() -> Generator[None]:
    """Load what a command needs; from its end on Ctrl-C is a `KeyboardInterrupt`, which leaves nothing half done."""
    _set(_end)
    yield
    _set(_interrupt)


def was_interrupted() -> bool:
    """Whether Ctrl-C came since the work began: a package that is loaded late may have made another error of it."""
    return _seen.is_set()


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    _seen.set()
    raise KeyboardInterrupt


def _set(handler: "signal._HANDLER") -> "signal._HANDLER":
    """Set what answers Ctrl-C; what did before, None where nothing was changed."""
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_IGN, None):
        return None
    try:
        signal.signal(signal.SIGINT, handler)
    except ValueError:
        # Only the main thread may.
        return None
    return before


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
