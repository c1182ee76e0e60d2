"""`linksim replay`: run one stored chunk again, and look inside."""

import io
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, chdir, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from linksim.cli.console import PlainConsole, noting
from linksim.cli.results import pick_sweep
from linksim.cli.sweep import replayable
from linksim.cli.values import parse_each
from linksim.errors import ParameterError, SweepError
from linksim.files import check_outputs, write_whole
from linksim.montecarlo.chunk_runner import sums_of
from linksim.montecarlo.fold import Rules
from linksim.montecarlo.point import canonical, show_point
from linksim.montecarlo.reading import folds_of, rules_of
from linksim.montecarlo.store import Chunk, Store, store_files
from linksim.montecarlo.tally import tally_of
from linksim.result import Result


def run_replay(
    path: Path, point: Sequence[str], chunk: int | None, worst: str | None, probe: Sequence[str],
    out: Path | None, number: int | None,
) -> None:  # fmt: skip
    """The command."""
    if (chunk is None) == (worst is None):
        raise ParameterError("give --chunk N or --worst METRIC, one of them")
    wanted = parse_each("--point", list(point))
    check_outputs({"--out": out}, store_files(path))
    if out is not None and not probe:
        raise ParameterError("--out writes the probed values: name a port with --probe, as channel.out")
    # The sweep's own folder becomes the current one.
    path, out = path.resolve(), None if out is None else out.resolve()
    store = Store(path, read_only=True)
    sweep = pick_sweep(store, number)
    with store.telling():
        rules = rules_of(sweep)
    values, stored = find_chunk(store, sweep.points, rules, wanted, chunk, worst)
    store.close()
    console = PlainConsole()
    console.print(f"chunk {stored.number} of {show_point(values)}", soft_wrap=True)
    if stored.error is not None:
        console.print(f"it failed when it was stored:\n{stored.error}")
    origin = sweep.settings["origin"]
    with noting(), folder_of(origin):
        runs = replayable(origin).chunk_runs(values, stored.number, probe)
    for case, run in runs:
        for name, value in run.items():
            label = f"case {case}, {name}" if len(runs) > 1 else name
            console.print(f"{label}: {describe(value)}", soft_wrap=True)
    same = is_same(runs, stored)
    console.print(f"the same as stored: {'yes' if same else 'NO: code, weights or processor differ'}")
    if out is not None:
        save(out, runs, probe)
        console.print(f"the probed values are in {out}", soft_wrap=True)


def folder_of(origin: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Within, the current folder is that in which the sweep was run: its modules and relative paths are found there;
    where that is gone, they are looked for here."""
    folder = origin.get("folder")
    if folder is None or not Path(folder).is_dir():
        return nullcontext()
    return chdir(folder)


def find_chunk(
    store: Store, points: Sequence[int], rules: Rules, wanted: Mapping[str, Any], number: int | None, worst: str | None
) -> tuple[dict[str, Any], Chunk]:
    """The chunk asked for, or the worst one, and its point's values.

    Raises `SweepError` where no point or chunk fits.
    """
    known = store.points()
    fitting = [p for p in points if all(n in known[p][0] and canonical({n: known[p][0][n]}) == canonical({n: v})
                                        for n, v in wanted.items())]  # fmt: skip
    if not fitting:
        raise SweepError(f"the sweep has no point {show_point(wanted)}")
    # Only what is in the results: what workers ran beyond the stop rule depends on how many there were.
    ends = {p: fold.next for p, fold in zip(fitting, folds_of(store, fitting, rules), strict=True)}
    chunks = [(p, c) for p, found in store.chunks(fitting).items() for c in found if c.number < ends[p]]
    if number is not None:
        chunks = [(p, c) for p, c in chunks if c.number == number]
        if len(fitting) > 1:
            raise SweepError(f"{len(fitting)} points fit; name one with --point, all of its values")
    else:
        chunks = [(p, c) for p, c in chunks if worst in c.tallies]
    if not chunks:
        raise SweepError("no such chunk is in the store" if worst is None else f"no chunk has the metric '{worst}'")
    point, chunk = max(chunks, key=lambda pair: pair[1].tallies[worst].badness) if worst else chunks[0]
    return known[point][0], chunk


def is_same(runs: Sequence[tuple[int, Result]], stored: Chunk) -> bool:
    """Whether runs give what a chunk holds. Values that are probed, which have a dot in the name, are no metrics."""
    sums = {name: tally for name, tally in sums_of(runs)[0].items() if name in stored.tallies or "." not in name}
    return stored.error is None and sums == stored.tallies


def describe(value: object) -> str:
    """A value in short: a metric's figures, a tensor's shape and range."""
    tally = tally_of(value, 0)
    if tally is not None:
        found = tally.interval("noise")
        if not tally.trials:
            return "nothing to measure"
        counted = (
            f", {tally.errors:,} of {tally.trials:,}" if tally.errors is not None else f", least {-tally.badness:.5g}"
        )
        return f"{found.estimate:.6g}{counted}"
    if isinstance(value, Tensor):
        shape = "x".join(map(str, value.shape))
        size = value.abs() if value.is_complex() else value
        return f"{value.dtype} {shape}, {float(size.min()):.5g} to {float(size.max()):.5g}" if value.numel() else shape
    fields = getattr(value, "__dataclass_fields__", {})
    return "; ".join(f"{name}: {describe(getattr(value, name))}" for name in fields) or repr(value)


def save(path: Path, runs: Sequence[tuple[int, Result]], probe: Sequence[str]) -> None:
    """The probed tensors of each run as a NumPy archive, named `case/port/field`."""
    arrays: dict[str, Any] = {}
    for case, run in runs:
        for name in probe:
            value = run[name]
            parts = {"": value} if isinstance(value, Tensor) else vars(value)
            arrays |= {
                f"{case}/{name}{f'/{k}' if k else ''}": t.cpu().numpy()
                for k, t in parts.items()
                if isinstance(t, Tensor)
            }
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_whole(path, content.getvalue())
