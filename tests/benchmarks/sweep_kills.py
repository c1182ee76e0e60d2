"""A sweep killed with SIGKILL at 20 random moments and resumed gives, bit for bit, the table of an undisturbed one.

usage: python tests/benchmarks/sweep_kills.py
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from linksim.flowgraphs import bpsk
from linksim.montecarlo import Sweep

KILLS = 20
GRID = {"snr_db": [0, 2, 4, 6, 7, 8]}
RULE = "ber:rel=0.006,trials=1e9"


def sweep() -> Sweep:
    """About half a minute of work."""
    return Sweep(bpsk, grid=GRID, stop=RULE, seed=11, chunk=16)


def killed(workers: int, store: Path, chance: random.Random) -> int:
    """Kill as often; returns how many chunks the store then holds."""
    kills = 0
    while kills < KILLS:
        command = [sys.executable, __file__, "run", str(store), str(workers)]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.5, 5.0))
        if process.poll() is not None:
            print(f"  finished after {kills} kills")
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    return kills


def main() -> None:
    """Kill, resume, compare."""
    undisturbed = sweep().run().drop(columns="seconds")
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "a.db"
            kills = killed(workers, store, random.Random(workers))
            table = sweep().run(store=store, workers=workers).drop(columns="seconds")
        pd.testing.assert_frame_equal(table, undisturbed, check_exact=True)
        print(f"{workers} worker{'s' if workers > 1 else ''}, {kills} kills: the same table to the last bit")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        sweep().run(store=sys.argv[2], workers=int(sys.argv[3]))
    else:
        main()
