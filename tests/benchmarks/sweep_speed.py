"""Sweeps against Sionna's sim_ber and GNU Radio, workers against one, the engine's share, and large stores.

usage: python tests/benchmarks/sweep_speed.py

Everything in one run, one thread each (GNU Radio's threads on one core): the ratios are what counts.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from linksim import Block, Counts, Decibels, Flowgraph
from linksim.blocks import AWGN, BitErrors, BitSource, QPSKDemapper, QPSKMapper
from linksim.flowgraphs import bpsk
from linksim.montecarlo import Sweep
from linksim.theory import bit_error_rate

SNRS_DB = {"bpsk": 6.0, "qpsk": 9.0}
RELATIVE = 0.005
ERRORS = int((1.96 / RELATIVE) ** 2)
"""So many give that half-width."""
LENGTH, CHUNK = 1024, 256
SIZES = (64, 256, 1024, 4096)
"""Sionna gets the batch that suits it best."""
ROUNDS = 5


def qpsk(length: int = LENGTH) -> Flowgraph:
    """Uncoded QPSK."""
    fg = Flowgraph("qpsk", inputs={"snr_db": Decibels})
    fg.bits, fg.mapper, fg.channel = BitSource(length=length), QPSKMapper(), AWGN()
    fg.demapper, fg.errors = QPSKDemapper(), BitErrors()
    fg.connect(fg.bits, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    return fg


LINKS = {"bpsk": bpsk, "qpsk": qpsk}


def ours(modulation: str, workers: int = 1, relative: float = RELATIVE) -> float:
    """Trials per second of a sweep of one point."""
    grid = {"snr_db": [SNRS_DB[modulation]]}
    sweep = Sweep(LINKS[modulation], grid=grid, stop=f"ber:rel={relative}", seed=1, chunk=CHUNK)
    start = time.perf_counter()
    table = sweep.run(workers=workers)
    seconds = time.perf_counter() - start
    assert table.low.item() <= float(bit_error_rate(SNRS_DB[modulation], modulation=modulation)) <= table.high.item()
    return int(table.trials.item()) / seconds


def sionna(modulation: str, size: int) -> float:
    """Trials per second of sim_ber with Sionna's own blocks, until as many errors."""
    with torch.random.fork_rng():
        from sionna.phy import channel as sionna_channel
        from sionna.phy.mapping import BinarySource, Demapper, Mapper
        from sionna.phy.utils import ebnodb2no, sim_ber
    kind, bits = ("pam", 1) if modulation == "bpsk" else ("qam", 2)
    source, channel = BinarySource(), sionna_channel.AWGN()
    mapper, demapper = Mapper(kind, bits), Demapper("app", kind, bits, hard_out=True)
    trials = 0

    def once(batch_size: int, ebno_db: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal trials
        sent = source([batch_size, LENGTH])
        noise = ebnodb2no(ebno_db, bits, 1.0)
        trials += sent.numel()
        return sent, demapper(channel(mapper(sent), noise), noise)

    ebno_db = SNRS_DB[modulation] - 10 * torch.log10(torch.tensor(float(bits)))
    start = time.perf_counter()
    ber, _ = sim_ber(once, ebno_db[None], size, 10_000, num_target_bit_errors=ERRORS, verbose=False)
    seconds = time.perf_counter() - start
    assert abs(float(ber) / float(bit_error_rate(SNRS_DB[modulation], modulation=modulation)) - 1) < 0.05
    return trials / seconds


def gnuradio(modulation: str) -> float | None:
    """Trials per second of GNU Radio's blocks on one core; None where it is not installed."""
    rate = float(bit_error_rate(SNRS_DB[modulation], modulation=modulation))
    script = Path(__file__).with_name("gnuradio_bpsk.py")
    bits = ERRORS / rate
    command = ["taskset", "-c", "0", "/usr/bin/python3", script, modulation, str(SNRS_DB[modulation]), str(bits)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    seconds, errors = map(float, done.stdout.split())
    assert abs(errors / (bits * rate) - 1) < 0.05, f"GNU Radio counts {errors} errors of {bits * rate} expected"
    return bits / seconds


def paired(first: Callable[[], float], second: Callable[[], float], rounds: int = ROUNDS) -> float:
    """The median over rounds of one's speed over the other's, measured in turn: other work slows both alike."""
    return statistics.median(first() / second() for _ in range(rounds))


class Busy(Block):
    """Stands for arithmetic that takes 10 ms, and adds up how long it really took: the rest is the engine's."""

    spent = 0.0

    def forward(self, batch: int) -> Counts:
        start = time.perf_counter()
        counts = Counts(torch.arange(batch) % 2, torch.full((batch,), LENGTH))
        while time.perf_counter() - start < 0.01:
            pass
        Busy.spent += time.perf_counter() - start
        return counts


def engine_share(chunks: int = 1000, frames: int = 1024) -> float:
    """The share of a sweep's time that is not the blocks' arithmetic, 10 ms a chunk, with a store on disk."""
    fg = Flowgraph("busy")
    fg.busy = Busy()
    fg.connect(fg.busy, fg["ber"])
    sweep = Sweep(fg, grid=[{}], stop=f"frames={frames * chunks}", chunk=frames)
    with tempfile.TemporaryDirectory() as folder:
        Busy.spent, start = 0.0, time.perf_counter()
        sweep.run(store=Path(folder) / "a.db")
        return 1 - Busy.spent / (time.perf_counter() - start)


def large_store(points: int = 10_000) -> tuple[float, float]:
    """Seconds for the table of so many points, and to resume them."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "a.db"
        sweep = Sweep(bpsk, grid={"snr_db": [i / 1000 for i in range(points)]}, stop="frames=2", chunk=2)
        sweep.run(store=store)
        start = time.perf_counter()
        assert len(sweep.table(store)) == points
        table = time.perf_counter() - start
        start = time.perf_counter()
        assert len(sweep.run(store=store)) == points
        return table, time.perf_counter() - start


def main() -> None:
    """Print all ratios."""
    torch.set_num_threads(1)
    for modulation in LINKS:
        size = max(SIZES, key=lambda s, m=modulation: sionna(m, s))
        ratio = paired(partial(ours, modulation), partial(sionna, modulation, size))
        print(f"{modulation} at {SNRS_DB[modulation]:g} dB to ±{RELATIVE:.1%}, trials per second:")
        print(f"  over sim_ber (batch {size}): {ratio:.2f} times")
        if gnuradio(modulation) is None:
            print("  GNU Radio is not installed: skipped")
        else:
            print(f"  over GNU Radio: {paired(partial(ours, modulation), partial(gnuradio, modulation)):.2f} times")
    print(f"engine's share of a sweep with chunks of 10 ms: {engine_share():.1%}")
    table, resume = large_store()
    print(f"10,000 stored points: table {table:.2f} s, resume {resume:.2f} s")
    ours("bpsk", 2)
    finer = RELATIVE / 5
    ratio = paired(partial(ours, "bpsk", 2, finer), partial(ours, "bpsk", 1, finer))
    print(f"2 workers over 1: {ratio:.2f} times (load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")


if __name__ == "__main__":
    sys.exit(main())
