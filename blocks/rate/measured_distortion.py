"""The error that each patch would have at each rate, from a table that was measured."""

import csv
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from linksim.block import Block
from linksim.errors import FileError, ParameterError, nearest
from linksim.types import Decibels, Entropy

TABLES = Path(__file__).parent
PREFIX = "distortion_"
DATA_FILES = tuple(sorted(TABLES.glob(f"{PREFIX}*.csv")))
"""Files that identify results in a store, beside the source code."""
DEFAULT_TABLE = "light"
"""Of the default weights; also for weights that have no table of their own."""
MIN_ENTROPY = 1.0
"""Bits; entropies are compared by their logarithm."""

PatchErrors = Float[Tensor, "batch rows cols levels"]
"""Squared error per pixel and colour, peak 1, of each patch at each length of V."""


class MeasuredDistortion(Block):
    """What error a patch is to expect at each of V, by its entropy and the SNR: means that were measured for a codec.

    `table`: the codec's weights, by their shipped name, or the path of a .csv file that `scripts/measure_distortion.py`
    wrote. Between the entropies and SNRs of the table, and a little beyond, logarithms are interpolated.

    Shapes: entropy [batch, rows, cols] in bits; snr_db [batch]; out [batch, rows, cols, levels], squared error at peak
    1, falling with the level. No gradient.
    Source: linksim; operational rate-distortion curves, Shoham and Gersho, IEEE Trans. ASSP 1988.

    Raises:
        ParameterError: there is no table for these weights.
        FileError: the file is no such table.

    >>> errors = MeasuredDistortion()(entropy=torch.tensor([[[20.0, 300.0]]]), snr_db=torch.tensor([10.0]))
    >>> errors.shape, bool((errors[..., 0, :] < errors[..., 1, :]).all())
    (torch.Size([1, 1, 2, 8]), True)
    """

    def __init__(self, *, table: str = DEFAULT_TABLE) -> None:
        super().__init__()
        snrs, entropies, errors = read_table(table_path(table))
        self.register_buffer("snrs_db", torch.tensor(snrs), persistent=False)
        self.register_buffer("log_entropies", torch.tensor(entropies).clamp_min(MIN_ENTROPY).log(), persistent=False)
        self.register_buffer("log_errors", torch.tensor(errors).log(), persistent=False)

    def forward(self, entropy: Entropy, snr_db: Decibels) -> PatchErrors:
        grid = self.get_buffer("log_errors")
        log_entropy = entropy.detach().clamp_min(MIN_ENTROPY).log().to(grid)
        at, above = bracket(snr_db.to(grid), self.get_buffer("snrs_db"), beyond=0.0)
        # [batch, knots, levels], each picture at its own SNR.
        here = torch.lerp(grid[at], grid[at + 1], above[:, None, None])
        low, share = bracket(log_entropy, self.get_buffer("log_entropies"), beyond=1.0)
        frame = torch.arange(len(entropy), device=entropy.device)[:, None, None]
        # Beyond the table's entropies lines may cross, but more uses never do harm.
        return torch.lerp(here[frame, low], here[frame, low + 1], share[..., None]).exp().cummin(-1).values


def bracket(x: Tensor, knots: Tensor, beyond: float) -> tuple[Tensor, Tensor]:
    """The knot below each x, not the last one, and how far it is to the next: at most `beyond` steps outside."""
    low = torch.searchsorted(knots, x.contiguous()).clamp(1, len(knots) - 1) - 1
    share = (x - knots[low]) / (knots[low + 1] - knots[low])
    return low, share.clamp(-beyond, 1 + beyond)


def known_tables() -> list[str]:
    """The names of the shipped tables."""
    return [path.stem.removeprefix(PREFIX) for path in DATA_FILES]


def table_path(table: str) -> Path:
    """The file of a table. Raises `ParameterError` where there is none."""
    if table.endswith(".csv"):
        return Path(table)
    if table not in known_tables():
        hint = nearest(table, known_tables())
        raise ParameterError(f"no measured distortion for '{table}'; {hint} (a path must end in .csv)")
    return TABLES / f"{PREFIX}{table}.csv"


@cache
def read_table(path: Path) -> tuple[list[float], list[float], list[list[list[float]]]]:
    """SNRs, rising; entropies in one row for all of them; errors by SNR, entropy and level. Raises `FileError`."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        snrs = sorted({row["snr_db"] for row in rows})
        entropies = sorted({row["entropy"] for row in rows})
        found = {(row["snr_db"], row["entropy"]): [v for n, v in row.items() if n.startswith("k")] for row in rows}
        errors = [[found[snr, entropy] for entropy in entropies] for snr in snrs]
        widths = {len(levels) for each in errors for levels in each}
        good = len(snrs) > 1 and len(entropies) > 1 and len(widths) == 1 and min(widths) > 1
        good = good and entropies[0] >= MIN_ENTROPY
        good = good and all(value > 0 for each in errors for levels in each for value in levels)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileError(f"'{path}' is no table of measured distortion: {error}") from None
    if not good:
        raise FileError(
            f"'{path}' is no table of measured distortion: it must hold positive errors for at least two SNRs, two "
            "entropies of at least 1 bit and two lengths, the same ones everywhere"
        )
    return snrs, entropies, errors
