"""Simulation against closed form, with an interval as the pass rule.

usage: python scripts/show_closed_forms.py

Bit error rates lie under an exact interval of 99.9 % on independent draws: one bit per frame where a frame fades as
one. Prints a row per case and ends with status 1 where one fails.
"""

import sys

import torch
from scipy import stats

from linksim import Block, Decibels, Flowgraph, Symbols
from linksim.blocks import (
    AWGN,
    BitSource,
    BPSKDemapper,
    BPSKMapper,
    MMSEEqualizer,
    PowerNormalizer,
    QPSKDemapper,
    QPSKMapper,
    Rayleigh,
    Rician,
    ZeroForcingEqualizer,
)
from linksim.theory import bit_error_rate

CONFIDENCE = 0.999
TRIALS = 400_000
MODULATIONS = {"bpsk": (BPSKMapper, BPSKDemapper, 1), "qpsk": (QPSKMapper, QPSKDemapper, 2)}
CHANNELS: dict[str, tuple[Block, float | None, int]] = {
    "AWGN": (AWGN(), float("inf"), 1000),
    "Rayleigh, frame": (Rayleigh(coherence="frame"), None, 1),
    "Rayleigh, symbol": (Rayleigh(coherence="symbol"), None, 1000),
    "Rician K = 6 dB, frame": (Rician(k_factor_db=6.0, coherence="frame"), 6.0, 1),
    "Rician K = 6 dB, symbol": (Rician(k_factor_db=6.0, coherence="symbol"), 6.0, 1000),
}
"""Name to channel, K-factor in dB, and symbols per frame: one where a frame fades as one."""


def count_errors(
    modulation: str, channel: Block, draws: int, snr_db: float, equalizer: Block | None
) -> tuple[int, int]:
    """(errors, trials) over the first bit of every symbol: the bits of one symbol fade together."""
    mapper, demapper, bits_per_use = MODULATIONS[modulation]
    fg = Flowgraph("ber", inputs={"snr_db": Decibels})
    fg.bits, fg.demapper = BitSource(length=draws * bits_per_use), demapper()
    fg.connect(fg.bits, mapper(), channel, *([equalizer] if equalizer else []), fg.demapper)
    fg.connect(fg["snr_db"], channel["snr_db"])
    run = fg.run(batch=TRIALS // draws, snr_db=snr_db, seed=7, probe=["bits.out"])
    wrong = (run["demapper.out"] > 0) != run["bits.out"].bool()
    counted = wrong[:, ::bits_per_use]
    return int(counted.sum()), counted.numel()


def show_bit_errors() -> bool:
    """One row per modulation, channel, SNR and equalizer."""
    good = True
    equalizers = {"none": lambda: None, "ZF": ZeroForcingEqualizer, "MMSE": MMSEEqualizer}
    print(f"{'case':<44}{'SNR dB':>7}{'simulated':>12}{'closed form':>13}  {CONFIDENCE:.1%} interval")
    for modulation in MODULATIONS:
        for name, (channel, k_factor_db, length) in CHANNELS.items():
            for snr_db in (0.0, 4.0, 8.0):
                for equalizer, make in equalizers.items():
                    if equalizer != "none" and snr_db != 4.0:
                        continue
                    fresh = type(channel)(**channel.settings)
                    errors, trials = count_errors(modulation, fresh, length, snr_db, make())
                    truth = float(bit_error_rate(snr_db, modulation=modulation, k_factor_db=k_factor_db))
                    interval = stats.binomtest(errors, trials).proportion_ci(CONFIDENCE, "exact")
                    inside = interval.low <= truth <= interval.high
                    good &= inside
                    case = f"{modulation}, {name}, equalizer {equalizer}"
                    shown = f"[{interval.low:.6f}, {interval.high:.6f}] {'ok' if inside else 'FAIL'}"
                    print(f"{case:<44}{snr_db:>7g}{errors / trials:>12.6f}{truth:>13.6f}  {shown}")
    return good


def show_noise() -> bool:
    """Noise variance per real dimension, by a chi-squared interval, real and imaginary part apart."""
    good = True
    silence = Symbols(torch.zeros(1, 1_000_000, dtype=torch.complex64), torch.tensor([1_000_000]))
    for snr_db in (0.0, 10.0):
        noise = AWGN().seed(3)(symbols=silence, snr_db=torch.tensor([snr_db])).symbols.samples[0]
        truth = 10 ** (-snr_db / 10) / 2
        for part, values in (("real", noise.real), ("imaginary", noise.imag)):
            energy, count = float(values.double().square().sum()), len(values)
            low, high = (energy / stats.chi2.ppf(q, count) for q in (1 - (1 - CONFIDENCE) / 2, (1 - CONFIDENCE) / 2))
            inside = low <= truth <= high
            good &= inside
            print(f"noise variance, {part} part, {snr_db:g} dB: {energy / count:.6f}, N0/2 = {truth:.6f} in "
                  f"[{low:.6f}, {high:.6f}] {'ok' if inside else 'FAIL'}")  # fmt: skip
    return good


def show_power() -> bool:
    """Power 1 for every picture of a batch whose pictures differ a thousandfold in energy."""
    generator = torch.Generator().manual_seed(1)
    scale = torch.tensor([0.01, 1.0, 10.0])[:, None, None, None]
    y = torch.randn(3, 8, 8, 16, dtype=torch.complex64, generator=generator) * scale
    lengths = torch.randint(1, 17, (3, 8, 8), generator=generator)
    y = y * (torch.arange(16) < lengths[..., None])
    out = PowerNormalizer()(codeword=y, lengths=lengths)
    power = out.codeword.abs().square().sum((1, 2, 3)) / lengths.sum((1, 2))
    good = bool((power - 1).abs().max() < 1e-5)
    print(f"power per picture: {[round(float(p), 6) for p in power]} {'ok' if good else 'FAIL'}")
    return good


def show_fading() -> bool:
    """The distribution of |h|^2 on frame Rayleigh is exponential, at batch 1 and at batch 64 (Kolmogorov and
    Smirnov)."""
    good = True
    for batch, runs in ((1, 6400), (64, 100)):
        symbols = Symbols(torch.ones(batch, 1) + 0j, torch.ones(batch, dtype=torch.int64))
        channel = Rayleigh().seed(5)
        strengths = torch.cat(
            [channel(symbols=symbols, snr_db=torch.zeros(batch)).gain[:, 0].abs().square() for _ in range(runs)]
        )
        test = stats.kstest(strengths.numpy(), "expon")
        inside = test.pvalue > 1 - CONFIDENCE
        good &= bool(inside)
        print(f"|h|^2 on Rayleigh, batch {batch}: mean {float(strengths.mean()):.4f}, KS p = {test.pvalue:.3f} "
              f"{'ok' if inside else 'FAIL'}")  # fmt: skip
    return good


if __name__ == "__main__":
    results = [show_bit_errors(), show_noise(), show_power(), show_fading()]
    sys.exit(0 if all(results) else 1)
