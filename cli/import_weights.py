"""`linksim import`: published weights as files that links take."""

from pathlib import Path

from linksim.cli.console import PlainConsole
from linksim.published import import_weights


def run_import(codec: str, checkpoint: Path, out: Path, variant: str) -> None:
    """The command."""
    found = import_weights(codec, checkpoint, out, variant)
    console = PlainConsole()
    console.print(f"{found.what}; {found.parameters:,} numbers", soft_wrap=True, highlight=False)
    console.print(f"written: {out}, {found.card}", soft_wrap=True, highlight=False)
    console.print(f"in Python: {found.use}", soft_wrap=True, highlight=False)
