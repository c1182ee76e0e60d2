"""What a sweep shows while it runs."""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from linksim.cli.console import PlainConsole
from linksim.montecarlo import Sweep
from linksim.montecarlo.point import show_point
from linksim.montecarlo.scheduler import Job, Progress

SHOWN_POINTS = 12


@contextmanager
def sweep_progress(sweep: Sweep) -> Generator[Callable[[Progress], None] | None]:
    """A live table of the points at work, on standard error; None where that is no terminal."""
    console = PlainConsole(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Live(console=console, transient=True, refresh_per_second=4) as live:
        yield lambda progress: live.update(render(sweep, progress))


def render(sweep: Sweep, progress: Progress) -> Group:
    """Per point the estimate, its interval and how far it is; then the whole."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("point", "metric", "estimate", "interval", "trials", "trials/s", "time left"):
        table.add_column(name, justify="left" if name in ("point", "metric") else "right")
    metrics = list(dict.fromkeys(rule.metric for rule in sweep.rules.stop if rule.metric is not None))
    active = [job for job in progress.jobs if not job.done and (job.under_way or job.fold.chunks)]
    for job in active[:SHOWN_POINTS]:
        for metric in metrics or list(job.fold.tallies)[:1]:
            _add_row(table, sweep, job, metric, progress)
    done = sum(job.done for job in progress.jobs)
    rate = progress.frames / max(progress.seconds, 1e-9)
    line = f"{done} of {len(progress.jobs)} points done, {rate:,.0f} frames/s, {progress.seconds:.0f} s"
    return Group(table, Text(line))


def _add_row(table: Table, sweep: Sweep, job: Job, metric: str, progress: Progress) -> None:
    if metric not in job.fold.tallies:
        return
    tally = job.fold.tallies[metric]
    found = tally.interval(sweep.rules.over, sweep.rules.confidence)
    chunks = job.fold.remaining()
    left = None if chunks is None else chunks * job.fold.seconds / max(job.fold.chunks, 1)
    workers = max(sum(bool(other.under_way) for other in progress.jobs), 1)
    table.add_row(
        show_point(job.values),
        metric,
        f"{found.estimate:.4g}",
        f"± {found.half_width / abs(found.estimate):.1%}"
        if found.estimate and math.isfinite(found.half_width)
        else "-",
        f"{tally.trials:,}",
        f"{tally.trials / max(job.fold.seconds, 1e-9):,.0f}",
        "-" if left is None else f"{left / workers:.0f} s",
    )
