"""`linksim bench`: a comparison, its page and its figures."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from linksim.benches.bench import Bench, find_bench, known_benches
from linksim.cli.console import PlainConsole, noting
from linksim.cli.links import pick_device
from linksim.cli.sweep_progress import sweep_progress
from linksim.errors import ParameterError
from linksim.montecarlo import Sweep
from linksim.montecarlo.scheduler import Progress


@dataclass(frozen=True)
class Benching:
    """What the user asked for; None leaves the bench's default."""

    name: str | None
    scenes: Path | None
    kodak: Path | None
    weights: tuple[str, ...] | None
    text: Path | None
    captions: Path | None
    masked: Path | None
    also: tuple[str, ...] | None
    out: Path
    workers: int
    seed: int
    device: str

    def bench(self) -> Bench:
        """The bench. Raises `ParameterError` where the name is unknown or an option means nothing to it."""
        assert self.name is not None
        kind = find_bench(self.name)
        known = {field.name for field in fields(kind)}
        settings: dict[str, Any] = {"out": self.out, "workers": self.workers, "seed": self.seed}
        for name in ("scenes", "kodak", "weights", "text", "captions", "masked", "also"):
            value = getattr(self, name)
            if value is not None and name not in known:
                raise ParameterError(f"--{name} means nothing to the bench '{kind.title()}'; leave it out")
            if value is not None:
                settings[name] = value
        return kind(**settings, device=pick_device(self.device).type)


def run_bench(asked: Benching) -> None:
    """The command; without a name, the list of benches."""
    if asked.name is None:
        for name, kind in known_benches().items():
            print(f"{name:<16}{kind.about}")
        return
    bench, console = asked.bench(), PlainConsole(stderr=True)
    try:
        with noting():
            text, figures = bench.run(shown)
    except KeyboardInterrupt:
        console.print(f"stopped; what was done is in '{bench.out / bench.store}'; the same command goes on",
                      style="yellow", soft_wrap=True)  # fmt: skip
        raise
    print(text)
    console.print(f"{', '.join([bench.page, *figures])}: in {bench.out}", soft_wrap=True, highlight=False)


@contextmanager
def shown(sweep: Sweep, what: str) -> Iterator[Callable[[Progress], None] | None]:
    """How far a sweep is: a live table on a terminal, a line as it begins elsewhere."""
    with noting(), sweep_progress(sweep) as live:
        if live is None:
            print(f"{what}: {len(sweep.points)} points", file=sys.stderr, flush=True)
        yield live
