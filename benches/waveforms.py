"""What it costs to send samples instead of channel uses: links over waveforms beside the same links over AWGN."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from linksim import Block, Decibels, Flowgraph
from linksim.benches.bench import Part
from linksim.benches.pictures import PictureBench
from linksim.benches.tables import Found, look_up, markdown
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
BER_SNRS_DB: Mapping[float, int] = {0.0: 64, 4.0: 128, 8.0: 512, 10.0: 2048}
"""Frames that are sent at each."""
SHORT_SNRS_DB: Mapping[float, int] = {-6.0: 2048, -4.0: 4096, -2.0: 8192, 0.0: 20480}
BITS, SHORT_BITS = 8192, 64
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
                sweep = Sweep(partial(picture_link, system, channel), grid={"snr_db": list(SNRS_DB)},
                              cases=PictureCases(self.kodak), seed=self.seed, device=self.device)  # fmt: skip
                yield Part("pictures", {"system": system, "channel": channel}, sweep)

    def _bits(self, link: Callable[..., Flowgraph], channel: str, snr_db: float, frames: int, chunk: int) -> Sweep:
        stop = f"lost:frames={frames}"
        return Sweep(partial(link, channel), grid={"snr_db": [snr_db]}, stop=stop, chunk=chunk, seed=self.seed,
                     device=self.device)  # fmt: skip

    def report(self, tables: Mapping[str, "pd.DataFrame"]) -> str:
        """See `Bench`."""
        return (
            HEAD
            + _magnitudes(tables["magnitude"])
            + _bits(tables["bits"])
            + _short(tables["short"])
            + _pictures(tables["pictures"])
        )


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


def _pictures(table: "pd.DataFrame") -> str:
    """PSNR over each channel."""
    text = (
        "\n## Pictures\n\nThe Kodak pictures at the links' default rates. PSNR in dB, mean over all pictures;"
        " the loss is the SNR less that at which the same link over AWGN has this PSNR, on straight lines"
        " between its points.\n\n"
    )
    rows: list[list[object]] = []
    for system in SYSTEMS:
        plain = [look_up(table, "psnr", system=system, channel="AWGN", snr_db=snr_db).mean for snr_db in SNRS_DB]
        for snr_db, level in zip(SNRS_DB, plain, strict=True):
            total = look_up(table, "cbr_total", system=system, channel="AWGN", snr_db=snr_db).mean
            cells: list[object] = [f"{system}, {snr_db:g} dB", f"{level:.2f}", f"{total:.4f}"]
            for channel in WAVEFORMS:
                point = {"system": system, "channel": channel, "snr_db": snr_db}
                found = look_up(table, "psnr", **point).mean
                loss = snr_db - float(np.interp(found, plain, SNRS_DB))
                cells += [f"{found:.2f}", f"{loss:.2f}", f"{look_up(table, 'erased', **point).mean:.1%}"]
                cells.append(f"{look_up(table, 'cbr_total', **point).mean:.4f}")
            rows.append(cells)
    what = ("PSNR", "loss, dB", "lost", "cbr_total")
    return text + markdown(["", "AWGN: PSNR", "cbr_total", *(f"{c}: {name}" for c in WAVEFORMS for name in what)], rows)
