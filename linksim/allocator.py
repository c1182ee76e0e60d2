"""How the C library keeps memory."""

import ctypes
from collections.abc import Callable, Generator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
"""glibc's numbers, see mallopt(3)."""
NEVER, USUAL_MMAP_MAX = 2**31 - 1, 65536
MMAP_THRESHOLD = 32 << 20
"""Where glibc's own threshold ends up once a large tensor has been freed. It no longer moves after a `mallopt`."""


def keep_memory() -> Callable[[], None]:
    """From now on memory that tensors give back stays with the process; returns what ends that.

    Else every large tensor is fetched from the kernel anew, page by page: a third of the time that sentences are
    trained in, and processes wait for each other there. Does nothing where the C library is not glibc.
    """
    try:
        library = ctypes.CDLL("libc.so.6")
        change, trim = library.mallopt, library.malloc_trim
    except (OSError, AttributeError):
        return lambda: None
    # A tensor in a mapping of its own is given back when it is freed, whatever the threshold for trimming is.
    change(M_MMAP_MAX, 0)
    change(M_TRIM_THRESHOLD, NEVER)

    def end() -> None:
        change(M_MMAP_MAX, USUAL_MMAP_MAX)
        change(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        change(M_TRIM_THRESHOLD, 2 * MMAP_THRESHOLD)
        trim(0)

    return end


@contextmanager
def kept_memory() -> Generator[None]:
    """Inside it memory that tensors give back stays with the process; see `keep_memory`."""
    end = keep_memory()
    try:
        yield
    finally:
        end()
