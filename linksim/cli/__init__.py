"""The command line."""

import os
import sys


def main() -> None:
    """Run `linksim`: exit status 0, 2 with one clear line for bad input, 130 when interrupted."""
    from linksim.cli.app import app
    from linksim.errors import LinksimError

    debug = bool(os.environ.get("LINKSIM_DEBUG"))
    try:
        app()
    except KeyboardInterrupt:
        _leave("interrupted", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except LinksimError as error:
        if debug:
            raise
        _leave(f"error: {error}", 2)
    except OSError as error:
        if debug:
            raise
        _leave(f"error: {error.strerror or error}" + (f": '{error.filename}'" if error.filename else ""), 2)
    except MemoryError as error:
        _leave(f"error: not enough memory: {error}", 2)
    except Exception as error:
        if debug:
            raise
        _leave(f"internal error: {type(error).__name__}: {error} (LINKSIM_DEBUG=1 shows where)", 1)


def _leave(message: str, status: int) -> None:
    print(" ".join(message.split()), file=sys.stderr)
    sys.exit(status)
