"""What all benches share: sweeps into one store, a report, figures."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from linksim.catalogue import classes_by_module
from linksim.errors import ParameterError, nearest
from linksim.files import check_folder, is_same_file, write_whole
from linksim.montecarlo import Sweep
from linksim.montecarlo.scheduler import Progress

if TYPE_CHECKING:
    import pandas as pd

BENCHES = "linksim.benches"


class Part(NamedTuple):
    """One sweep of a bench: the table that it belongs to, and columns that tell its rows from those of the others."""

    table: str
    columns: Mapping[str, str | float]
    sweep: Sweep


def by_case(table: str) -> str:
    """The name of the table that has a table's scores per case; see `Sweep.by_case`."""
    return f"{table} by case"


Shown = Callable[[Sweep, str], AbstractContextManager[Callable[[Progress], None] | None]]
"""Shows how far a sweep is: given the sweep and what it is of, a context whose value takes reports."""


@dataclass(frozen=True, kw_only=True)
class Bench(ABC):
    """A comparison. A subclass is a frozen dataclass, the name of whose module is the bench's name.

    Args:
        out: the folder of the store, the report and the figures; a run that it holds is continued.
        workers: processes, one thread each.
        seed: of all random numbers.
        device: where to compute, as "cpu".
    """

    out: Path = Path("bench")
    workers: int = 1
    seed: int = 1
    device: str = "cpu"

    about: ClassVar[str]
    """What is compared, in a line."""

    @classmethod
    def title(cls) -> str:
        """The bench's name."""
        return cls.__module__.removeprefix(f"{BENCHES}.").partition(".")[0]

    @abstractmethod
    def parts(self) -> Iterator[Part]:
        """The sweeps. Raises `ParameterError` where data are missing."""

    @abstractmethod
    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """The page without its figures, in Markdown, from the tables by name; see also `by_case`."""

    def figures(self, tables: Mapping[str, "pd.DataFrame"]) -> Iterator[str]:  # noqa: ARG002
        """Draw the figures into `out`; gives their names."""
        return iter(())

    def inputs(self) -> list[Path]:
        """The folders that are read."""
        return []

    def check(self) -> None:
        """Refuse, before any work, a folder that cannot be written or holds the data. Raises `ParameterError`."""
        check_folder("--out", self.out, (self.store, self.page), [])
        for folder in self.inputs():
            if any(is_same_file(folder / inner, self.out) for inner in ("", "images")):
                raise ParameterError(f"--out '{self.out}' holds the pictures; name another folder for what is made")

    @property
    def store(self) -> str:
        """The file name of the store."""
        return f"{self.title()}.db"

    @property
    def page(self) -> str:
        """The file name of the report."""
        return f"{self.title()}.md"

    def run(self, shown: Shown = lambda _sweep, _what: nullcontext()) -> tuple[str, list[str]]:
        """Simulate what the store does not hold, draw the figures, write the page that shows them; gives both."""
        import pandas as pd

        # All of them now: what is missing is said before the first hour of work.
        parts = list(self.parts())
        self.check()
        self.out.mkdir(parents=True, exist_ok=True)
        found: dict[str, list[pd.DataFrame]] = {}
        for number, (table, columns, sweep) in enumerate(parts, 1):
            what = f"{number} of {len(parts)}, {', '.join((table, *map(str, columns.values())))}"
            with shown(sweep, what) as progress:
                rows = sweep.run(store=self.out / self.store, workers=self.workers, progress=progress)
            found.setdefault(table, []).append(rows.assign(**columns))
            per_case = sweep.by_case(self.out / self.store)
            found.setdefault(by_case(table), []).append(per_case.assign(**columns))
        tables = {name: pd.concat(rows, ignore_index=True) for name, rows in found.items()}
        text, figures = self.report(tables), list(self.figures(tables))
        if figures:
            shown_figures = (f"![{Path(name).stem.replace('_', ' ')}]({name})" for name in figures)
            text += "\n## Figures\n\n" + "\n\n".join(shown_figures) + "\n"
        write_whole(self.out / self.page, text.encode())
        return text, figures


@cache
def known_benches() -> Mapping[str, type[Bench]]:
    """The benches by name, found by looking."""
    return classes_by_module(BENCHES, Bench)


def find_bench(name: str) -> type[Bench]:
    """The bench of that name. Raises `ParameterError` with the nearest name."""
    known = known_benches()
    if name.replace("-", "_") not in known:
        raise ParameterError(f"no bench '{name}'; {nearest(name, known)}")
    return known[name.replace("-", "_")]
