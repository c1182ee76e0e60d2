"""Forward error correction of the header: CRC and 5G LDPC from Sionna, every object made once."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from linksim.randomness import global_state, made_per_thread

LIBRARY = "sionna-no-rt"
"""The distribution whose version is part of what identifies results."""
ITERATIONS = (5, 50)
"""Belief propagation is tried briefly first; only frames whose check then fails get the long run."""


@made_per_thread(128)
def _encoder(k: int, n: int) -> Any:
    # Importing Sionna and making its objects reseeds torch's global generator; ours must not notice.
    with global_state, torch.random.fork_rng(devices=[]):
        from sionna.phy.fec.ldpc import LDPC5GEncoder

        return LDPC5GEncoder(k, n, device="cpu")


@made_per_thread(256)
def _decoder(k: int, n: int, iterations: int) -> Any:
    with global_state, torch.random.fork_rng(devices=[]):
        from sionna.phy.fec.ldpc import LDPC5GDecoder

        return LDPC5GDecoder(_encoder(k, n), cn_update="boxplus", hard_out=True, num_iter=iterations, device="cpu")


@made_per_thread(8)
def _crc(name: str) -> Any:
    with global_state, torch.random.fork_rng(devices=[]):
        from sionna.phy.fec.crc import CRCEncoder

        return CRCEncoder(name, device="cpu")


def crc_bits(bits: Tensor, name: str) -> Tensor:
    """The check bits of a 5G CRC ("CRC16", "CRC24A"; 3GPP TS 38.212, 5.1), uint8 [batch, degree]."""
    return _crc(name)(bits.float())[:, bits.shape[1] :].byte()


class RobustCode:
    """A systematic chain for k bits: segments of one size, 5G LDPC (3GPP TS 38.212, 5.3.2), then repetition.

    Args:
        k: bits that go in.
        code_rate: bits in over bits out of the LDPC code, 1/5 to 9/10.
        repetition: how often every coded bit is sent.
    """

    def __init__(self, k: int, code_rate: float, repetition: int = 1) -> None:
        # Base graph 2, which 5G takes at low rates, ends at 3840 bits; base graph 1 at 8448.
        longest = 3840 if code_rate <= 0.25 else 8448
        self.k, self.repetition = k, repetition
        self.segments = math.ceil(k / longest)
        self.segment_k = max(math.ceil(k / self.segments), 12)
        self.segment_n = math.ceil(self.segment_k / code_rate)
        self.n = self.segments * self.segment_n * repetition

    def encode(self, bits: Tensor) -> Tensor:
        """uint8 [batch, k] to uint8 [batch, n]."""
        padded = torch.nn.functional.pad(bits.float(), (0, self.segments * self.segment_k - self.k))
        coded = _encoder(self.segment_k, self.segment_n)(padded.reshape(-1, self.segment_k))
        return coded.reshape(len(bits), -1).repeat(1, self.repetition).byte()

    def decode(self, llrs: Tensor, check: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """LLRs ln P(1)/P(0), float [batch, n], to (hard bits uint8 [batch, k], which frames pass, bool [batch]).

        `check` takes bits [some, k] and the frames' places [some], and says which hold.
        """
        combined = llrs.unflatten(1, (self.repetition, -1)).sum(1)
        bits = torch.zeros(len(llrs), self.k, dtype=torch.uint8)
        passed = torch.zeros(len(llrs), dtype=torch.bool)
        for iterations in ITERATIONS:
            rest = (~passed).nonzero()[:, 0]
            if len(rest) == 0:
                break
            decoder = _decoder(self.segment_k, self.segment_n, iterations)
            decided = decoder(combined[rest].reshape(-1, self.segment_n))
            bits[rest] = decided.reshape(len(rest), -1)[:, : self.k].byte()
            passed[rest] = check(bits[rest], rest)
        return bits, passed
