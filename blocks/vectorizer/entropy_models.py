"""CompressAI's entropy models with noise from a generator of our own: theirs draw from the global one."""

import warnings
from functools import cache
from typing import Any

import torch
from torch import Tensor


@cache
def entropy_models() -> tuple[Any, Any]:
    """(factorized prior, conditional Gaussian): CompressAI's classes, whose attribute `noise` is the generator."""
    # Here, not at the top: CompressAI takes seconds to import, and says things about torch that no user can act on.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from compressai.entropy_models import EntropyBottleneck, EntropyModel, GaussianConditional

    class Seeded(EntropyModel):
        noise: torch.Generator | None = None

        def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
            if mode != "noise":
                return super().quantize(inputs, mode, means)
            return inputs + (torch.rand(inputs.shape, generator=self.noise, device=inputs.device) - 0.5)

    class SeededBottleneck(Seeded, EntropyBottleneck):
        pass

    class SeededConditional(Seeded, GaussianConditional):
        pass

    for kind in (SeededBottleneck, SeededConditional):
        kind.__qualname__ = kind.__name__
    return SeededBottleneck, SeededConditional


def __getattr__(name: str) -> Any:
    # Pickles, and with them worker processes, look classes up in their module.
    found = {kind.__name__: kind for kind in entropy_models()} if name.startswith("Seeded") else {}
    if name not in found:
        raise AttributeError(name)
    return found[name]
