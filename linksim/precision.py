"""Arithmetic that must not be done in half precision."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from linksim.block import Block
from linksim.errors import DTypeError
from linksim.types import Bundle

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


def single_precision(
    forward: Callable[Concatenate[Kind, Ports], Out],
) -> Callable[Concatenate[Kind, Ports], Out]:
    """Run a `forward` on float32 whatever precision comes; under autocast inputs stay as they are.

    For learned blocks, whose networks mix parts in half precision with parts that must not be: their weights are
    float32. Raises `DTypeError` naming a port where the weights were made another precision.
    """

    @wraps(forward)
    def single(block: Kind, *positional: Ports.args, **tensors: Ports.kwargs) -> Out:
        made = next((p.dtype for p in block.parameters() if p.is_floating_point()), torch.float32)
        if made != torch.float32:
            port = next(iter(block.input_ports))
            raise DTypeError(
                f"{port}: {type(block).__name__} computes in float32, but its weights were made "
                f"{str(made).removeprefix('torch.')}; call .float() (half precision is for torch.autocast)"
            )
        if torch.is_autocast_enabled(block.device.type):
            return forward(block, *positional, **tensors)
        return forward(block, *map(_single, positional), **{k: _single(v) for k, v in tensors.items()})  # pyright: ignore

    return single


def _single(value: object) -> object:
    if isinstance(value, Bundle):
        return value.mapped(_single_tensor)
    return _single_tensor(value) if isinstance(value, Tensor) else value


def _single_tensor(value: Tensor) -> Tensor:
    if value.is_floating_point():
        return value.float()
    return value.to(torch.complex64) if value.is_complex() else value


def has_bfloat16(device: torch.device) -> bool:
    """Whether networks run faster in bfloat16 there: a CPU without such instructions emulates it ten times slower."""
    if device.type != "cpu":
        return True
    # torch before 2.10 does not tell; float32 is never wrong.
    tell: Any = getattr(torch.cpu, "get_capabilities", dict)
    known: dict[str, Any] = tell()
    return any(known.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _widened(value: object) -> object:
    if isinstance(value, Bundle):
        return value.mapped(_widened_tensor)
    return _widened_tensor(value) if isinstance(value, Tensor) else value


def _widened_tensor(value: Tensor) -> Tensor:
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
