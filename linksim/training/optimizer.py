"""Optimizers by name."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from linksim.errors import require

BETAS = (0.9, 0.99)
MIN_MATRIX = 16
"""A weight with fewer rows or columns is no matrix to Muon."""
Groups = list[dict[str, Any]]

SIMPLE: Mapping[str, Callable[[Groups, float], torch.optim.Optimizer]] = {
    "adam": lambda groups, rate: torch.optim.Adam(groups, lr=rate, betas=BETAS),
    "adamw": lambda groups, rate: torch.optim.AdamW(groups, lr=rate, betas=BETAS),
    "nadam": lambda groups, rate: torch.optim.NAdam(groups, lr=rate, betas=BETAS),
    "sgd": lambda groups, rate: torch.optim.SGD(groups, lr=rate, momentum=BETAS[0], nesterov=True),
}
MUON = "muon"
OPTIMIZERS = (*SIMPLE, MUON)


class NamedOptimizer:
    """An optimizer of torch's by name, whose state is kept by the names of the parameters.

    "muon" orthogonalises the updates of matrices and of the kernels of convolutions, taken for matrices with a row for
    each output; all other parameters are left to Adam, at the same scale of the learning rate.
    Source: Muon, Jordan et al. 2024, as in torch, with the scale of Liu et al. 2025.

    Args:
        name: one of `OPTIMIZERS`.
        parameters: those to train, by name.
        factor: the factor on the learning rate of a parameter, by its name.
        learning_rate: before the factors.

    Raises `ParameterError` where the name is unknown.
    """

    def __init__(
        self,
        name: str,
        parameters: Iterable[tuple[str, nn.Parameter]],
        factor: Callable[[str], float],
        learning_rate: float,
    ) -> None:
        require(name in OPTIMIZERS, "optimizer", f"one of {', '.join(OPTIMIZERS)}", name)
        self._parameters = dict(parameters)
        self._factor = factor
        self._matrices: dict[str, nn.Parameter] = {}
        self._optimizers: list[torch.optim.Optimizer] = []
        if name == MUON:
            views = {key: _matrix(parameter) for key, parameter in self._parameters.items()}
            self._matrices = {key: nn.Parameter(view.detach()) for key, view in views.items() if view is not None}
            matrices = self._groups(self._matrices)
            if matrices:
                self._optimizers.append(torch.optim.Muon(
                    matrices, lr=learning_rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"))  # fmt: skip
        others = self._groups({key: p for key, p in self._parameters.items() if key not in self._matrices})
        if others:
            self._optimizers.append(SIMPLE["adam" if name == MUON else name](others, learning_rate))

    def _groups(self, parameters: Mapping[str, nn.Parameter]) -> Groups:
        groups: dict[float, list[nn.Parameter]] = {}
        for key, parameter in parameters.items():
            groups.setdefault(self._factor(key), []).append(parameter)
        return [{"params": chosen, "factor": factor} for factor, chosen in groups.items()]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self._parameters.values():
            parameter.grad = None

    def step(self, learning_rate: float) -> None:
        """One step at this learning rate, times the factor of each parameter."""
        for key, matrix in self._matrices.items():
            gradient = self._parameters[key].grad
            matrix.grad = None if gradient is None else _like_matrix(gradient, self._parameters[key])
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * group["factor"]
            optimizer.step()

    def tensors(self) -> dict[str, Tensor]:
        """The state for a checkpoint, as "name:key"."""
        return {
            f"{name}:{key}": torch.as_tensor(value)
            for name, parameter in self._parameters.items()
            for key, value in self._state(self._matrices.get(name, parameter)).items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from the state of `tensors`."""
        for name, parameter in self._parameters.items():
            own = self._matrices.get(name, parameter)
            found = {key.removeprefix(f"{name}:"): t for key, t in tensors.items() if key.startswith(f"{name}:")}
            holder = next(each for each in self._optimizers if any(
                own is p for group in each.param_groups for p in group["params"]))  # fmt: skip
            holder.state[own] = {
                key: torch.empty_like(own).copy_(value) if value.ndim else value for key, value in found.items()
            }

    def _state(self, parameter: nn.Parameter) -> Mapping[str, Any]:
        return next((each.state[parameter] for each in self._optimizers if parameter in each.state), {})


def _matrix(parameter: Tensor) -> Tensor | None:
    """A weight as a matrix in the same memory; None where it is none."""
    if parameter.ndim == 4 and not parameter.is_contiguous():
        parameter = parameter.permute(0, 2, 3, 1)
    if parameter.ndim not in (2, 4) or not parameter.is_contiguous():
        return None
    matrix = parameter.view(len(parameter), -1)
    return matrix if min(matrix.shape) >= MIN_MATRIX else None


def _like_matrix(gradient: Tensor, parameter: Tensor) -> Tensor:
    if parameter.ndim == 4 and not parameter.is_contiguous():
        gradient = gradient.permute(0, 2, 3, 1)
    return gradient.reshape(len(parameter), -1)
