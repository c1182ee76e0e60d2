"""An average of the weights over the last steps: better than the last ones, and what is shipped."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class WeightAverage:
    """Exponential moving average over about `memory` steps; at the start over the last ninth of those there are.

    Source: Polyak and Juditsky, SIAM J. Control Optim. 1992; as an exponential average, Tarvainen and Valpola 2017.
    """

    def __init__(self, tensors: Mapping[str, Tensor], memory: int = 500) -> None:
        self.memory = memory
        self._live = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._live.items()}
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        self.updates += 1
        weight = max(1.0 / self.memory, 9.0 / (9 + self.updates))
        for name, tensor in self.tensors.items():
            tensor.lerp_(self._live[name].detach(), weight)

    @contextmanager
    def in_force(self) -> Generator[None]:
        """The modules hold the average inside, their own weights again after."""
        own = {name: tensor.detach().clone() for name, tensor in self._live.items()}
        self._put(self.tensors)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            self._live[name].copy_(tensor)
