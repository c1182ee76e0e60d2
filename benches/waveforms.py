"""What it costs to send samples instead of channel uses: links over waveforms beside the same links over AWGN."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from linksim import Block, Decibels, Flowgraph
from linksim.benches.bench import Part, by_case
from linksim.benches.pictures import PictureBench
from linksim.benches.tables import Found, look_up, markdown, paired_gain
from linksim.blocks import (
    AWGN,
    BitErrors,
    BitSource,
    BPSKDemapper,
    BPSKMapper,
    ErrorVectorMagnitude,
    LostBursts,
)
from linksim.blocks.sources import PictureCases
from linksim.errors import ParameterError
from linksim.flowgraphs import sa_oosc, separation, waveform_channel
from linksim.montecarlo import Sweep
from linksim.theory import bit_error_rate

if TYPE_CHECKING:
    import pandas as pd

SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
BER_SNRS_DB: Mapping[float, int] = {0.0: 64, 4.0: 128, 8.0: 512, 10.0: 1024}
"""Frames that are sent at each."""
SHORT_SNRS_DB: Mapping[float, int] = {-6.0: 1024, -4.0: 2048, -2.0: 4096, 0.0: 10240}
BITS, SHORT_BITS = 8192, 64
FLAT_DB = 0.2
"""A curve that rises by less between two points tells no SNR."""
LOW_SNRS_DB = (-5.0, -2.5)
"""Where pictures are sent over AWGN too, so that the loss at 0 dB can be read."""
CHANNELS: Mapping[str, Literal["single-carrier", "ofdm"] | None] = {
    "AWGN": None,
    "single carrier": "single-carrier",
    "OFDM": "ofdm",
}
WAVEFORMS = ("single carrier", "OFDM")
SYSTEMS = {"SA-OOSC": sa_oosc, "AVIF + LDPC": partial(separation, codec="avif")}
HEAD = """# Over a waveform

Made by `linksim bench waveforms --kodak KODAK`. Bursts of root-raised-cosine pulses (roll-off 0.35, 4 samples per
symbol) and OFDM (256 subcarriers, 2 samples per use) at 1 Msymbol/s, through an unknown delay of 0 to 400 samples, a
sampling clock that is 3 ppm off, a carrier that is 2 kHz off, an unknown phase and white noise. The receiver knows
nothing but how bursts are made. SNR is Es/N0 per channel use; what preamble, field, pilots and prefixes cost is in
`cbr_total`. In brackets 95 %.

"""


def make_channel(name: str) -> Block:
    """A channel by its name in the tables."""
    modulation = CHANNELS[name]
    return AWGN() if modulation is None else waveform_channel(modulation=modulation)


def bits_link(channel: str, *, length: int = BITS) -> Flowgraph:
    """BPSK over a waveform. Input: snr_db. Outputs: ber, and lost, `Counts` of bursts."""
    fg = Flowgraph("bits", inputs={"snr_db": Decibels})
    fg.bits, fg.mapper, fg.channel = BitSource(length=length), BPSKMapper(), make_channel(channel)
    fg.errors, fg.lost, fg.magnitude = BitErrors(), LostBursts(), ErrorVectorMagnitude()
    fg.connect(fg.bits, fg.mapper, fg.channel, BPSKDemapper(), fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.channel["estimates"], fg.lost)
    fg.connect(fg.channel["out"], fg.magnitude["received"])
    fg.connect(fg.mapper, fg.magnitude["sent"])
    for name, block in {"ber": fg.errors, "lost": fg.lost, "evm": fg.magnitude}.items():
        fg.connect(block, fg[name])
    return fg


def picture_link(system: str, channel: str) -> Flowgraph:
    """A picture by one of the systems over one of the channels."""
    return SYSTEMS[system](channel=make_channel(channel))


@dataclass(frozen=True, kw_only=True)
class WaveformsBench(PictureBench):
    """Bits, short bursts and pictures over single-carrier and OFDM waveforms."""

    about: ClassVar[str] = "links over waveforms with a synchroniser beside the same links over AWGN"

    def parts(self) -> Iterator[Part]:
        """See `Bench`. The waveform is no axis of a grid, so that pictures see the same noise where they can."""
        if self.kodak is None:
            raise ParameterError("give --kodak, a folder of pictures")
        for channel in WAVEFORMS:
            for snr_db, frames in BER_SNRS_DB.items():
                yield Part("bits", {"channel": channel}, self._bits(bits_link, channel, snr_db, frames, 64))
            short = partial(bits_link, length=SHORT_BITS)
            for snr_db, frames in SHORT_SNRS_DB.items():
                yield Part("short", {"channel": channel}, self._bits(short, channel, snr_db, frames, 256))
            yield Part("magnitude", {"channel": channel},
                       Sweep(partial(bits_link, channel), grid={"snr_db": list(SNRS_DB)}, stop="evm:frames=64",
                             seed=self.seed, device=self.device))  # fmt: skip
        for system in SYSTEMS:
            for channel in CHANNELS:
                snrs_db = [*LOW_SNRS_DB, *SNRS_DB] if channel == "AWGN" else list(SNRS_DB)
                sweep = Sweep(partial(picture_link, system, channel), grid={"snr_db": snrs_db},
                              cases=PictureCases(self.kodak), seed=self.seed, device=self.device)  # fmt: skip
                yield Part("pictures", {"system": system, "channel": channel}, sweep)

    def _bits(self, link: Callable[..., Flowgraph], channel: str, snr_db: float, frames: int, chunk: int) -> Sweep:
        stop = f"lost:frames={frames}"
        return Sweep(partial(link, channel), grid={"snr_db": [snr_db]}, stop=stop, chunk=chunk, seed=self.seed,
                     device=self.device)  # fmt: skip

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        parts = [_magnitudes(tables["magnitude"]), _bits(tables["bits"]), _short(tables["short"])]
        return HEAD + "".join(parts) + _pictures(tables["pictures"], tables[by_case("pictures")])


def _magnitudes(table: "pd.DataFrame") -> str:
    """What is left of the SNR."""
    rows: list[list[object]] = []
    for snr_db in SNRS_DB:
        cells: list[object] = [f"{snr_db:g}"]
        for channel in WAVEFORMS:
            found = look_up(table, "evm", channel=channel, snr_db=snr_db)
            losses = [snr_db + 20 * math.log10(value) for value in (found.mean, found.low, found.high)]
            cells.append(str(Found(*losses)))
        rows.append(cells)
    head = ["SNR, dB", *(f"{channel}: loss, dB" for channel in WAVEFORMS)]
    return (
        "## What is left of the SNR\n\nThe SNR less that of the symbols behind the synchroniser, by their error vector"
        f" magnitude; frames of {BITS} BPSK symbols. Below zero OFDM gains: its empty subcarriers leave the others 0.28"
        " dB.\n\n" + markdown(head, rows)
    )


def _bits(table: "pd.DataFrame") -> str:
    """Bit error rates, and by how much more SNR AWGN would have them."""
    rows: list[list[object]] = []
    for snr_db in BER_SNRS_DB:
        cells: list[object] = [f"{snr_db:g}", f"{float(bit_error_rate(snr_db, modulation='bpsk')):.3g}"]
        for channel in WAVEFORMS:
            found = look_up(table, "ber", channel=channel, snr_db=snr_db)
            # The more errors, the larger the loss.
            losses = [snr_db - _equal_snr(value) for value in (found.mean, found.low, found.high)]
            cells += [f"{found.mean:.3g}", str(Found(*losses))]
        rows.append(cells)
    head = ["SNR, dB", "closed form", *(f"{c}: {what}" for c in WAVEFORMS for what in ("BER", "loss, dB"))]
    return (
        f"\n## Bit errors\n\nBPSK, {BITS} bits a frame, lost frames included. The loss is the SNR less that at which"
        " the closed form has as many errors.\n\n" + markdown(head, rows)
    )


def _equal_snr(rate: float) -> float:
    """The SNR in dB at which BPSK over AWGN has this bit error rate."""
    from scipy.special import erfcinv

    return math.inf if rate <= 0 else 20 * math.log10(max(float(erfcinv(2 * rate)), 1e-9))


def _short(table: "pd.DataFrame") -> str:
    """Bursts that are lost."""
    rows: list[list[object]] = []
    for snr_db, frames in SHORT_SNRS_DB.items():
        cells: list[object] = [f"{snr_db:g}", f"{frames:,}"]
        for channel in WAVEFORMS:
            found = look_up(table, "lost", channel=channel, snr_db=snr_db)
            cells.append(f"{found.mean:.2g} ({found.low:.1g} to {found.high:.2g})")
        rows.append(cells)
    head = ["SNR, dB", "bursts", *(f"{channel}: lost" for channel in WAVEFORMS)]
    return (
        f"\n## Bursts that are lost\n\nBursts of {SHORT_BITS} symbols that are not found, or whose field does not pass"
        " its check.\n\n" + markdown(head, rows)
    )


def _pictures(table: "pd.DataFrame", cases: "pd.DataFrame") -> str:
    """PSNR over each channel."""
    text = (
        "\n## Pictures\n\nThe Kodak pictures at the links' default rates. PSNR in dB, mean over all pictures; the loss"
        " is the SNR less that at which the same link over AWGN has this PSNR, on straight lines between its points"
        f" (with {LOW_SNRS_DB[0]:g} and {LOW_SNRS_DB[1]:g} dB), its interval that of the PSNR's difference, picture by"
        " picture. Where AWGN's curve is flat there is none.\n\n"
    )
    rows: list[list[object]] = []
    for system in SYSTEMS:
        snrs_db = [*LOW_SNRS_DB, *SNRS_DB]
        plain = [look_up(table, "psnr", system=system, channel="AWGN", snr_db=snr_db).mean for snr_db in snrs_db]
        for snr_db in SNRS_DB:
            known = {"system": system, "channel": "AWGN", "snr_db": snr_db}
            level = plain[snrs_db.index(snr_db)]
            total = look_up(table, "cbr_total", **known).mean
            cells: list[object] = [f"{system}, {snr_db:g} dB", f"{level:.2f}", f"{total:.4f}"]
            for channel in WAVEFORMS:
                point = {**known, "channel": channel}
                gain = paired_gain(cases, "psnr", point, known)
                found = [level + value for value in (gain.mean, gain.high, gain.low)]
                losses = [snr_db - _snr_of(value, snrs_db, plain) for value in found]
                cells += [f"{found[0]:.2f}", str(Found(*losses)), f"{look_up(table, 'erased', **point).mean:.1%}"]
                cells.append(f"{look_up(table, 'cbr_total', **point).mean:.4f}")
            rows.append(cells)
    what = ("PSNR", "loss, dB", "lost", "cbr_total")
    head = ["", "AWGN: PSNR", "cbr_total", *(f"{c}: {name}" for c in WAVEFORMS for name in what)]
    return text + markdown(head, rows)


def _snr_of(level: float, snrs_db: Sequence[float], levels: Sequence[float]) -> float:
    """The SNR at which a rising curve has a level, on straight lines; NaN outside, and where the curve is flat."""
    for (low, first), (high, second) in pairwise(zip(snrs_db, levels, strict=True)):
        if first <= level <= second and second - first > FLAT_DB:
            return low + (high - low) * (level - first) / (second - first)
    # A little over the last point the last slope goes on.
    slope = (levels[-1] - levels[-2]) / (snrs_db[-1] - snrs_db[-2])
    if level > levels[-1] and slope * (snrs_db[-1] - snrs_db[-2]) > FLAT_DB:
        return snrs_db[-1] + (level - levels[-1]) / slope
    return math.nan
