"""Random numbers that repeat: every block has a generator of its own, derived from the run's seed and its path."""

from hashlib import blake2b

import torch


def derive_seed(seed: int, path: str) -> int:
    """A 63-bit seed from a run's seed and a block's path, so that adding a block changes no other block's noise."""
    digest = blake2b(f"{seed}/{path}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class RandomStream:
    """One block's random numbers: reseeding is cheap, and the generator is made where and when it is first used.

    `position` counts what a block takes one after the other, pictures of a folder for instance; reseeding sets it to 0.
    """

    __slots__ = ("_generator", "_pending", "path", "position", "seed")

    def __init__(self, path: str = "", seed: int | None = None) -> None:
        self.path = path
        self.seed = seed
        self.position = 0
        self._pending = True
        self._generator: torch.Generator | None = None

    def reseed(self, seed: int, path: str) -> None:
        """Start again from (seed, path) at the next use."""
        self.seed = seed
        self.path = path
        self.position = 0
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
