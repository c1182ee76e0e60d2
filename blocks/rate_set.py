"""The sets V of lengths that a patch can have, in complex channel uses."""

from collections.abc import Sequence
from hashlib import blake2b

import torch
from torch import Tensor

from linksim.errors import ParameterError, require
from linksim.types import PATCH, Lengths

RATE_SETS: dict[str, tuple[int, ...]] = {
    "default": (2, 4, 8, 16, 28, 48, 80, 128),
    "paper": tuple(range(8, 129, 8)),
}
"""Sets by name. "paper" is SA-OOSC's 16 to 256 in 16 steps (appendix 14), which count real dimensions, in complex
uses."""

MAX_USES = 3 * PATCH * PATCH // 2

RateSet = str | tuple[int, ...]


def rate_values(rate_set: RateSet) -> tuple[int, ...]:
    """The lengths of a set given by name or by its values, rising.

    Raises `ParameterError` where the name is unknown or the values are not 2 to 64 rising integers in 1..384.
    """
    if isinstance(rate_set, str):
        require(rate_set in RATE_SETS, "rate_set", f"a list of lengths or one of {', '.join(RATE_SETS)}", rate_set)
        return RATE_SETS[rate_set]
    values = tuple(rate_set)
    good = all(isinstance(v, int) and 0 < v <= MAX_USES for v in values) and list(values) == sorted(set(values))
    require(good and 2 <= len(values) <= 64, "rate_set", f"2 to 64 rising lengths in 1..{MAX_USES}", rate_set)
    return values


def rate_set_id(values: Sequence[int]) -> int:
    """A number in 0..255 by which the header names the set: small for the named ones, a digest for others."""
    named = list(RATE_SETS.values())
    if tuple(values) in named:
        return named.index(tuple(values))
    digest = blake2b(repr(tuple(values)).encode(), digest_size=4).digest()
    return len(named) + int.from_bytes(digest, "big") % (256 - len(named))


def levels_of(lengths: Lengths, values: Tensor) -> Tensor:
    """The index in V of each length, int64 like `lengths`.

    Raises `ParameterError` where a length is not in V; a zero (an erased patch) counts as level 0.
    """
    levels = torch.searchsorted(values, lengths.contiguous()).clamp_max(len(values) - 1)
    if not bool(((values[levels] == lengths) | (lengths == 0)).all()):
        strange = lengths[(values[levels] != lengths) & (lengths != 0)][0].item()
        raise ParameterError(f"'lengths' must hold values of V = {values.tolist()} (got {strange})")
    return levels
