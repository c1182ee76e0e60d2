"""Sweeps: the same results whatever happens on the way."""

import functools
import importlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections import deque
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import linksim.blocks
from linksim import Block, Decibels, Flowgraph, Score
from linksim.blocks import AWGN, Rayleigh
from linksim.blocks.transport import mcs
from linksim.errors import LinksimError, ParameterError, StoreError, SweepError
from linksim.flowgraphs import bpsk, klt, separation
from linksim.montecarlo import InProcess, Processes, RayCluster, Stop, Store, Sweep
from linksim.montecarlo.executors import _folder
from linksim.montecarlo.link import link_digest
from linksim.montecarlo.table import records
from linksim.theory import bit_error_rate

GRID = {"snr_db": [0, 3, 6]}
RULE = "ber:rel=0.1,errors=100,trials=1e6"


def sweep(**settings):
    return Sweep(bpsk, **{"grid": GRID, "stop": RULE, "seed": 5, "chunk": 8, **settings})


def same(first, second):
    pd.testing.assert_frame_equal(first.drop(columns="seconds"), second.drop(columns="seconds"), check_exact=True)
    return True


class Shuffled(InProcess):
    """Several tasks under way, finished in any order."""

    workers, lazy = 4, False

    def __init__(self, seed):
        super().__init__()
        self._chance = random.Random(seed)
        self._tasks = deque()

    def wait(self, seconds):
        self._chance.shuffle(self._tasks)
        return super().wait(seconds)


class Forbidden(InProcess):
    """Where nothing is left to run."""

    def submit(self, task):
        raise AssertionError("nothing is left to run")


def test_the_estimates_are_right():
    table = Sweep(bpsk, grid={"snr_db": [0, 4, 7]}, stop=Stop("ber", relative=0.05), seed=1).run()
    for row in table.itertuples():
        assert row.low <= float(bit_error_rate(row.snr_db)) <= row.high
        assert (row.high - row.low) / 2 <= 0.05 * row.estimate
        assert row.estimate == row.errors / row.trials
    assert list(table.stopped_by) == ["targets"] * 3
    assert list(table.interval) == ["by frame"] * 3
    assert list(table.labels) == ["csi: perfect"] * 3


def test_the_same_bits_for_any_workers_and_any_order():
    alone = sweep().run()
    assert all(same(alone, sweep().run(workers=Shuffled(seed))) for seed in range(5))
    assert same(alone, sweep().run(workers=2))


def test_a_grid_may_grow_or_turn_without_new_noise():
    wide = Sweep(bpsk, grid={"length": [256, 512], "snr_db": [6.0, 0, 3, 1]}, stop=RULE, seed=5, chunk=8).run()
    narrow = Sweep(bpsk, grid={"snr_db": [3], "length": [512]}, stop=RULE, seed=5, chunk=8).run()
    row = wide[(wide.length == 512) & (wide.snr_db == 3)]
    assert narrow.errors.item() == row.errors.item()
    assert narrow.trials.item() == row.trials.item()


def test_threads_are_restored():
    torch.set_num_threads(2)
    try:
        assert sweep(grid={"snr_db": [0]}).run() is not None
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


# -- resuming


def test_a_store_is_not_asked_twice(tmp_path):
    store = tmp_path / "a.db"
    first = sweep().run(store=store)

    assert same(first, sweep().run(store=store, workers=Forbidden()))
    assert same(first, sweep().table(store))
    # Other rules read the same chunks, and run only what is missing.
    finer = sweep(stop="ber:rel=0.05,errors=100,trials=1e6").run(store=store)
    assert same(finer, sweep(stop="ber:rel=0.05,errors=100,trials=1e6").run())
    assert same(sweep().run(store=store), first)


KILLED = """
import sys
from linksim.flowgraphs import bpsk
from linksim.montecarlo import Sweep
if __name__ == "__main__":
    Sweep(bpsk, grid={"snr_db": [0, 3, 6, 7]}, stop="ber:rel=0.02,errors=100,trials=3e7", seed=5, chunk=8).run(
        store=sys.argv[1], workers=int(sys.argv[2]))
    print("done", flush=True)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_kills_change_nothing(tmp_path, workers):
    """The benchmark sweep_kills.py does this 20 times; here three."""
    script, store = tmp_path / "killed.py", tmp_path / "a.db"
    script.write_text(KILLED)
    chance = random.Random(workers)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, script, store, str(workers)], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        time.sleep(chance.uniform(2.0, 5.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    settings = {"grid": {"snr_db": [0, 3, 6, 7]}, "stop": "ber:rel=0.02,errors=100,trials=3e7"}
    assert same(sweep(**settings).run(store=store, workers=workers), sweep(**settings).run())


def test_ctrl_c_keeps_what_was_done(tmp_path):
    class Interrupted(InProcess):
        def __init__(self, after):
            super().__init__()
            self.after = after

        def wait(self, seconds):
            self.after -= 1
            if not self.after:
                raise KeyboardInterrupt
            return super().wait(seconds)

    store = tmp_path / "a.db"
    finer = sweep(stop="ber:rel=0.02")
    with pytest.raises(KeyboardInterrupt):
        finer.run(store=store, workers=Interrupted(20))
    assert finer.table(store).stopped_by.iloc[-1] == "unfinished"
    assert same(finer.run(store=store), finer.run())


def test_two_processes_on_one_store(tmp_path):
    script, store = tmp_path / "killed.py", tmp_path / "a.db"
    script.write_text(KILLED)
    running = [subprocess.Popen([sys.executable, script, store, "1"], stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in running] == [b"done\n", b"done\n"]
    settings = {"grid": {"snr_db": [0, 3, 6, 7]}, "stop": "ber:rel=0.02,errors=100,trials=3e7"}
    assert same(sweep(**settings).table(store), sweep(**settings).run())


# -- what goes wrong


OWN = """
import os
import signal

import torch

from linksim import Bits, Block, Decibels, Flowgraph
from linksim.blocks import AWGN, BitErrors, BitSource, BPSKDemapper, BPSKMapper


class Fragile(Block):
    'Fails at chance; kills its process where a file says so, or always.'

    def __init__(self, *, chance: float = 0.0, kill: str = "") -> None:
        super().__init__()
        self.chance, self.kill = chance, kill

    def forward(self, bits: Bits) -> Bits:
        if self.kill == "always" or os.path.exists(self.kill):
            if os.path.exists(self.kill):
                os.remove(self.kill)
            os.kill(os.getpid(), signal.SIGKILL)
        if float(torch.rand((), generator=self.rng)) < self.chance:
            raise RuntimeError("the block had a bad day")
        return bits


def fragile(chance: float = 0.0, kill: str = "") -> Flowgraph:
    fg = Flowgraph("fragile", inputs={"snr_db": Decibels})
    fg.bits, fg.fragile, fg.mapper = BitSource(length=64), Fragile(chance=chance, kill=kill), BPSKMapper()
    fg.channel, fg.demapper, fg.errors = AWGN(), BPSKDemapper(), BitErrors()
    fg.connect(fg.bits, fg.fragile, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    return fg
"""


@pytest.fixture
def fragile(tmp_path_factory, monkeypatch):
    """A module of the user's own, as workers must find it."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_blocks.py").write_text(OWN)
    monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("own_blocks").fragile
    del sys.modules["own_blocks"]


def test_a_failing_chunk_is_kept_and_the_sweep_goes_on(tmp_path, fragile):
    store = tmp_path / "a.db"
    failing = Sweep(fragile, grid={"chance": [0.3, 1.0, 0.0], "snr_db": [0]}, stop="trials=6400", seed=2, chunk=10)
    with pytest.warns(
        UserWarning, match=r"chunks failed; the first is chunk \d+ of chance=0.3.*the block had a bad day"
    ):
        table = failing.run(store=store)
    assert list(table.chance) == [0.3, 0.0]
    assert "chunks failed" in table.labels[0]
    assert "chunks failed" not in table.labels[1]
    assert list(table.trials >= 6400) == [True, True]
    kept = Store(store, read_only=True)
    failed = [c for chunks in kept.chunks(kept.points()).values() for c in chunks if c.error]
    assert "RuntimeError: the block had a bad day" in failed[0].error
    kept.close()
    with pytest.raises(RuntimeError, match="bad day"):
        failing.replay({"chance": 1, "snr_db": 0}, 0)
    with pytest.warns(UserWarning, match="chunks failed"):
        assert same(failing.run(store=store, workers=Shuffled(1)), table)


def test_a_worker_that_dies_is_noticed_and_its_chunk_is_done_by_another(tmp_path, fragile):
    mark = tmp_path / "kill"
    mark.touch()
    settings = {"grid": {"kill": [str(mark)], "snr_db": [0, 3]}, "stop": "trials=64000", "seed": 2, "chunk": 10}
    with pytest.warns(UserWarning, match="a worker died; chunks .* are given to another"):
        table = Sweep(fragile, **settings).run(workers=2)
    assert not mark.exists()
    assert same(table, Sweep(fragile, **settings).run())


def test_a_chunk_that_kills_every_worker_is_given_up(fragile):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = Sweep(fragile, grid={"kill": ["always", ""], "snr_db": [0]}, stop="trials=6400", chunk=10).run(
            workers=2
        )
    assert any("killed 3 workers and are given up" in str(w.message) for w in caught)
    assert list(table.kill) == [""]


def test_stores_that_are_none(tmp_path):
    (tmp_path / "text.db").write_text("not a database at all, only text" * 100)
    with pytest.raises(StoreError, match="damaged, or no store"):
        sweep().run(store=tmp_path / "text.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)")
    with pytest.raises(StoreError, match="no store of linksim's"):
        sweep().run(store=tmp_path / "other.db")
    with pytest.raises(StoreError, match="no folder"):
        sweep().run(store=tmp_path / "nowhere" / "a.db")
    with pytest.raises(StoreError, match="not a file"):
        sweep().run(store=tmp_path)
    with pytest.raises(StoreError, match="no store at"):
        sweep().table(tmp_path / "absent.db")


LEFT = """
import os, sys
from linksim.flowgraphs import bpsk
from linksim.montecarlo import Sweep
Sweep(bpsk, grid={"snr_db": [0]}, stop="ber:frames=1000000", seed=5, chunk=8).run(
    store=sys.argv[1], progress=lambda p: os._exit(9) if p.seconds > 1.5 else None)
"""


def test_what_a_killed_run_left_beside_the_store_is_taken_in(tmp_path):
    store = tmp_path / "a.db"
    subprocess.run([sys.executable, "-c", LEFT, store], check=False)
    beside = store.with_name("a.db-wal")
    assert beside.stat().st_size
    copy = tmp_path / "copy.db"
    copy.write_bytes(store.read_bytes())
    own = {"grid": {"snr_db": [0]}, "stop": "ber:frames=1000000"}
    with pytest.raises(SweepError, match="holds nothing of this sweep"):
        sweep(**own).table(copy)
    assert sweep(**own).table(store).trials.item() > 0
    assert not beside.exists()
    assert not store.with_name("a.db-shm").exists()
    copy.write_bytes(store.read_bytes())
    assert same(sweep(**own).table(copy), sweep(**own).table(store))
    copy.write_bytes(b"")
    with pytest.raises(StoreError, match=r"holds nothing; .* are in '.*copy\.db-wal', which belongs beside it"):
        sweep(**own).table(copy)


def test_a_newer_store_is_left_alone(tmp_path):
    store = tmp_path / "a.db"
    sweep(grid={"snr_db": [0]}).run(store=store)
    database = sqlite3.connect(store)
    database.execute("PRAGMA user_version = 2")
    database.commit()
    with pytest.raises(StoreError, match="newer linksim .store version 2, this one knows 1"):
        sweep().run(store=store)


def test_a_damaged_store_says_so(tmp_path):
    store = tmp_path / "a.db"
    sweep().run(store=store)
    base_rate = bytearray(store.read_bytes())
    base_rate[2000 : len(base_rate) - 100] = os.urandom(len(base_rate) - 2100)
    store.write_bytes(base_rate)
    with pytest.raises(StoreError, match="damaged"):
        sweep().run(store=store)


def test_a_full_disk_keeps_what_was_done(tmp_path, monkeypatch):
    store = tmp_path / "a.db"
    prepare = Store._prepare

    def small(self):
        prepare(self)
        count = self._database.execute("PRAGMA page_count").fetchone()[0]
        self._database.execute(f"PRAGMA max_page_count = {count + 1}")

    closed = []

    class Closing(InProcess):
        def close(self):
            closed.append(True)

    monkeypatch.setattr("linksim.montecarlo.scheduler.COMMIT_SECONDS", 0.0)
    with monkeypatch.context() as full:
        full.setattr(Store, "_prepare", small)
        with pytest.raises(StoreError, match="the disk is full; what was done is kept"):
            sweep(chunk=1, stop="ber:rel=0.03").run(store=store, workers=Closing())
    assert closed
    kept = Store(store, read_only=True)
    assert sum(map(len, kept.chunks(kept.points()).values())) > 3
    kept.close()
    assert same(sweep(chunk=1, stop="ber:rel=0.03").run(store=store), sweep(chunk=1, stop="ber:rel=0.03").run())


def test_a_folder_that_cannot_be_written():
    # Even root cannot make files there.
    with pytest.raises(StoreError, match="cannot be written; check the rights"):
        sweep().run(store="/proc/a.db")


def test_a_read_only_store_says_so(tmp_path):
    store = tmp_path / "a.db"
    sweep(grid={"snr_db": [0]}).run(store=store)
    kept = Store(store, read_only=True)
    with pytest.raises(StoreError, match="cannot be written; check the rights"):
        kept.add_links({"a": "b"})
    kept.close()


# -- identity


class Offset(Block):
    """Shifts by a weight."""

    def __init__(self, *, by: float = 1.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(by))

    def forward(self, snr_db: Decibels) -> Score:
        return Score(snr_db + self.weight)


def offset(by=1.0, kind=Offset):
    fg = Flowgraph("offset", inputs={"snr_db": Decibels})
    fg.offset = kind(by=by)
    fg.connect(fg["snr_db"], fg.offset)
    fg.connect(fg.offset, fg["score"])
    return fg


def test_what_identifies_a_link():
    same_link = link_digest(offset())
    assert link_digest(offset()) == same_link
    assert link_digest(offset(by=2.0)) != same_link
    trained = offset()
    trained.offset.weight.data += 1e-3
    assert link_digest(trained) != same_link
    assert link_digest(bpsk()) != link_digest(bpsk(length=512)) != link_digest(bpsk(channel=Rayleigh()))
    source = {"Block": Block, "Decibels": Decibels, "Score": Score, "__name__": "__main__"}
    kinds = []
    for sign in "+-":
        exec(f"class Own(Block):\n  def forward(self, snr_db: Decibels) -> Score:\n"
             f"    return Score(snr_db {sign} 1)", source)  # fmt: skip
        kinds.append(lambda by, kind=source["Own"]: kind())  # noqa: ARG005
    assert link_digest(offset(kind=kinds[0])) != link_digest(offset(kind=kinds[1]))


def test_two_links_never_mix_in_one_store(tmp_path):
    store = tmp_path / "a.db"
    settings = {"grid": {"snr_db": [0, 1]}, "stop": "trials=10"}
    first = Sweep(offset(), **settings).run(store=store)
    trained = offset()
    trained.offset.weight.data += 1
    second = Sweep(trained, **settings).run(store=store)
    assert list(second.estimate - first.estimate) == [1.0, 1.0]
    assert same(Sweep(offset(), **settings).table(store), first)
    for other in ({"seed": 1}, {"chunk": 3}, {"grid": {"snr_db": [0, 2]}}):
        with pytest.raises(SweepError, match="holds nothing of this sweep"):
            Sweep(offset(), **{**settings, **other}).table(store)


# -- points, rules, cases


def test_names_reach_inputs_arguments_and_parameters():
    grid = {"channel": [AWGN(), Rayleigh()], "bits.length": [100, 200], "snr_db": [5]}
    table = Sweep(bpsk, grid=grid, stop="frames=64", seed=1).run()
    assert list(table.channel) == ["AWGN"] * 2 + ["Rayleigh"] * 2
    assert list(table.trials) == [6400, 12800] * 2
    assert table.estimate[2] > 5 * table.estimate[0]
    listed = [{"snr_db": 5, "length": 100}, {"snr_db": 6, "length": 50}]
    assert list(Sweep(bpsk, grid=listed, stop="frames=64").run().trials) == [6400, 3200]
    graph = bpsk(length=100)
    assert list(Sweep(graph, grid={"bits.length": [100, 50]}, inputs={"snr_db": 3}, stop="frames=64").run().trials) == [
        6400,
        3200,
    ]
    assert graph.bits.length == 100


@pytest.mark.parametrize(("settings", "message"), [
    ({"grid": {"snr": [1]}}, "'snr' is no input of 'bpsk' and no argument of the factory; did you mean 'snr_db'"),
    ({"grid": {"snr_db": [1], "mapper.gain": [1]}}, "BPSKMapper has no parameter 'gain'"),
    ({"grid": {"snr_db": [1], "nothing.gain": [1]}}, "no block 'nothing' in 'bpsk'"),
    ({"grid": {"length": [100]}}, "'bpsk' needs snr_db"),
    ({"grid": {"snr_db": [1], "channel": [1]}}, "'channel' must be a block \\(got 1\\)"),
    ({"grid": {"snr_db": [1], "chanel": ["AWGN"]}}, "did you mean 'channel'"),
    ({"grid": {"snr_db": 3}}, "must be a list of values"),
    ({"grid": {"snr_db": []}}, "1 to 1000000 points"),
    ({"grid": {"snr_db": [1, 1.0]}}, "is there twice"),
    ({"grid": {"snr_db": [float("nan")]}}, "must be finite"),
    ({"grid": {"snr_db": [object()]}}, "must be numbers, text"),
    ({"grid": {"snr_db": [Flowgraph("inner")]}}, "'inner' cannot be a grid's value"),
    ({"stop": ()}, "needs a stop rule"),
    ({"stop": "ber:rle=1"}, "no stop rule 'rle' in 'ber:rle=1'; did you mean 'rel'"),
    ({"stop": "ber:rel=x"}, "must be a number"),
    ({"stop": "rel=0.1"}, "must name its metric"),
    ({"stop": "ber:rel=0"}, "'relative' must be a positive number"),
    ({"stop": "per:rel=0.1"}, "gives no metric 'per' to stop by; did you mean 'ber'"),
    ({"chunk": 0.5}, "'chunk' must be a positive whole number"),
    ({"chunk": 0}, "'chunk' must be a positive whole number"),
    ({"stop": "ber:rel=1.2.3"}, "must be a number"),
    ({"stop": "ber:errors=1e999"}, "must be a number"),
    ({"curve": "length"}, "no axis 'length' in the grid"),
    ({"cases": []}, "at least one case"),
])  # fmt: skip
def test_mistakes_are_named(settings, message):
    with pytest.raises(LinksimError, match=message):
        sweep(**settings).run()


def test_points_without_errors_give_a_bound_and_floors_end_a_curve():
    rule = [Stop("ber", relative=0.2, errors=50, most_trials=200_000, floor=1e-3)]
    table = Sweep(bpsk, grid={"length": [256, 512], "snr_db": [0, 6, 8, 14, 15]}, stop=rule, seed=3, chunk=4).run()
    # 8 dB lies below the floor: what follows on each curve is missing, not zero.
    assert list(zip(table.length, table.snr_db, strict=True)) == [(n, s) for n in (256, 512) for s in (0, 6, 8)]
    bound = Sweep(bpsk, grid={"snr_db": [14]}, stop="trials=100000", seed=3).run()
    assert (bound.errors.item(), bound.estimate.item(), bound.interval.item()) == (0, 0.0, "upper bound")
    assert 0 < bound.high.item() < 0.1
    assert bound.stopped_by.item() == "trials"


def test_records_keep_every_digit():
    errors = pd.array([None, 2**53 + 1], dtype="Int64")
    estimate, low = [1.2345678901234567e-13, float("inf")], [1 / 3, float("nan")]
    table = pd.DataFrame({"snr_db": [1, 2], "estimate": estimate, "low": low, "errors": errors})
    first, second = json.loads(json.dumps(records(table), allow_nan=False))
    assert first == {"snr_db": 1, "estimate": 1.2345678901234567e-13, "low": 1 / 3, "errors": None}
    assert second == {"snr_db": 2, "estimate": None, "low": None, "errors": 2**53 + 1}


def test_seconds_end_a_point_and_a_sweep():
    table = Sweep(bpsk, grid={"snr_db": [5]}, stop="ber:rel=1e-6,seconds=0.3", seed=3).run()
    assert list(table.stopped_by) == ["seconds"]
    assert 0.3 <= table.seconds.item() < 3
    table = Sweep(bpsk, grid={"snr_db": [5, 6]}, stop="ber:rel=1e-6,total_seconds=0.3", seed=3).run()
    assert list(table.stopped_by) == ["unfinished"]


def gray(batch, seed, height=32, width=48):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))


def picture_cases():
    return [{"image": gray(1, seed, height)} for seed, height in ((1, 32), (2, 48), (3, 40))]


def test_cases_meet_every_point_in_order_with_new_noise():
    settings = {"grid": {"rate.target_cbr": [0.1], "snr_db": [0.0, 10.0]}, "cases": picture_cases(), "seed": 4}
    once = Sweep(klt, **settings).run()
    psnr = once[once.metric == "psnr"]
    assert list(psnr.trials) == [3, 3]
    assert list(psnr.interval) == ["over pictures"] * 2
    assert psnr.estimate.iloc[1] > psnr.estimate.iloc[0]
    assert set(once.metric) >= {"psnr", "sad", "cbr", "cbr_total", "erased", "ledger.payload", "ledger.header"}
    assert once[once.metric == "ledger.payload"].estimate.iloc[0] == pytest.approx(
        once[once.metric == "cbr"].estimate.iloc[0], rel=1e-6
    )
    noise = Sweep(klt, **settings, over="noise", stop="frames=12", chunk=2).run(workers=Shuffled(1))
    found = noise[noise.metric == "psnr"]
    assert list(found.interval) == ["over noise"] * 2
    assert list(found.trials) == [12, 12]
    assert ((found.high - found.low) < (psnr.high - psnr.low).to_numpy()).all()
    run = Sweep(klt, **settings).replay({"rate.target_cbr": 0.1, "snr_db": 0}, 1, probe=["channel.out"])
    assert run[0]["image"].shape == (1, 3, 48, 48)
    assert "channel.out" in run[0]


class Counted(Block):
    """0, 1, 2, ...: the places in a list, times a factor."""

    def __init__(self, *, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, batch: int) -> Score:
        return Score(torch.tensor([float(self.factor * self.advance()) for _ in range(batch)]))


def counted():
    graph = Flowgraph("counted")
    graph.source = Counted()
    graph.connect(graph.source, graph["place"])
    return graph


def test_a_source_goes_on_where_the_last_chunk_ended():
    table = Sweep(counted, grid={"source.factor": [1.0, 2.0]}, stop="frames=12", chunk=4, seed=1).run()
    assert list(table.estimate) == [sum(range(12)) / 12, sum(range(12)) / 6]
    graph = counted()
    assert graph.run(batch=3, first=5)["place"].value.tolist() == [5, 6, 7]
    for first, wrong in ((-1, "at least 0"), (1.5, "whole number")):
        with pytest.raises(ParameterError, match=wrong):
            graph.run(batch=1, first=first)


def test_replay_is_the_chunk_itself(tmp_path):
    store = tmp_path / "a.db"
    sweep().run(store=store)
    kept = Store(store, read_only=True)
    stored = {kept.points()[p][0]["snr_db"]: chunks for p, chunks in kept.chunks(kept.points()).items()}
    kept.close()
    for snr_db, number in ((0, 0), (6, 7)):
        (run,) = sweep().replay({"snr_db": snr_db}, number, probe=["channel.out"])
        assert int(run["ber"].errors.sum()) == stored[snr_db][number].tallies["ber"].errors
        assert run["channel.out"].symbols.samples.shape == (8, 1024)
    with pytest.raises(SweepError, match="the grid has no point snr_db=1"):
        sweep().replay({"snr_db": 1}, 0)


def changing():
    """Another link each time it is made."""
    changing.calls = getattr(changing, "calls", 0) + 1
    return bpsk(length=100 + changing.calls)


def test_a_factory_that_makes_another_link_each_time_is_refused():
    with pytest.raises(SweepError, match="comes out different when it is built again"):
        Sweep(changing, grid={"snr_db": [0]}, stop="frames=64").run()


def test_counts_of_a_factory_with_hidden_arguments():
    with pytest.raises(ParameterError, match="must name its arguments"):
        Sweep(lambda **settings: bpsk(**settings), grid={"snr_db": [0]}, stop="frames=64").run()
    with pytest.raises(LinksimError, match="must return a Flowgraph"):
        Sweep(lambda: 3, grid={"snr_db": [0]}, stop="frames=64").run()


# -- other machines


def test_a_ray_cluster_of_two_nodes_gives_the_same_bits():
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        try:
            executor = RayCluster(cluster.address)
            assert executor.workers == 2
            assert len([node for node in ray.nodes() if node["Alive"]]) == 2
            table = sweep().run(workers=executor)
        finally:
            ray.shutdown()
            cluster.shutdown()
    assert same(table, sweep().run())


@pytest.mark.gpu
def test_chunks_on_the_gpu_are_kept_apart(tmp_path):
    store = tmp_path / "a.db"
    cpu, cuda = (sweep(device=device).run(store=store) for device in ("cpu", "cuda"))
    assert (cuda.low <= cpu.high).all()
    assert (cpu.low <= cuda.high).all()
    with pytest.raises(AssertionError):
        same(cpu, cuda)


def test_processes_leave_no_files():
    executor = Processes(2)
    alone = sweep().run()
    assert same(sweep().run(workers=executor), alone)
    assert list(_folder().iterdir()) == []
    # And serve again.
    assert same(sweep().run(workers=executor), alone)


# -- what a review found


def test_a_floor_holds_on_resuming(tmp_path):
    store, rule = tmp_path / "a.db", Stop("ber", relative=0.2, floor=1e-2)
    grid = {"length": [256, 512], "snr_db": [0, 6, 14]}
    first = Sweep(bpsk, grid=grid, stop=rule, seed=3, chunk=4).run(store=store)
    assert list(first.snr_db) == [0, 6, 0, 6]

    assert same(Sweep(bpsk, grid=grid, stop=rule, seed=3, chunk=4).run(store=store, workers=Forbidden()), first)


class Unmeasured(Block):
    """Scores without a value."""

    def forward(self, snr_db: Decibels) -> Score:
        return Score(snr_db * torch.nan)


def test_rules_that_could_never_hold_end_or_are_refused():
    fg = Flowgraph("unmeasured", inputs={"snr_db": Decibels})
    fg.unmeasured = Unmeasured()
    fg.connect(fg["snr_db"], fg.unmeasured)
    fg.connect(fg.unmeasured, fg["score"])
    table = Sweep(fg, grid={"snr_db": [1]}, stop="score:rel=0.1,trials=640").run()
    assert list(table.stopped_by) == ["trials"]
    with pytest.raises(SweepError, match="'score' is a score and has no errors to stop by"):
        Sweep(fg, grid={"snr_db": [1]}, stop="score:errors=10").run()
    with pytest.raises(ParameterError, match="needs at least two cases"):
        Sweep(bpsk, grid=GRID, stop=RULE, over="pictures")
    cases = {"grid": {"rate.target_cbr": [0.1], "snr_db": [5]}, "cases": picture_cases()}
    table = Sweep(klt, **cases, stop="psnr:abs=0.01").run()
    assert set(table.stopped_by) == {"pictures"}
    assert table[table.metric == "psnr"].trials.item() == 3


class Scaled(Block):
    """A parameter that makes a buffer."""

    def __init__(self, *, by: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(by))

    def forward(self, snr_db: Decibels) -> Score:
        return Score(snr_db * self.scale)


def scaled():
    fg = Flowgraph("scaled", inputs={"snr_db": Decibels})
    fg.scaled = Scaled()
    fg.connect(fg["snr_db"], fg.scaled)
    fg.connect(fg.scaled, fg["score"])
    return fg


def test_a_parameter_that_makes_a_buffer_is_an_axis():
    table = Sweep(scaled, grid={"scaled.by": [1, 2, 5], "snr_db": [3]}, stop="frames=64").run()
    assert list(table.estimate) == [3, 6, 15]


@functools.cache
def shared():
    return bpsk()


def test_a_factory_that_hands_out_one_object_serves_two_links():
    settings = {"grid": {"bits.length": [256, 512], "snr_db": [0]}, "stop": "ber:trials=200000", "chunk": 8}
    assert same(Sweep(shared, **settings).run(workers=Shuffled(3)), Sweep(shared, **settings).run())


def mode(kind: int = 0):
    fg = bpsk()
    fg.bits.length = 100 * kind
    return fg


def test_what_is_set_on_a_block_counts(tmp_path):
    table = Sweep(mode, grid={"kind": [2, 3], "snr_db": [0]}, stop="frames=64").run(store=tmp_path / "a.db")
    assert list(table.trials) == [12800, 19200]
    graph = bpsk(length=100)
    settings = {"grid": {"snr_db": [0]}, "stop": "frames=64"}
    assert Sweep(graph, **settings).run(store=tmp_path / "a.db").trials.item() == 6400
    graph.bits.length = 50
    assert Sweep(graph, **settings).run(store=tmp_path / "a.db").trials.item() == 3200


def test_code_that_a_block_leans_on_counts():
    kinds = []
    for base, helper in (("+ 1", "* 2"), ("+ 2", "* 2"), ("+ 1", "* 3"), ("+ 1", "* 2")):
        scope = {"Block": Block, "Decibels": Decibels, "Score": Score, "__name__": "__main__"}
        exec(f"def helper(x): return [y {helper} for y in [x]][0]\n"
             f"class Base(Block):\n  def more(self, x): return helper(x {base})\n"
             "class Own(Base):\n  def forward(self, snr_db: Decibels) -> Score: return Score(self.more(snr_db))",
             scope)  # fmt: skip
        kinds.append(scope["Own"])
    digests = [link_digest(offset(kind=lambda by, kind=kind: kind())) for kind in kinds]  # noqa: ARG005
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3


def with_closure(gain):
    class Own(Block):
        def forward(self, snr_db: Decibels) -> Score:
            return Score(snr_db + sum(part for part in [gain]))

    return Own


@pytest.mark.parametrize("values", [(1.0, 2.0), ("a", "b"), ((1, [2]), (1, [3])), ({"a": 1}, {"a": 2}), (None, 1),
                                    (torch.ones(2), torch.tensor([1.0, 2.0])), (np.ones(2), np.zeros(2)),
                                    (torch.ones(2) + 0j, torch.ones(2) + 1j), ({1, 2}, {1, 3})])  # fmt: skip
def test_numbers_that_a_block_leans_on_count(values):
    """As the constants of a notebook: what stood around the class, a global, and an attribute of the class."""
    for make in (with_closure, with_global, with_attribute):
        kinds = [make(value) for value in (*values, values[0])]
        digests = [link_digest(offset(kind=lambda by, kind=kind: kind())) for kind in kinds]  # noqa: ARG005
        assert digests[0] == digests[2]
        assert digests[0] != digests[1]


def with_global(gain):
    scope = {"Block": Block, "Decibels": Decibels, "Score": Score, "__name__": "__main__", "GAIN": gain}
    exec("class Own(Block):\n  def forward(self, snr_db: Decibels) -> Score: return Score(snr_db + GAIN)", scope)
    return scope["Own"]


def with_attribute(gain):
    scope = {"Block": Block, "Decibels": Decibels, "Score": Score, "__name__": "__main__"}
    exec("class Own(Block):\n  def forward(self, snr_db: Decibels) -> Score: return Score(snr_db + self.GAIN)", scope)
    scope["Own"].GAIN = gain
    return scope["Own"]


def test_numbers_of_any_library_are_values():
    for values in (np.arange(0, 7, 3), torch.tensor([0.0, 3.0, 6.0]), np.float32([0, 3, 6])):
        assert same(sweep(grid={"snr_db": values}).run(), sweep().run())


class Slow(Shuffled):
    """The first chunk comes last."""

    def __init__(self):
        super().__init__(0)
        self.count = 0

    def wait(self, seconds):
        first = next((task for task in self._tasks if 0 in task.numbers), None)
        others = [task for task in self._tasks if task is not first]
        if first is not None and others and self.count < 200:
            self._tasks.remove(others[0])
            self._tasks.appendleft(others[0])
        self.count += 1
        return InProcess.wait(self, seconds)


def test_what_is_run_ahead_is_bounded():
    executor = Slow()
    sweep(grid={"snr_db": [0]}).run(workers=executor)
    assert executor.count < 20


def test_failures_that_another_process_mended(tmp_path):
    """A chunk that failed is run again on the next call, and its success replaces the failure."""
    store = tmp_path / "a.db"
    first = sweep().run()
    sweep().run(store=store)
    database = sqlite3.connect(store)
    database.execute("UPDATE chunks SET error = 'gone', tallies = '{}', frames = 0 WHERE number = 1")
    database.commit()
    database.close()
    assert same(sweep().run(store=store), first)


def test_foreign_databases_are_left_as_they_are(tmp_path):
    path = tmp_path / "other.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE t (x)")
    database.commit()
    database.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="no store of linksim's"):
        sweep().run(store=path)
    assert path.read_bytes() == before
    assert not path.with_name("other.db-wal").exists()


def test_workers_end_with_their_parent(tmp_path):
    script, store = tmp_path / "killed.py", tmp_path / "a.db"
    script.write_text(KILLED)
    process = subprocess.Popen([sys.executable, script, store, "2"], start_new_session=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(children(process.pid)) < 2:
        time.sleep(0.2)
    workers = children(process.pid)
    process.kill()
    process.wait()
    while time.monotonic() < deadline and any(os.path.exists(f"/proc/{worker}") for worker in workers):
        time.sleep(0.2)
    assert workers
    assert not [worker for worker in workers if os.path.exists(f"/proc/{worker}")]


def children(parent):
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(line) for line in done.stdout.split()]


def test_results_of_another_version_of_a_library_are_other_results(monkeypatch):
    link = klt()
    before, plain = link_digest(link), link_digest(bpsk())
    monkeypatch.setattr("linksim.montecarlo.code.version", lambda library: f"another {library}")
    # The header's LDPC code is Sionna's; BPSK stands on torch alone.
    assert link_digest(link) != before
    assert link_digest(bpsk()) == plain


def test_results_of_another_table_of_schemes_are_other_results(monkeypatch, tmp_path):
    link, plain = separation(codec="jpeg"), link_digest(bpsk())
    before, changed = link_digest(link), tmp_path / "mcs_table.csv"
    changed.write_text(mcs.TABLE_FILE.read_text().replace("-5.6", "-5.4"))
    monkeypatch.setattr(mcs, "DATA_FILES", (changed,))
    assert link_digest(link) != before
    assert link_digest(bpsk()) == plain


def test_every_shipped_file_of_numbers_or_words_identifies_results():
    folder = Path(linksim.blocks.__file__).parent
    shipped = {path.name for path in folder.rglob("*") if path.suffix in (".csv", ".npz", ".txt", ".json")}
    named = {
        path.name
        for name, module in list(sys.modules.items())
        if name.startswith("linksim.blocks.")
        for path in getattr(module, "DATA_FILES", ())
    }
    assert shipped == named
    assert "mcs_table.csv" in shipped


def test_a_parameters_name_alone_gets_the_path_that_is_right():
    with pytest.raises(SweepError, match=r"did you mean the parameter 'rate.target_psnr'\?"):
        Sweep(klt, grid={"target_psnr": [30.0], "snr_db": [5]}, cases=picture_cases()).run()


class Hoarder(Block):
    """Takes 400 MB after its first call, and gives the number of its process."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = []

    def forward(self, batch: int) -> Score:
        self.kept.append(torch.ones(100_000_000 if len(self.kept) == 1 else 1))
        time.sleep(0.3)
        return Score(torch.full((batch,), float(os.getpid() % 2**20)))


def test_a_worker_may_grow():
    """Large pictures fill memory, and are no leak: a worker that is replaced again and again costs seconds."""
    fg = Flowgraph("hoard")
    fg.hoarder = Hoarder()
    fg.connect(fg.hoarder, fg["process"])
    sweep = Sweep(fg, grid=[{}], stop="process:frames=24", chunk=1, over="noise")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = sweep.run(workers=2)
    assert table.trials.item() == 24
    assert [str(warning.message) for warning in caught] == []


def test_a_fork_has_a_folder_of_its_own():
    """When a fork ends, its workers remove what they read from: that must not be the folder of the process before."""
    own = _folder()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(_folder()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    other = os.read(read, 1000).decode()
    assert other != str(own)
    os.rmdir(other)
    assert _folder() == own
