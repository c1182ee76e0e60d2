"""What the engine costs: a flowgraph against the same modules called by hand, and counted BPSK against plain torch.

usage: python tests/benchmarks/engine_overhead.py

Everything on one thread, both sides in turn in one run; the ratio of the medians is what counts.
"""

import statistics
import time
from collections.abc import Callable

import torch

from linksim import Bits, Block, Decibels, Flowgraph
from linksim.flowgraphs import bpsk

BLOCKS = 20


class Keep(Block):
    """Hands its input on: all its time is overhead."""

    def forward(self, bits: Bits, snr_db: Decibels) -> Bits:
        return bits


def paired(first: Callable[[], object], second: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median seconds of each, measured in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, work in zip(times, (first, second), strict=True):
            start = time.perf_counter()
            work()
            side.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def engine_overhead() -> tuple[float, float]:
    """Microseconds per block and per call over calling the same modules by hand."""
    bits = torch.zeros(4, 8, dtype=torch.uint8)
    costs: dict[int, float] = {}
    for count in (1, BLOCKS):
        chain = [Keep() for _ in range(count)]
        fg = Flowgraph("chain", inputs={"bits": Bits, "snr_db": Decibels})
        fg.connect(fg["bits"], *chain)
        for block in chain:
            fg.connect(fg["snr_db"], block["snr_db"])
        snr_db = torch.zeros(4)

        def by_hand(chain: list[Keep] = chain, snr_db: torch.Tensor = snr_db) -> object:
            with torch.no_grad():
                value = bits
                for block in chain:
                    value = torch.nn.Module.__call__(block, bits=value, snr_db=snr_db)
            return value

        def by_engine(fg: Flowgraph = fg, snr_db: torch.Tensor = snr_db) -> object:
            return fg.run(bits=bits, snr_db=snr_db)

        by_engine()
        with_engine, without = paired(by_engine, by_hand, 5000)
        costs[count] = with_engine - without
    per_block = (costs[BLOCKS] - costs[1]) / (BLOCKS - 1)
    return per_block * 1e6, (costs[1] - per_block) * 1e6


def bpsk_by_hand(batch: int, length: int, snr_db: float, generator: torch.Generator) -> torch.Tensor:
    """The arithmetic of the BPSK flowgraph in plain torch: the same draws, the same counts."""
    with torch.no_grad():
        words = torch.randint(256, (batch, length // 8), dtype=torch.uint8, generator=generator)
        bits = ((words[..., None] >> torch.arange(8, dtype=torch.uint8)) & 1).flatten(1)
        amplitude = 1.0 - 2.0 * bits.float()
        sent = torch.complex(amplitude, torch.zeros_like(amplitude))
        noise_variance = 10.0 ** (-torch.full((batch, 1), snr_db) / 10.0)
        noise = torch.randn(sent.shape, dtype=torch.complex64, generator=generator) * noise_variance.sqrt()
        llrs = -4.0 * (sent + noise).real / noise_variance
        return ((llrs > 0) != bits.bool()).sum(1)


def bpsk_ratio(batch: int, length: int) -> float:
    """Time of the flowgraph over time by hand."""
    fg, generator = bpsk(length=length), torch.Generator()
    generator.manual_seed(1)
    fg.run(batch=batch, snr_db=4.0)
    mine, hand = paired(
        lambda: fg.run(batch=batch, snr_db=4.0), lambda: bpsk_by_hand(batch, length, 4.0, generator), 100
    )
    return mine / hand


def main() -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    per_block, per_call = engine_overhead()
    print(f"engine: {per_block:.2f} us per block (at most 2), {per_call:.2f} us per call (at most 10)")
    for batch, length in ((100, 1024), (1000, 1024)):
        ratio = bpsk_ratio(batch, length)
        print(f"BPSK, {batch * length} bits a batch: flowgraph / by hand = {ratio:.3f} (at most 1.25)")


if __name__ == "__main__":
    main()
