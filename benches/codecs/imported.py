"""Imported codecs in `linksim bench codecs`: the authors' weights beside those that were trained here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linksim import Flowgraph
from linksim.benches.codecs.points import CHANNELS, DESIGN_SNR_DB, RATES, SNRS_DB, SYSTEMS, kodak_points
from linksim.benches.tables import look_up, markdown
from linksim.blocks import MSSSIM, FixedRate, RateAllocator
from linksim.errors import ParameterError
from linksim.flowgraphs.parts import picture_link, published_codec
from linksim.types import PATCH

if TYPE_CHECKING:
    import pandas as pd

PIXELS = 3 * PATCH**2
"""Numbers of a patch, by which the CBR counts."""


@dataclass(frozen=True)
class Imported:
    """A codec that `linksim import` wrote, by its path; its name in tables is the file's."""

    path: str

    @property
    def name(self) -> str:
        """The file's, without its ending."""
        return Path(self.path).stem

    @property
    def rates(self) -> Mapping[str, float]:
        """Payload over 3*height*width: those of the bench where the codec adapts to them, else its own."""
        codec = published_codec(self.path)
        if not codec.one_rate:
            return RATES
        own = Fraction(int(codec.rate_set[0]), PIXELS)
        return {str(own): float(own)}

    def link(self, channel: str, rate: str) -> Flowgraph:
        """As `kodak_link`."""
        metrics, codec = [MSSSIM()] if channel == "awgn" else [], published_codec(self.path)
        # Where a transform tells the entropy of each patch, each has a rate of its own.
        block = FixedRate if codec.vectorizer is None else RateAllocator
        return picture_link("imported", codec, block(target_cbr=float(Fraction(rate))), channel=CHANNELS[channel](),
                            uses_importance=False, metrics=metrics)  # fmt: skip

    def points(self, channel: str) -> list[dict[str, Any]]:
        """As `kodak_points`; of a codec with one rate the SNRs at that."""
        rates = self.rates
        if rates is RATES:
            return kodak_points(channel)
        snrs = dict.fromkeys(point["snr_db"] for point in kodak_points(channel))
        return [{"channel": channel, "rate": rate, "snr_db": snr_db} for rate in rates for snr_db in snrs]


def checked_names(files: Sequence[str]) -> list[Imported]:
    """The codecs. Raises `ParameterError` where two have one name, or one that of a system; what cannot be read raises
    as `published_codec`."""
    codecs = [Imported(path) for path in files]
    taken = list(SYSTEMS)
    for codec in codecs:
        published_codec(codec.path)
        if codec.name in taken:
            raise ParameterError(f"--also: two systems would be called '{codec.name}' in the tables; rename the file")
        taken.append(codec.name)
    return codecs


def imported_names(table: "pd.DataFrame") -> list[str]:
    """The imported codecs in a table of results."""
    return [name for name in table["system"].unique() if name not in SYSTEMS]


def own_rates(table: "pd.DataFrame", name: str) -> list[str]:
    """The rates at which a system was measured, rising."""
    return sorted(table.loc[table["system"] == name, "rate"].unique(), key=Fraction)


def imported_report(table: "pd.DataFrame") -> str:
    """Each imported codec at its rates, over AWGN; nothing where there are none."""
    rows: list[list[object]] = []
    for name in imported_names(table):
        for rate in own_rates(table, name):
            at = {"system": name, "channel": "awgn", "rate": rate}
            shown = (look_up(table, "psnr", **at, snr_db=snr).mean for snr in SNRS_DB)
            # A rate that is not measured at every SNR stands in the tables above.
            cells = [f"{value:.2f}" if math.isfinite(value) else "-" for value in shown]
            costs = (look_up(table, metric, **at, snr_db=DESIGN_SNR_DB).mean for metric in ("cbr", "cbr_total"))
            rows.append([f"{name}, {rate}", *cells, *(f"{cost:.4f}" for cost in costs)])
    if not rows:
        return ""
    head = ["", *(f"{snr:g} dB" for snr in SNRS_DB), "`cbr`", "`cbr_total`"]
    about = "PSNR in dB by SNR, at the rates that each has; `cbr_total`, the header included, at 10 dB.\n"
    return "\n".join(("## Kodak, imported codecs, AWGN", "", about, markdown(head, rows)))
