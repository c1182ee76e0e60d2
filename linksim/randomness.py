"""Random numbers that repeat: every block has a generator of its own, derived from the run's seed and its path."""

import operator
import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from hashlib import blake2b
from typing import ParamSpec, TypeVar

import torch

from linksim.errors import ParameterError

Asked = ParamSpec("Asked")
Made = TypeVar("Made")

global_state = threading.RLock()
"""Held by whoever sets aside the global generators of torch or of a library: by one thread at a time."""


def made_per_thread(most: int) -> Callable[[Callable[Asked, Made]], Callable[Asked, Made]]:
    """Objects of a library made once for each thread and each set of arguments, the last `most` of them kept: what
    they remember during a call belongs to one run."""

    def decorate(make: Callable[Asked, Made]) -> Callable[Asked, Made]:
        @lru_cache(maxsize=most)
        def kept(_thread: int, *arguments: Asked.args, **named: Asked.kwargs) -> Made:
            return make(*arguments, **named)

        @wraps(make)
        def found(*arguments: Asked.args, **named: Asked.kwargs) -> Made:
            return kept(threading.get_ident(), *arguments, **named)  # pyright: ignore[reportArgumentType]

        return found

    return decorate


def whole_seed(seed: object) -> int:
    """The seed as Python's own whole number, whatever library it came from.

    Raises `ParameterError` where it is anything else: 1.0 and True would be other seeds than 1.
    """
    return whole_number("seed", seed)


def whole_number(name: str, value: object) -> int:
    """A number as Python's own whole one. Raises `ParameterError`, with its name, where it is anything else."""
    if type(value) is int:
        return value
    if not isinstance(value, bool) and hasattr(value, "__index__") and getattr(value, "dtype", None) != torch.bool:
        return operator.index(value)  # pyright: ignore[reportArgumentType]
    raise ParameterError(f"'{name}' must be a whole number (got {value!r})")


def derive_seed(seed: int, path: str) -> int:
    """A 63-bit seed from a run's seed and a block's path, so that adding a block changes no other block's noise."""
    digest = blake2b(f"{seed}/{path}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class RandomStream:
    """One block's random numbers: reseeding is cheap, and the generator is made where and when it is first used.

    `position` counts what a block takes one after the other, pictures of a folder for instance; reseeding sets it.
    """

    __slots__ = ("_generator", "_pending", "path", "position", "seed")

    def __init__(self, path: str = "", seed: int | None = None) -> None:
        self.path = path
        self.seed = seed
        self.position = 0
        self._pending = True
        self._generator: torch.Generator | None = None

    def reseed(self, seed: int, path: str, position: int = 0) -> None:
        """Start again from (seed, path) at the next use, and count from a position."""
        self.seed = seed
        self.path = path
        self.position = position
        self._pending = True

    def generator(self, device: torch.device) -> torch.Generator:
        """The generator on that device; a stream that was never seeded starts from the system's entropy."""
        if self._generator is None or self._generator.device != device:
            self._generator = torch.Generator(device)
            self._pending = True
        if self._pending:
            if self.seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(derive_seed(self.seed, self.path))
            self._pending = False
        return self._generator

    def __reduce__(self) -> tuple[type["RandomStream"], tuple[str, int | None]]:
        return RandomStream, (self.path, self.seed)
