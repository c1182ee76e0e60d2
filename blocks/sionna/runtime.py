"""Sionna inside linksim: imported without a trace, its random numbers drawn from a block's own generator."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch


@cache
def sionna_config() -> Any:
    """Sionna's configuration object; importing it reseeds torch's global generators, which must not notice."""
    with torch.random.fork_rng():
        from sionna.phy import config

        # Made now, while the global state is saved: its first use seeds again.
        config.torch_rng("cpu")
    return config


def sionna_device(device: torch.device) -> str:
    """A device by the name that Sionna uses."""
    return "cpu" if device.type == "cpu" else f"{device.type}:{device.index or 0}"


@contextmanager
def drawing_from(generator: torch.Generator) -> Generator[None]:
    """Within, every Sionna object on the generator's device draws from it; Sionna's own generators stay untouched."""
    config, name = sionna_config(), sionna_device(generator.device)
    with torch.random.fork_rng(devices=[generator.device] if generator.device.type == "cuda" else []):
        known: dict[str, torch.Generator] = config._torch_rngs
        before = known.get(name)
        known[name] = generator
        try:
            yield
        finally:
            if before is None:
                del known[name]
            else:
                known[name] = before
