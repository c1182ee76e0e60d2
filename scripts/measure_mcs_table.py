"""Measure, for each modulation and coding scheme, the lowest SNR at which code blocks get through: the table of
`linksim.blocks.transport`.

    .venv/bin/python scripts/measure_mcs_table.py --store mcs.db

Each scheme climbs in steps of 0.2 dB until the estimated block error rate is at most 1e-3: 5G LDPC, code blocks of
2,048 bits with CRC24, QAM, AWGN. Two hours on one core; a killed run goes on where it was.
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np

from linksim.blocks.transport.mcs import TABLE_FILE, TARGET_BLER
from linksim.flowgraphs import coded_qam
from linksim.montecarlo import Stop, Sweep
from linksim.theory import constellation_capacity

INFORMATION_BITS = 2048
STEP_DB, LONGEST_CLIMB_DB = 0.2, 3.0
SCHEMES = (
    (2, (120, 193, 308, 449, 602)),
    (4, (378, 434, 490, 553, 616, 658)),
    (6, (466, 517, 567, 616, 666, 719, 772, 822, 873)),
    (8, (682.5, 711, 754, 797, 841, 885, 916.5, 948)),
)
"""Bits per symbol, and code rates in 1/1024: all of 3GPP TS 38.214, table 5.1.3.1-2, in its order."""
NAMES = {2: "qpsk", 4: "16qam", 6: "64qam", 8: "256qam"}
FIELDS = ("index", "bits_per_symbol", "rate_1024", "snr_db", "bler", "low", "high", "blocks")


def least_snr_db(bits_per_symbol: int, rate: float) -> float:
    """The SNR on the grid at which the modulation's capacity is what the scheme carries."""
    grid = np.arange(-100, 200) * STEP_DB
    capacity = constellation_capacity(grid, modulation=NAMES[bits_per_symbol])
    return float(grid[np.searchsorted(capacity, rate * bits_per_symbol)])


def climb(bits_per_symbol: int, rate: float, store: Path, workers: int) -> dict[str, Any]:
    """The first SNR at which the target is met, with what was measured there."""
    first = least_snr_db(bits_per_symbol, rate) + 2 * STEP_DB
    for step in range(round(LONGEST_CLIMB_DB / STEP_DB)):
        point = {
            "information_bits": INFORMATION_BITS,
            "bits_per_symbol": bits_per_symbol,
            "code_rate": rate,
            "snr_db": round(first + STEP_DB * step, 1),
        }
        stop = Stop("bler", errors=20, most_trials=8192, floor=TARGET_BLER)
        table = Sweep(coded_qam, grid=[point], stop=stop, seed=1).run(store=store, workers=workers)
        row = table[table["metric"] == "bler"].iloc[0].to_dict()
        if row["estimate"] <= TARGET_BLER:
            return row
    raise RuntimeError(f"no SNR up to {point['snr_db']} dB meets the target")


def main() -> None:
    """Measure all schemes and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("mcs.db"))
    parser.add_argument("--out", type=Path, default=TABLE_FILE)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for bits_per_symbol, rates in SCHEMES:
        for rate in rates:
            found = climb(bits_per_symbol, rate / 1024, asked.store, asked.workers)
            row = {"index": len(rows), "bits_per_symbol": bits_per_symbol, "rate_1024": rate}
            row |= {"snr_db": found["snr_db"], "blocks": found["trials"]}
            row |= {name: f"{found[column]:.2e}" for name, column in
                    (("bler", "estimate"), ("low", "low"), ("high", "high"))}  # fmt: skip
            rows.append(row)
            print(row, flush=True)
    with asked.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
