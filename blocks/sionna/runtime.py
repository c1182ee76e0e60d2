"""Sionna inside linksim: imported without a trace, its random numbers drawn from a block's own generator."""

import copy
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch

from linksim.randomness import global_state

Made = TypeVar("Made")
Precision = Literal["single", "double"]


LIBRARY = "sionna-no-rt"
"""The distribution whose version is part of what identifies results."""


@cache
def sionna_config() -> Any:
    """Sionna's configuration object; importing it reseeds torch's global generators, which must not notice."""
    with global_state, torch.random.fork_rng():
        from sionna.phy import config

        # Made now, while the global state is saved: its first use seeds again.
        config.torch_rng("cpu")
    return config


def sionna_device(device: torch.device) -> str:
    """A device by the name that Sionna uses."""
    return "cpu" if device.type == "cpu" else f"{device.type}:{device.index or 0}"


@contextmanager
def drawing_from(generator: torch.Generator) -> Generator[None]:
    """Within, every Sionna object on the generator's device draws from it; Sionna's own generators stay untouched.

    What Sionna draws by Python or NumPy comes from generators that this one seeds.
    """
    config, name = sionna_config(), sionna_device(generator.device)
    devices = [generator.device] if generator.device.type == "cuda" else []
    with global_state, torch.random.fork_rng(devices=devices):
        known: dict[str, torch.Generator] = config._torch_rngs
        before, others = known.get(name), (config._py_rng, config._np_rng)
        known[name] = generator
        seed = int(torch.randint(1 << 62, (), generator=generator, device=generator.device))
        config._py_rng, config._np_rng = random.Random(seed), np.random.default_rng(seed)
        try:
            yield
        finally:
            config._py_rng, config._np_rng = others
            if before is None:
                del known[name]
            else:
                known[name] = before


class OnDemand(Generic[Made]):
    """Sionna's objects, made where and in the precision that they are first needed in: they do not follow `.to()`."""

    def __init__(self, make: Callable[[str, Precision], Made]) -> None:
        self._make = make
        self._made: dict[tuple[str, Precision], Made] = {}

    def like(self, tensor: torch.Tensor) -> Made:
        """Those on the tensor's device, "double" for float64 and complex128, else "single"."""
        wide = tensor.dtype in (torch.float64, torch.complex128)
        key: tuple[str, Precision] = (sionna_device(tensor.device), "double" if wide else "single")
        with global_state:
            self._make_once(key, tensor.device)
        return self._made[key]

    def _make_once(self, key: tuple[str, Precision], device: torch.device) -> None:
        if key not in self._made:
            # Making them may draw and seed: from a generator of no importance.
            with drawing_from(torch.Generator(device)):
                self._made[key] = self._make(*key)

    def __deepcopy__(self, memo: dict[int, Any]) -> "OnDemand[Made]":
        return OnDemand(copy.deepcopy(self._make, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return OnDemand, (self._make,)
