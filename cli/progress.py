"""Signs of life for what takes long."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from linksim.cli.console import PlainConsole

Item = TypeVar("Item")


@contextmanager
def waiting(what: str) -> Generator[None]:
    """A spinner with the time gone, on standard error, gone when done."""
    console = PlainConsole(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description} {task.elapsed:.0f} s", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        progress.add_task(what, total=None)
        yield


def tracked(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """The items, with a bar and the time left, on standard error."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = PlainConsole(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total, description=what)
