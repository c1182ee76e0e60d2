"""What a worker says of what went wrong."""

import resource
import traceback
from typing import Any

from linksim.errors import LinksimError


def failure(error: Exception, block: str = "") -> dict[str, Any]:
    """The message of an error, and of the block in which it happened, "" for none."""
    return {"event": "error", "block": block, "error": type(error).__name__, "message": _said(error)}


def _said(error: Exception) -> str:
    if isinstance(error, LinksimError):
        return str(error)
    # What torch says where memory is refused.
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
        return f"this needs more than {limit / 2**30:.3g} GiB of memory; start linksim studio with a larger --memory"
    # An error that nobody foresaw, with the notes that say in which block it was.
    return " ".join(line.strip() for line in traceback.format_exception_only(error))
