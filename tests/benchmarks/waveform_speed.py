"""Waveforms, one thread: samples per second of filter, preamble search and the whole synchroniser, over GNU Radio's.

usage: python tests/benchmarks/waveform_speed.py

GNU Radio's blocks run on one core with their threads; both take turns. Where GNU Radio is not installed, only our own
samples per second are given.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from linksim.blocks import BurstBuilder, MatchedFilter, PulseShaper, Synchroniser
from linksim.blocks.waveform.pulse import root_raised_cosine
from linksim.types import Symbols, Waveform

ROUNDS, SAMPLES = 5, 8_000_000
FRAME = 100_000
"""Symbols of the burst that the whole synchroniser reads."""


def ours(work: Callable[[], object], samples: int) -> float:
    """Samples per second."""
    work()
    repeats = max(SAMPLES // samples, 1)
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return repeats * samples / (time.perf_counter() - start)


def gnuradio(task: str, given: Tensor) -> float | None:
    """Samples per second of GNU Radio's block on one core; None where it is not installed."""
    script = Path(__file__).with_name("gnuradio_waveform.py")
    command = ["taskset", "-c", "0", "/usr/bin/python3", script, task, str(SAMPLES)]
    numbers = " ".join(str(complex(value)) for value in given.tolist())
    done = subprocess.run(command, input=numbers, capture_output=True, text=True, check=False)
    return None if done.returncode else SAMPLES / float(done.stdout)


def compare(name: str, work: Callable[[], object], samples: int, task: str, given: Tensor) -> None:
    """One line: our speed, and the median over rounds of its ratio to GNU Radio's."""
    rounds = [(ours(work, samples), gnuradio(task, given)) for _ in range(ROUNDS)]
    speed = statistics.median(first for first, _ in rounds) / 1e6
    ratios = [first / second for first, second in rounds if second]
    theirs = f"{statistics.median(ratios):.2f} times GNU Radio's" if ratios else "GNU Radio is not installed"
    print(f"{name}: {speed:.1f} Msample/s, {theirs}")


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {0})
    symbols = Symbols(torch.randn(1, FRAME, dtype=torch.complex64), torch.tensor([FRAME]))
    waveform: Waveform = PulseShaper()(symbols=BurstBuilder()(symbols=symbols))
    count, taps = waveform.samples.shape[1], root_raised_cosine(4, 0.35, 16)
    matched, receiver = MatchedFilter(), Synchroniser()
    known = receiver.reader.layout.sequence()
    with torch.no_grad():
        for task, name in {"filter": "fft_filter_ccf", "fir": "fir_filter_ccf"}.items():
            compare(f"matched filter, 65 taps, over {name}", lambda: matched(waveform=waveform), count, task, taps)
        compare("filter and search of the preamble, 255 symbols, 16 frequencies, over corr_est_cc, one frequency",
                lambda: receiver.reader.search(waveform.samples), count, "correlator", known)  # fmt: skip
        compare(f"the whole synchroniser, a burst of {FRAME:,} symbols, over corr_est_cc alone",
                lambda: receiver(waveform=waveform), count, "correlator", known)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
