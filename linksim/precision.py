"""Arithmetic that must not be done in half precision."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from linksim.block import Block

Kind = TypeVar("Kind", bound=Block)
Ports = ParamSpec("Ports")
Out = TypeVar("Out")


def full_precision(
    forward: Callable[Concatenate[Kind, Ports], Out],
) -> Callable[Concatenate[Kind, Ports], Out]:
    """Run a `forward` outside autocast, half-precision inputs widened to float32: for sums that would overflow."""

    @wraps(forward)
    def wide(block: Kind, *positional: Ports.args, **tensors: Ports.kwargs) -> Out:
        device = next((t.device.type for t in tensors.values() if isinstance(t, Tensor)), block.device.type)
        with torch.autocast(device, enabled=False):
            return forward(block, *map(_widened, positional), **{k: _widened(v) for k, v in tensors.items()})  # pyright: ignore

    return wide


def _widened(value: object) -> object:
    if isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16):
        return value.float()
    return value
