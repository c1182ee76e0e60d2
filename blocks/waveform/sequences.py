"""Known sequences that a receiver looks for."""

import math
from functools import cache

import torch
from torch import Tensor

from linksim.errors import require

# Feedback taps of primitive polynomials, by degree. Source: Golomb, Shift Register Sequences; Proakis, table 12.2-1.
_TAPS = {3: (3, 2), 4: (4, 3), 5: (5, 3), 6: (6, 5), 7: (7, 6), 8: (8, 6, 5, 4), 9: (9, 5), 10: (10, 7), 11: (11, 9),
         12: (12, 11, 10, 4), 13: (13, 12, 11, 8), 14: (14, 13, 12, 2), 15: (15, 14), 16: (16, 15, 13, 4)}  # fmt: skip
SEQUENCES = ("m-sequence", "zadoff-chu")


@cache
def m_sequence(degree: int) -> Tensor:
    """A maximum-length sequence of 2^degree - 1 values +1 and -1, complex128; its periodic autocorrelation is -1.

    Raises `ParameterError` where the degree is not in 3..16. Source: Golomb, Shift Register Sequences.
    """
    require(degree in _TAPS, "degree", "in 3..16", degree)
    state, out = [1] * degree, list[int]()
    for _ in range((1 << degree) - 1):
        out.append(state[-1])
        fed = sum(state[tap - 1] for tap in _TAPS[degree]) % 2
        state = [fed, *state[:-1]]
    return (1 - 2 * torch.tensor(out, dtype=torch.float64)).to(torch.complex128)


@cache
def zadoff_chu(length: int, root: int = 1) -> Tensor:
    """A Zadoff-Chu sequence, complex128 [length], of constant amplitude and periodic autocorrelation 0.

    Raises `ParameterError` where `length` is under 2 or shares a factor with `root`. Source: Chu, IEEE Trans. Inf.
    Theory 1972.
    """
    require(length >= 2, "length", "at least 2", length)
    require(math.gcd(root, length) == 1, "root", f"without a common factor with {length}", root)
    n = torch.arange(length, dtype=torch.float64)
    phase = -math.pi * root * torch.remainder(n * (n + length % 2), 2 * length) / length
    return torch.polar(torch.ones_like(phase), phase)


def preamble(kind: str, length: int) -> Tensor:
    """The preamble of a burst, complex128 [length]: the front of an m-sequence that is long enough, or Zadoff-Chu.

    Raises `ParameterError` where the kind is unknown.
    """
    require(kind in SEQUENCES, "preamble", f"one of {', '.join(SEQUENCES)}", kind)
    if kind == "zadoff-chu":
        return zadoff_chu(length, next(root for root in (25, 29, 31, 1) if math.gcd(root, length) == 1))
    return m_sequence(max(math.ceil(math.log2(length + 1)), 3))[:length]


@cache
def pilot_symbols(count: int) -> Tensor:
    """`count` pilots of unit energy, complex128: quaternary, from a long m-sequence that repeats."""
    source = m_sequence(15)
    places = torch.arange(count)
    first, second = source[(2 * places) % len(source)].real, source[(2 * places + 1) % len(source)].real
    return torch.complex(first, second) / math.sqrt(2)
