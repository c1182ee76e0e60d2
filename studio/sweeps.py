"""Sweeps in a worker of the studio: the same stores and results as `linksim sweep`, told while they grow."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from linksim.cli.plot import closed_forms
from linksim.cli.results import pick_sweep
from linksim.cli.sweep import SweepRequest
from linksim.errors import LinksimError, SweepError
from linksim.faces.plain_yaml import plain_values
from linksim.montecarlo.reading import failures_of, table_of
from linksim.montecarlo.scheduler import Progress
from linksim.montecarlo.store import Store, StoredSweep
from linksim.montecarlo.table import make_table, records
from linksim.studio.limits import ForbiddenError, paths_named, refuse_paths

ENDING = ".db"
LEAST_GAP_S, GAPS = 0.4, 40
"""News of a sweep come after so many seconds at least, and no sooner than a fortieth of its time so far: then a long
one does not fill the memory with them."""
FINE, SNR, ERROR_RATE = 100, "snr_db", "ber"


def sweep(channel: Connection, asked: Mapping[str, Any], folder: str) -> None:
    """Run a sweep, or go on with it.

    `asked`: "flowgraph", a file in the folder; "store", another; "grid" and "stop", texts as for `linksim sweep`;
    "inputs", texts `name=number`; "seed"; "pictures", a folder or None.

    Messages: {"event": "table", "rows", "points", "done", "frames", "seconds"} now and then, and the last one, "done",
    as `stored` gives.
    """
    source = Path(asked["flowgraph"])
    if paths_named(plain_values(source.read_bytes(), source.name)):
        raise ForbiddenError("the flowgraph names files of this computer; run it with linksim sweep")
    refuse_paths((*asked["grid"], *asked["stop"], *asked["inputs"]))
    pictures = asked["pictures"] and Path(asked["pictures"])
    request = SweepRequest(str(source), tuple(asked["grid"]), tuple(asked["stop"]), tuple(asked["inputs"]), pictures,
                           None, asked["seed"], None, None, None, "cpu")  # fmt: skip
    made = request.build()
    store = Path(asked["store"])
    # What `linksim replay` needs, from the folder in which the studio was started.
    origin = {**request.origin(), "folder": folder}
    made.run(store=store, progress=_teller(channel.send, made.names), origin=origin)
    channel.send({"event": "done", **stored(store, None, made.key)})


def _teller(say: Callable[[Any], None], names: Sequence[str]) -> Callable[[Progress], None]:
    last = 0.0

    def tell(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < max(LEAST_GAP_S, progress.seconds / GAPS):
            return
        last = now
        table = make_table(names, [(job.values, job.fold, {}) for job in progress.jobs])
        done = sum(job.done for job in progress.jobs)
        about = {"points": len(progress.jobs), "done": done, "frames": progress.frames, "seconds": progress.seconds}
        say({"event": "table", "rows": records(table), "names": list(names), **about})

    return tell


def stored(path: Path, number: int | None, key: str | None = None) -> dict[str, Any]:
    """What a store holds of a sweep, by its number or its key, the last one where both are None: its rows, axes, closed
    forms, and the command that makes it again. Raises `StoreError` or `SweepError`."""
    store = Store(path, read_only=True)
    try:
        sweeps = store.sweeps()
        if key is not None:
            # Another tab may have begun another sweep of this store meanwhile.
            number = next((place for place, each in enumerate(sweeps, 1) if each.key == key), None)
        found = pick_sweep(store, number)
        table, failures = table_of(store, found), failures_of(store, found)
        names = list(found.settings["names"])
        return {
            "store": path.name.removesuffix(ENDING),
            "source": found.settings["source"],
            "names": names,
            "curve": found.settings["curve"],
            "rows": records(table),
            "failures": failures[:3],
            "theory": _theory(store, found) if names == [SNR] and ERROR_RATE in set(table["metric"]) else {},
            "command": _command(found, path),
            "sweep": number or len(sweeps),
        }
    finally:
        store.close()


def _theory(store: Store, found: StoredSweep) -> dict[str, Any]:
    """Closed forms by name, each as points."""
    try:
        forms = closed_forms(store, found.points)
    except SweepError:
        return {}
    known = store.points()
    places = [float(known[point][0][SNR]) for point in found.points]
    fine = np.linspace(min(places), max(places), FINE)
    return {name: [fine.tolist(), np.asarray(form(fine)).tolist()] for name, form in forms.items()}


def _command(found: StoredSweep, path: Path) -> str:
    """As it is typed in the folder of the store."""
    origin = found.settings["origin"]
    if not origin:
        return ""
    here = path.parent

    def shown(name: str) -> str:
        """A path as it is typed there."""
        return str(Path(name).relative_to(here)) if Path(name).is_relative_to(here) else name

    words = ["linksim", "sweep", shown(origin["flowgraph"])]
    for option, values in (("--grid", origin["grid"]), ("--stop", origin["stop"]), ("--input", origin["inputs"])):
        for value in values:
            words += [option, value]
    for option in ("pictures", "scenes", "chunk", "over", "curve"):
        if origin[option] is not None:
            words += [f"--{option}", shown(str(origin[option]))]
    if origin["device"] != "cpu":
        words += ["--device", origin["device"]]
    return shlex.join([*words, "--seed", str(origin["seed"]), "--store", path.name])


def listed(folder: str) -> dict[str, Any]:
    """The stores of a folder that can be read, with the names of their sweeps."""
    found: list[dict[str, Any]] = []
    for path in sorted(Path(folder).glob(f"*{ENDING}")):
        try:
            store = Store(path, read_only=True)
            with closing(store):
                sources = [sweep.settings["source"] for sweep in store.sweeps()]
        except (LinksimError, KeyError, TypeError):
            # Another program's database, or one that lies elsewhere.
            continue
        if sources:
            found.append({"store": path.name.removesuffix(ENDING), "sweeps": sources})
    return {"stores": found}
