"""Simulated bit error rates beside closed forms: the pass rule is a confidence interval."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from linksim import Block, Decibels, Flowgraph
from linksim.benches.bench import Bench, Part
from linksim.benches.tables import markdown
from linksim.blocks import (
    AWGN,
    BitErrors,
    BitSource,
    BPSKDemapper,
    BPSKMapper,
    MMSEEqualizer,
    QPSKDemapper,
    QPSKMapper,
    Rayleigh,
    Rician,
    ZeroForcingEqualizer,
)
from linksim.montecarlo import Sweep
from linksim.theory import bit_error_rate

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.999
SNRS_DB = (0.0, 4.0, 8.0)
EQUALIZED_SNR_DB = 4.0
SYMBOLS = 400_000
"""Per point; a frame that fades as one has one symbol."""
MODULATIONS: Mapping[str, tuple[type[Block], type[Block], int]] = {
    "bpsk": (BPSKMapper, BPSKDemapper, 1),
    "qpsk": (QPSKMapper, QPSKDemapper, 2),
}
EQUALIZERS: Mapping[str, type[Block] | None] = {"none": None, "ZF": ZeroForcingEqualizer, "MMSE": MMSEEqualizer}


@dataclass(frozen=True)
class Fading:
    """A channel, its K-factor in dB for the closed form, and the symbols of a frame."""

    channel: type[Block]
    settings: Mapping[str, Any]
    k_factor_db: float | None
    symbols: int


CHANNELS = {
    "AWGN": Fading(AWGN, {}, math.inf, 1000),
    "Rayleigh, frame": Fading(Rayleigh, {"coherence": "frame"}, None, 1),
    "Rayleigh, symbol": Fading(Rayleigh, {"coherence": "symbol"}, None, 1000),
    "Rician K = 6 dB, frame": Fading(Rician, {"k_factor_db": 6.0, "coherence": "frame"}, 6.0, 1),
    "Rician K = 6 dB, symbol": Fading(Rician, {"k_factor_db": 6.0, "coherence": "symbol"}, 6.0, 1000),
}
HEAD = f"""# Simulation beside closed form

Made by `linksim bench closed_forms`. Bit error rates of uncoded BPSK and QPSK, {SYMBOLS} symbols per row. The
closed forms are those of `linksim.theory`. A row passes where the closed form lies in the {CONFIDENCE:.1%} interval
of the simulation. Bits that fade together are counted as one cluster.

"""


def link(modulation: str, channel: str, equalizer: str) -> Flowgraph:
    """Random bits over a channel, with an equalizer or without. Input: snr_db. Output: ber."""
    mapper, demapper, bits_per_symbol = MODULATIONS[modulation]
    fading, equal = CHANNELS[channel], EQUALIZERS[equalizer]
    fg = Flowgraph("closed_form", inputs={"snr_db": Decibels})
    fg.bits, fg.errors = BitSource(length=fading.symbols * bits_per_symbol), BitErrors()
    fg.channel = fading.channel(**fading.settings)
    fg.connect(fg.bits, mapper(), fg.channel, *([equal()] if equal else []), demapper(), fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    return fg


@dataclass(frozen=True, kw_only=True)
class ClosedFormsBench(Bench):
    """Bit error rates by modulation, channel and equalizer."""

    about: ClassVar[str] = "bit error rates of BPSK and QPSK beside their closed forms"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. Frames of one symbol go in larger chunks: each is quickly simulated."""
        for modulation in MODULATIONS:
            for channel, fading in CHANNELS.items():
                frames = SYMBOLS // fading.symbols
                points = [
                    {"equalizer": equalizer, "snr_db": snr_db}
                    for equalizer in EQUALIZERS
                    for snr_db in (SNRS_DB if equalizer == "none" else (EQUALIZED_SNR_DB,))
                ]
                sweep = Sweep(partial(link, modulation, channel), grid=points, stop=f"ber:frames={frames}",
                              chunk=max(frames // 8, 1), seed=self.seed, confidence=CONFIDENCE,
                              device=self.device)  # fmt: skip
                yield Part("errors", {"modulation": modulation, "channel": channel}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        rows: list[list[object]] = []
        passed = 0
        for row in tables["errors"].to_dict("records"):
            snr_db, modulation, channel = float(row["snr_db"]), str(row["modulation"]), str(row["channel"])
            truth = float(bit_error_rate(snr_db, modulation=modulation, k_factor_db=CHANNELS[channel].k_factor_db))
            inside = row["low"] <= truth <= row["high"]
            passed += inside
            interval = f"{row['low']:.6f} to {row['high']:.6f}"
            name = f"{modulation.upper()}, {channel}, equalizer {row['equalizer']}"
            cells = [f"{snr_db:g}", f"{row['estimate']:.6f}", f"{truth:.6f}", interval, "pass" if inside else "FAIL"]
            rows.append([name, *cells])
        head = ["", "SNR, dB", "simulated", "closed form", f"{CONFIDENCE:.1%} interval", ""]
        return f"{HEAD}{passed} of {len(rows)} rows pass.\n\n" + markdown(head, rows)
