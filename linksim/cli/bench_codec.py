"""`linksim bench-codec`: SA-OOSC beside OOSC, NTSCC, DeepJSCC and SwinJSCC, in one table and its figures."""

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from linksim.blocks.sources import PictureCases
from linksim.cli.bench_points import (
    FADES,
    OOSC,
    SYSTEMS,
    kodak_link,
    kodak_points,
    scene_link,
    scene_points,
)
from linksim.cli.bench_tables import kodak_report, scene_report
from linksim.cli.sweep_progress import sweep_progress
from linksim.cli.transmit import pick_device
from linksim.errors import ParameterError
from linksim.montecarlo import Cases, Stop, Sweep
from linksim.montecarlo.scheduler import Progress
from linksim.weights import write_whole

if TYPE_CHECKING:
    import pandas as pd

STORE, REPORT = "bench.db", "codecs.md"
SHOWN_SECONDS = 30.0
HEAD = """# SA-OOSC's codec beside OOSC, NTSCC, DeepJSCC and SwinJSCC

Made by `linksim bench-codec` from the shipped weights. In brackets 95 % over pictures; every system sees the
same pictures, with noise of its own.

"""


@dataclass(frozen=True)
class Bench:
    """What the user asked for."""

    scenes: Path | None
    kodak: Path | None
    out: Path
    workers: int
    seed: int
    device: str

    def sweeps(self) -> Iterator[tuple[str, Sweep]]:
        """The sweeps, each with the name of the set that its table is of."""
        make = partial(Sweep, seed=self.seed, device=self.device)
        if self.scenes:
            plain = PictureCases.scenes(self.scenes)
            detected = PictureCases.scenes(self.scenes, detections=True)
            others = [system for system in SYSTEMS if system != OOSC]
            for channel in ("awgn", "rayleigh"):
                stop = _rounds(plain, channel)
                for systems, cases in ((others, plain), ([OOSC], detected)):
                    yield "scenes", make(scene_link, grid=scene_points(systems, channel), cases=cases, stop=stop)
        if self.kodak:
            pictures = PictureCases(self.kodak)
            for channel in ("awgn", "rayleigh", "real rayleigh"):
                stop = _rounds(pictures, channel)
                yield "kodak", make(kodak_link, grid=kodak_points(channel), cases=pictures, stop=stop)


def _rounds(cases: Cases, channel: str) -> Stop:
    """Each picture once; a few times where a picture has one fade."""
    return Stop(frames=len(cases) * (FADES if channel == "rayleigh" else 1))


def run_bench(asked: Bench) -> None:
    """The command."""
    import pandas as pd

    if asked.scenes is None and asked.kodak is None:
        raise ParameterError("give --scenes, a folder with split.json, or --kodak, a folder of pictures, or both")
    pick_device(asked.device)
    asked.out.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[pd.DataFrame]] = {}
    console = Console(stderr=True)
    try:
        for name, sweep in asked.sweeps():
            with shown(sweep) as progress:
                table = sweep.run(store=asked.out / STORE, workers=asked.workers, progress=progress)
            tables.setdefault(name, []).append(table)
    except KeyboardInterrupt:
        console.print(f"stopped; what was done is in '{asked.out / STORE}'; the same command goes on", style="yellow",
                      soft_wrap=True)  # fmt: skip
        raise
    text = HEAD + "\n".join(REPORTS[name](pd.concat(parts, ignore_index=True)) for name, parts in tables.items())
    write_whole(asked.out / REPORT, text.encode())
    figures = list(draw(asked, {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}))
    print(text)
    console.print(f"{REPORT} and {', '.join(figures)} are in {asked.out}", soft_wrap=True, highlight=False)


REPORTS: Mapping[str, Callable[["pd.DataFrame"], str]] = {"scenes": scene_report, "kodak": kodak_report}


def draw(asked: Bench, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
    """Every figure that there is data for; gives their names."""
    from linksim.cli import bench_figures

    if "scenes" in tables:
        yield bench_figures.levels(tables["scenes"], asked.out)
        yield bench_figures.levels_against_snr(tables["scenes"], asked.out)
        assert asked.scenes is not None
        yield from bench_figures.one_scene(asked.scenes, asked.out, asked.seed)
    if "kodak" in tables:
        yield bench_figures.kodak(tables["kodak"], asked.out)


@contextmanager
def shown(sweep: Sweep) -> Iterator[Callable[[Progress], None] | None]:
    """How far a sweep is: a live table on a terminal, a line now and then elsewhere."""
    with warnings.catch_warnings(), sweep_progress(sweep) as live:
        warnings.simplefilter("ignore", UserWarning)
        yield live or _Lines()


class _Lines:
    """A line every half minute on standard error."""

    def __init__(self) -> None:
        self._last = -SHOWN_SECONDS / 2

    def __call__(self, progress: Progress) -> None:
        done = sum(job.done for job in progress.jobs)
        if progress.seconds - self._last >= SHOWN_SECONDS:
            self._last = progress.seconds
            print(f"{done} of {len(progress.jobs)} points, {progress.seconds:.0f} s", file=sys.stderr, flush=True)
