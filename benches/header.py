"""The robust header: how often it is lost, beside what any code could do; whether it is ever wrong; what it costs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from skimage import data
from torch import Tensor

from linksim import Block, Decibels, Flowgraph, Symbols
from linksim.benches.bench import Part
from linksim.benches.pictures import SceneBench
from linksim.benches.tables import look_up, markdown
from linksim.blocks import AWGN, HeaderDecoder, HeaderErrors, RateAllocator
from linksim.blocks.header.body import BITS_PER_USE, CHECK_BITS
from linksim.blocks.header.preamble import form_of
from linksim.blocks.rate import PAPER_CBR
from linksim.blocks.sources import PictureCases, read_picture
from linksim.flowgraphs import klt
from linksim.flowgraphs.parts import RobustHeader
from linksim.montecarlo import Sweep
from linksim.theory import bpsk_normal_approximation
from linksim.types import Lengths

if TYPE_CHECKING:
    import pandas as pd

PHOTOGRAPH = "astronaut.png"
CODE_RATE = 0.25
LOSS = 1e-2
"""The loss rate at which the header is compared with the limit."""
EDGE, SMALL_EDGE = 512, 128
FRAMES = {-6.0: 400, -4.0: 400, **dict.fromkeys(np.arange(-3.0, 0.01, 0.25).tolist(), 2000), 2.0: 400, 4.0: 400}
"""SNR in dB to frames of the large picture's header."""
SURE_SNR_DB, SURE_FRAMES = 10.0, 10_000
SMALL_FRAMES = dict.fromkeys((-4.0, -2.0, -1.0, -0.5), 25_000)
"""Where most headers of a small picture are lost: the place to look for wrong ones."""
SMOOTHINGS = (0.0, 0.25, 0.5)


class Encoded(NamedTuple):
    """A header that is ready to be sent, and the rate map in it."""

    symbols: Symbols
    lengths: Lengths


@cache
def encoded(edge: int) -> tuple[Symbols, Tensor, int]:
    """The header of a photograph cut to a square, its rate map, and the bits of information in its second part."""
    picture = read_picture(Path(data.data_dir) / PHOTOGRAPH)[None, :, :edge, :edge]
    link = klt(rate=RateAllocator(target_cbr=1 / 24), header=RobustHeader(CODE_RATE))
    run = link.run(image=picture, snr_db=10.0, probe=["header.out", "rate.lengths"])
    symbols, lengths = run["header.out"], run["rate.lengths"]
    form = form_of(lengths.shape[1], lengths.shape[2], 0, CODE_RATE)
    coded = BITS_PER_USE * (int(symbols.length[0]) - form.uses)
    return symbols, lengths, int(CODE_RATE * coded) - CHECK_BITS


class EncodedHeader(Block):
    """The header of one photograph, again and again.

    Args:
        edge: of the square that is cut from the photograph, in pixels.

    Shapes: symbols [batch, uses]; lengths [batch, rows, cols]. No gradient.
    """

    def __init__(self, *, edge: int = EDGE) -> None:
        super().__init__()
        self.edge = edge

    def forward(self, batch: int) -> Encoded:
        symbols, lengths, _ = encoded(self.edge)
        sent = Symbols(symbols.samples.expand(batch, -1), symbols.length.expand(batch))
        return Encoded(sent, lengths.expand(batch, -1, -1))


def link(edge: int) -> Flowgraph:
    """A header over AWGN. Input: snr_db. Outputs: header_errors."""
    fg = Flowgraph("header", inputs={"snr_db": Decibels})
    fg.source, fg.channel, fg.decoder, fg.header_errors = (
        EncodedHeader(edge=edge),
        AWGN(),
        HeaderDecoder(),
        HeaderErrors(),
    )
    fg.connect(fg.source["symbols"], fg.channel["symbols"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.channel, fg.decoder)
    fg.connect(fg.decoder["erased"], fg.header_errors["erased"])
    fg.connect(fg.decoder["lengths"], fg.header_errors["lengths"])
    fg.connect(fg.source["lengths"], fg.header_errors["sent"])
    return fg


def scene_link(smoothing: float) -> Flowgraph:
    """A link for street scenes whose rate map is smoothed."""
    rate = RateAllocator(target_cbr=PAPER_CBR, map_smoothing=smoothing)
    return klt(rate=rate, header=RobustHeader(CODE_RATE))


@dataclass(frozen=True, kw_only=True)
class HeaderBench(SceneBench):
    """Loss of the header by SNR, wrong headers, and cost."""

    about: ClassVar[str] = "the robust header: loss beside the finite-length limit, wrong headers, cost"

    def parts(self) -> Iterator[Part]:
        """See `Bench`."""
        large = {**FRAMES, SURE_SNR_DB: SURE_FRAMES}
        for edge, frames_at in ((EDGE, large), (SMALL_EDGE, SMALL_FRAMES)):
            for frames in sorted(set(frames_at.values())):
                points = [{"edge": edge, "snr_db": snr} for snr, wanted in frames_at.items() if wanted == frames]
                sweep = Sweep(link, grid=points, stop=f"header_errors.erasures:frames={frames}",
                              chunk=min(frames, 200), seed=self.seed, device=self.device)  # fmt: skip
                yield Part("errors", {}, sweep)
        if self.scenes:
            cases, grid = PictureCases.scenes(self.scenes), {"smoothing": list(SMOOTHINGS)}
            sweep = Sweep(scene_link, grid=grid, cases=cases, inputs={"snr_db": 10.0}, seed=self.seed,
                          device=self.device)  # fmt: skip
            yield Part("cost", {}, sweep)

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        sections = [_head(), _loss(tables["errors"]), _wrong(tables["errors"])]
        return "\n".join(sections + ([_cost(tables["cost"])] if "cost" in tables else []))


def _head() -> str:
    symbols, _, bits = encoded(EDGE)
    uses = int(symbols.length[0])
    return (
        "# The robust header\n\nMade by `linksim bench header`, with the header of a photograph at CBR 1/24 and code "
        f"rate {CODE_RATE} over AWGN.\nFor {EDGE}x{EDGE} pixels it carries {bits} bits of rate map in {uses} "
        f"channel uses, CBR {uses / (3 * EDGE * EDGE):.5f}.\n"
    )


def limit(snr_db: float) -> float:
    """The least loss rate of any code of the second part's length and rate in QPSK, by the normal approximation."""
    symbols, lengths, bits = encoded(EDGE)
    uses = int(symbols.length[0]) - form_of(lengths.shape[1], lengths.shape[2], 0, CODE_RATE).uses
    # One use of QPSK is two of BPSK with half the energy each.
    half_energy_db = snr_db - 10 * np.log10(2)
    return float(bpsk_normal_approximation(half_energy_db, information_bits=bits, uses=2 * uses))


def _loss(table: "pd.DataFrame") -> str:
    snrs_db = sorted(FRAMES)
    rates = [look_up(table, "header_errors.erasures", edge=EDGE, snr_db=snr).mean for snr in snrs_db]
    fine = np.arange(-6.0, 3.0, 0.01).tolist()
    ours, best = crossing(snrs_db, rates), crossing(fine, [limit(snr) for snr in fine])
    rows = [
        [f"{snr:g} dB", FRAMES[snr], f"{rate:.5f}", f"{limit(snr):.3g}"]
        for snr, rate in zip(snrs_db, rates, strict=True)
    ]
    title = (
        "## Loss\n\nThe limit is the normal approximation for any code of the second part's length and rate.\n"
        f"The header's loss rate is {LOSS:g} at {ours:.2f} dB, the limit's at {best:.2f} dB: a gap of "
        f"{ours - best:.2f} dB.\n"
    )
    return f"{title}\n" + markdown(["SNR", "headers", "loss rate", "limit"], rows)


def _wrong(table: "pd.DataFrame") -> str:
    places = [(EDGE, SURE_SNR_DB, SURE_FRAMES), *((SMALL_EDGE, snr, frames) for snr, frames in SMALL_FRAMES.items())]
    rows: list[list[object]] = []
    for edge, snr_db, frames in places:
        lost, wrong = (
            look_up(table, f"header_errors.{what}", edge=edge, snr_db=snr_db).mean * frames
            for what in ("erasures", "undetected")
        )
        rows.append([f"{edge}x{edge} pixels, {snr_db:g} dB", frames, f"{lost:.0f}", f"{wrong:.0f}"])
    title = "## Wrong headers\n\nA wrong header is one whose checks hold although its rate map is not the one sent.\n"
    return f"{title}\n" + markdown(["", "headers", "lost", "wrong"], rows)


def _cost(table: "pd.DataFrame") -> str:
    rows: list[list[object]] = []
    for smoothing in SMOOTHINGS:
        payload, everything = (look_up(table, metric, smoothing=smoothing).mean for metric in ("cbr", "cbr_total"))
        rows.append([f"map smoothing {smoothing:g}", f"{everything - payload:.5f}"])
    title = f"## Cost on street scenes\n\nCBR of the header, mean over the scenes, with a payload of CBR {PAPER_CBR}.\n"
    return f"{title}\n" + markdown(["", "CBR"], rows)


def crossing(snrs_db: Sequence[float], rates: Sequence[float]) -> float:
    """Where a falling curve of rates crosses `LOSS`, log-linear between the points; NaN where it does not."""
    logs, target = np.log10(np.maximum(rates, 1e-12)), np.log10(LOSS)
    for i in range(len(rates) - 1):
        if rates[i] >= LOSS > rates[i + 1]:
            share = (logs[i] - target) / (logs[i] - logs[i + 1])
            return snrs_db[i] + float(share) * (snrs_db[i + 1] - snrs_db[i])
    return float("nan")
