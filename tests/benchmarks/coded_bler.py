"""Block error rates through the bridge beside Sionna's own sim_ber: as many frames, time as a ratio.

The bridge adds what a 5G link has: CRC24, and the interleaver of bits; belief propagation ends when the check holds.

.venv/bin/python tests/benchmarks/coded_bler.py
"""

import statistics
import time

import torch

from linksim.blocks.sionna.runtime import drawing_from
from linksim.flowgraphs import coded_qam
from linksim.montecarlo import Sweep

ROUNDS, BATCH, BATCHES = 5, 100, 4
CASES = (("ldpc", 1000, 2048, 1.0), ("ldpc", 1000, 2048, 2.0), ("polar", 250, 500, 2.0))
"""Code, information bits, coded bits, Es/N0 in dB; QPSK."""


def theirs(code: str, k: int, n: int, snr_db: float) -> None:
    """What a user of Sionna alone would run."""
    from sionna.phy.channel import AWGN
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
    from sionna.phy.fec.polar import Polar5GDecoder, Polar5GEncoder
    from sionna.phy.mapping import BinarySource, Demapper, Mapper
    from sionna.phy.utils import ebnodb2no, sim_ber

    source, mapper, demapper, channel = BinarySource(), Mapper("qam", 2), Demapper("app", "qam", 2), AWGN()
    if code == "ldpc":
        k += 24
        encoder = LDPC5GEncoder(k, n)
        decoder = LDPC5GDecoder(encoder, "boxplus", num_iter=20)
    else:
        encoder = Polar5GEncoder(k, n)
        decoder = Polar5GDecoder(encoder, "SCL", 8)

    def link(batch_size: int, ebno_db: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        noise = ebnodb2no(ebno_db, 1, 1.0)
        bits = source([batch_size, k])
        return bits, decoder(demapper(channel(mapper(encoder(bits)), noise), noise))

    with drawing_from(torch.Generator().manual_seed(1)):
        sim_ber(link, torch.tensor([snr_db]), BATCH, BATCHES, early_stop=False, verbose=False)


def ours(code: str, k: int, n: int, snr_db: float) -> None:
    """The same frames through the bridge."""
    grid = {"code": [code], "information_bits": [k], "code_rate": [k / n], "bits_per_symbol": [2], "snr_db": [snr_db]}
    Sweep(coded_qam, grid=grid, stop=f"frames={BATCH * BATCHES}", chunk=BATCH, seed=1).run()


def seconds(run, case) -> float:
    """Time of one run."""
    start = time.perf_counter()
    run(*case)
    return time.perf_counter() - start


def main() -> None:
    """In turn, so that what else the machine does falls on both."""
    torch.set_num_threads(1)
    for case in CASES:
        ours(*case), theirs(*case)
        ratios = [seconds(ours, case) / seconds(theirs, case) for _ in range(ROUNDS)]
        print(f"{case[0]} ({case[2]}, {case[1]}), {case[3]:g} dB: {statistics.median(ratios):.2f} times sim_ber's time "
              f"({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
