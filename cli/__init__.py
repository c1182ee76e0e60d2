"""The command line."""

import os
import sys

from linksim.cli.interrupt import INTERRUPTED, ending_at_once, was_interrupted


def main() -> None:
    """Run `linksim`: exit status 0, 2 with one clear line for bad input, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks must not end a command whose work is done.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore
    # Figures of commands are in linksim's style: what a user has set for others is not even read.
    # Python processes that are started from here look for modules where they are installed, not in the current folder.
    os.environ.update(MPLBACKEND="agg", MATPLOTLIBRC=os.devnull, PYTHONSAFEPATH="1")
    with ending_at_once():
        _run()


def _run() -> None:
    from linksim.errors import LinksimError

    debug = bool(os.environ.get("LINKSIM_DEBUG"))
    try:
        from linksim.cli.app import app
        from linksim.cli.usage import UsageError, usage_line

        try:
            status = app(prog_name="linksim", standalone_mode=False) or 0
            if status == INTERRUPTED or was_interrupted():
                raise KeyboardInterrupt
            sys.exit(status)
        except UsageError as error:
            _leave(usage_line(error), 2)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
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
        if was_interrupted():
            _leave("interrupted", INTERRUPTED)
        _leave(f"internal error: {type(error).__name__}: {error} (LINKSIM_DEBUG=1 shows where)", 1)


def _leave(message: str, status: int) -> None:
    from linksim.text import printable

    print(printable(" ".join(message.split())), file=sys.stderr)
    sys.exit(status)
