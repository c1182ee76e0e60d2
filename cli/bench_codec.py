"""`linksim bench-codec`: SA-OOSC beside OOSC, NTSCC, DeepJSCC and SwinJSCC, in one table and its figures."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from linksim.blocks.sources import PictureCases
from linksim.cli.bench_points import (
    OOSC,
    SYSTEMS,
    WITHOUT_IMPORTANCE,
    kodak_link,
    kodak_points,
    scene_link,
    scene_points,
)
from linksim.cli.bench_tables import kodak_report, scene_report
from linksim.cli.console import PlainConsole, noting
from linksim.cli.links import pick_device
from linksim.cli.sweep_progress import sweep_progress
from linksim.errors import ParameterError
from linksim.files import check_folder, is_same_file, write_whole
from linksim.montecarlo import Sweep
from linksim.montecarlo.scheduler import Progress

if TYPE_CHECKING:
    import pandas as pd

STORE, REPORT = "bench.db", "codecs.md"
HEAD = """# SA-OOSC's codec beside OOSC, NTSCC, DeepJSCC and SwinJSCC

Made by `linksim bench-codec` from the shipped weights. In brackets 95 % over pictures. All systems see the same
pictures, noise and fades, and pay for all that the receiver needs: `cbr` is the payload alone, as papers count it,
`cbr_total` everything. How long each was trained stands on its card in blocks/weights. DeepJSCC's weights are for AWGN
at 10 dB, the others for 0 to 20 dB with a quarter of the pictures over known slow Rayleigh fading.

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

    def sweeps(self) -> Iterator[tuple[str, str, Sweep]]:
        """The sweeps, each with the set that its table is of and its system.

        The system is no axis of the grid: so all systems see the same noise and the same fades.
        """
        make = partial(Sweep, seed=self.seed, device=pick_device(self.device).type)
        if self.scenes:
            plain = PictureCases.scenes(self.scenes)
            detected = PictureCases.scenes(self.scenes, detections=True)
            for system, channel in product(SYSTEMS, ("awgn", "rayleigh")):
                cases, points = detected if system == OOSC else plain, scene_points(system, channel)
                if points:
                    yield "scenes", system, make(partial(scene_link, system), grid=points, cases=cases)
        if self.kodak:
            pictures = PictureCases(self.kodak)
            for system, channel in product(WITHOUT_IMPORTANCE, ("awgn", "rayleigh", "real rayleigh")):
                link = partial(kodak_link, system)
                yield "kodak", system, make(link, grid=kodak_points(channel), cases=pictures)

    def check(self) -> None:
        """Refuse, before an hour of work, a folder that cannot be written or holds the pictures. Raises
        `ParameterError`."""
        check_folder("--out", self.out, (STORE, REPORT), [])
        for folder in (self.scenes, self.kodak):
            if folder is not None and any(is_same_file(folder / inner, self.out) for inner in ("", "images")):
                raise ParameterError(f"--out '{self.out}' holds the pictures; name another folder for what is made")


def run_bench(asked: Bench) -> None:
    """The command."""
    import pandas as pd

    if asked.scenes is None and asked.kodak is None:
        raise ParameterError("give --scenes, a folder with split.json, or --kodak, a folder of pictures, or both")
    # All of them now: what is missing is said before the first hour of work.
    with noting():
        sweeps = list(asked.sweeps())
    asked.check()
    asked.out.mkdir(parents=True, exist_ok=True)
    parts: dict[str, list[pd.DataFrame]] = {}
    console = PlainConsole(stderr=True)
    try:
        for number, (name, system, sweep) in enumerate(sweeps, 1):
            with shown(sweep, f"{number} of {len(sweeps)}, {name}, {system}") as progress:
                table = sweep.run(store=asked.out / STORE, workers=asked.workers, progress=progress)
            parts.setdefault(name, []).append(table.assign(system=system))
    except KeyboardInterrupt:
        console.print(f"stopped; what was done is in '{asked.out / STORE}'; the same command goes on", style="yellow",
                      soft_wrap=True)  # fmt: skip
        raise
    tables = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
    text = HEAD + "\n".join(REPORTS[name](table) for name, table in tables.items())
    write_whole(asked.out / REPORT, text.encode())
    figures = list(draw(asked, tables))
    print(text)
    console.print(f"{REPORT} and {', '.join(figures)} are in {asked.out}", soft_wrap=True, highlight=False)


REPORTS: Mapping[str, Callable[["pd.DataFrame"], str]] = {"scenes": scene_report, "kodak": kodak_report}


def draw(asked: Bench, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:
    """Every figure that there is data for; gives their names."""
    import linksim.cli.bench_figures as bench_figures  # noqa: PLR0402

    if "scenes" in tables:
        yield bench_figures.levels(tables["scenes"], asked.out)
        yield bench_figures.levels_against_snr(tables["scenes"], asked.out)
        assert asked.scenes is not None
        yield from bench_figures.one_scene(asked.scenes, asked.out, asked.seed)
    if "kodak" in tables:
        yield bench_figures.kodak(tables["kodak"], asked.out)


@contextmanager
def shown(sweep: Sweep, what: str) -> Iterator[Callable[[Progress], None] | None]:
    """How far a sweep is: a live table on a terminal, a line as it begins elsewhere."""
    with noting(), sweep_progress(sweep) as live:
        if live is None:
            print(f"{what}: {len(sweep.points)} points", file=sys.stderr, flush=True)
        yield live
