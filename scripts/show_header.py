"""The robust header: how often it is lost, beside what any code could do; what it costs; whether it ever lies.

usage: python scripts/show_header.py [STREET_SCENES] [--quick]

STREET_SCENES is the folder of the scenes that accompany SA-OOSC; without it the cost on them is left out.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from skimage import data

from linksim import Received, Symbols
from linksim.blocks import AWGN, HeaderDecoder, RateAllocator
from linksim.blocks.header.preamble import form_of
from linksim.blocks.sources import read_picture, street_scenes
from linksim.flowgraphs import klt
from linksim.flowgraphs.parts import RobustHeader
from linksim.theory import bpsk_normal_approximation

LOSS = 1e-2


@dataclass(frozen=True)
class Sent:
    """One header: its symbols, the lengths in it, and the information bits it carries without any check bits."""

    symbols: Symbols
    lengths: torch.Tensor
    information_bits: int


def header_of(name: str, pixels: int | None = None) -> Sent:
    """The header of a photograph of scikit-image at CBR 1/24, cut to a square if asked."""
    picture = read_picture(Path(data.data_dir) / name)[None]
    if pixels is not None:
        picture = picture[:, :, :pixels, :pixels]
    link = klt(rate=RateAllocator(target_cbr=1 / 24), header=RobustHeader(code_rate=0.5))
    run = link.run(image=picture, snr_db=10.0, probe=["header.out", "rate.lengths"])
    uses, lengths = int(run["header.out"].length[0]), run["rate.lengths"]
    form = form_of(lengths.shape[1], lengths.shape[2], 0, 0.5)
    # Rate 1/2: half of the second part's uses, less its CRC-24, beside the preamble's information.
    return Sent(run["header.out"], lengths, form.information_bits + (uses - form.uses) // 2 - 24)


def count(sent: Sent, snr_db: float, frames: int, seed: int, batch: int = 200) -> tuple[int, int]:
    """(lost, wrong map accepted) out of `frames` receptions."""
    channel, decoder = AWGN().seed(seed), HeaderDecoder()
    lost = wrong = 0
    for start in range(0, frames, batch):
        size = min(batch, frames - start)
        symbols = Symbols(sent.symbols.samples.expand(size, -1), sent.symbols.length.expand(size))
        received: Received = channel(symbols=symbols, snr_db=torch.full((size,), snr_db))
        header = decoder(received=received)
        lost += int(header.erased.sum())
        good = ~header.erased
        if bool(good.any()):
            wrong += int((header.lengths[good] != sent.lengths).any((1, 2)).sum())
    return lost, wrong


def crossing(snrs_db: list[float], rates: list[float], target: float) -> float:
    """Where a falling curve of rates crosses the target, log-linear between the points."""
    logs = np.log10(np.maximum(rates, 1e-12))
    for i in range(len(rates) - 1):
        if rates[i] >= target > rates[i + 1]:
            share = (logs[i] - np.log10(target)) / (logs[i] - logs[i + 1])
            return snrs_db[i] + float(share) * (snrs_db[i + 1] - snrs_db[i])
    return float("nan")


def show_loss(quick: bool) -> None:
    """Loss rate against SNR on AWGN, beside the normal approximation at the whole header's length."""
    sent = header_of("astronaut.png")
    uses = int(sent.symbols.length[0])
    print(f"header of a 512x512 picture: {sent.information_bits} information bits, {uses} uses, "
          f"{uses / (3 * 512 * 512):.5f} of CBR")  # fmt: skip
    print(f"{'SNR dB':>7}{'frames':>8}{'lost':>7}{'loss rate':>12}{'limit':>12}")
    coarse = [float(s) for s in range(-6, 13)]
    snrs_db = sorted({*coarse, *np.arange(-3.0, 0.01, 0.25).tolist()})
    rates: list[float] = []
    for snr_db in snrs_db:
        frames = 200 if quick else (2000 if -3 <= snr_db <= 0 else 400)
        lost, wrong = count(sent, snr_db, frames, seed=11)
        limit = float(bpsk_normal_approximation(snr_db, information_bits=sent.information_bits, uses=uses))
        rates.append(lost / frames)
        lie = "  WRONG MAPS" if wrong else ""
        print(f"{snr_db:>7g}{frames:>8}{lost:>7}{lost / frames:>12.5f}{limit:>12.3g}{lie}")
    fine = np.arange(-6.0, 3.0, 0.01).tolist()
    limits = [float(bpsk_normal_approximation(s, information_bits=sent.information_bits, uses=uses)) for s in fine]
    ours, best = crossing(snrs_db, rates, LOSS), crossing(fine, limits, LOSS)
    print(f"loss rate {LOSS:g} at {ours:.2f} dB; limit {best:.2f} dB; gap {ours - best:.2f} dB (at most 2)")


def show_reliability(quick: bool) -> None:
    """No loss at 10 dB; no wrong map anywhere."""
    small = header_of("astronaut.png", 128)
    frames = 300 if quick else 10_000
    lost, wrong = count(header_of("astronaut.png"), 10.0, frames, seed=12)
    print(f"at 10 dB: {lost} lost, {wrong} wrong of {frames}")
    total = wrong = 0
    for snr_db in (-4.0, -2.0, -1.0, -0.5):
        frames = 500 if quick else 25_000
        lost, bad = count(small, snr_db, frames, seed=13, batch=500)
        total, wrong = total + frames, wrong + bad
        print(f"at {snr_db:g} dB, 128x128 picture: {lost} lost, {bad} wrong maps accepted of {frames}")
    print(f"wrong maps accepted: {wrong} of {total}")


def show_cost(folder: Path) -> None:
    """Header uses over source dimensions on the `val` scenes at CBR 0.0201, 10 dB, code rate 1/2, GPT labels."""
    for smoothing in (0.0, 0.25, 0.5):
        costs: list[float] = []
        for scene in street_scenes(folder):
            image = read_picture(scene.picture)[None]
            rate = RateAllocator(target_cbr=0.0201, map_smoothing=smoothing)
            fg = klt(rate=rate, header=RobustHeader(code_rate=0.5))
            ledger = fg.run(image=image, boxes=scene.boxes(), snr_db=10.0)["ledger"]
            costs.append(float(ledger.header[0]) / float(ledger.source_dimensions[0]))
        mean = float(np.mean(costs))
        print(f"map smoothing {smoothing:g}: header CBR mean {mean:.5f}, worst {max(costs):.5f} (at most 0.0035)")


if __name__ == "__main__":
    torch.set_num_threads(1)
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    if arguments:
        show_cost(Path(arguments[0]))
    show_loss("--quick" in sys.argv)
    show_reliability("--quick" in sys.argv)
