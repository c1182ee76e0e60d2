"""Modulation and coding schemes, and the SNR that each needs, as measured."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE_FILE = Path(__file__).with_name("mcs_table.csv")
DATA_FILES = (TABLE_FILE,)
"""Files that identify results in a store, beside the source code."""
TARGET_BLER = 1e-3


@dataclass(frozen=True)
class Scheme:
    """A modulation and a code rate, with the lowest SNR at which its block error rate was at most 1e-3 on AWGN."""

    index: int
    bits_per_symbol: int
    code_rate: float
    snr_db: float

    @property
    def efficiency(self) -> float:
        """Information bits per channel use."""
        return self.bits_per_symbol * self.code_rate


@cache
def schemes() -> tuple[Scheme, ...]:
    """The shipped table, made by scripts/measure_mcs_table.py, by index."""
    with TABLE_FILE.open(newline="", encoding="utf-8") as file:
        return tuple(
            Scheme(int(row["index"]), int(row["bits_per_symbol"]), float(row["rate_1024"]) / 1024, float(row["snr_db"]))
            for row in csv.DictReader(file)
        )


def best_scheme(snr_db: float) -> Scheme:
    """The scheme with most bits per use among those that an SNR serves; the most robust one where it serves none."""
    # An SNR may come in single precision: one that stands in the table must serve its scheme.
    served = [scheme for scheme in schemes() if scheme.snr_db <= snr_db + 1e-4]
    return max(served, key=lambda scheme: scheme.efficiency, default=schemes()[0])
