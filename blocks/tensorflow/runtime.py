"""TensorFlow inside linksim: imported when it is needed, tensors handed over without a copy, gradients both ways."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from linksim.errors import LinksimError
from linksim.load_order import before_tensorflow

LIBRARY = "tensorflow"
"""The distribution whose version is part of what identifies results."""


@cache
def tensorflow() -> Any:
    """The module, told to take GPU memory only as it needs it. Raises `LinksimError` where it is not installed."""
    before_tensorflow()
    try:
        import tensorflow as tf
    except ImportError:
        raise LinksimError("TensorFlow is not installed; install it with: pip install 'linksim[tensorflow]'") from None
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:
            # TensorFlow has started its GPU already: then its user decided.
            break
    return tf


def to_tensorflow(tensor: Tensor) -> Any:
    """The same memory as a TensorFlow tensor where it has the device; a copy on its CPU where it has not."""
    tf = tensorflow()
    if tensor.device.type == "cuda" and not tf.config.list_physical_devices("GPU"):
        tensor = tensor.cpu()
    # TensorFlow reads a conjugate or a stride as what lies in memory.
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if tensor.device.type == "cuda":
        # TensorFlow computes on streams of its own, and does not wait for torch's.
        torch.cuda.current_stream(tensor.device).synchronize()
    return tf.experimental.dlpack.from_dlpack(tensor.__dlpack__())


def to_torch(tensor: Any, device: torch.device) -> Tensor:
    """The same memory as a torch tensor, or a copy where it must come to another device."""
    tf = tensorflow()
    return from_dlpack(tf.experimental.dlpack.to_dlpack(tf.convert_to_tensor(tensor))).to(device)


class Crossing(torch.autograd.Function):
    """A TensorFlow function in torch's graph: torch tensors in and out, TensorFlow's tape for the way back.

    Both libraries hold a complex gradient as dL/d(re) + j dL/d(im), so it crosses as it is.
    `function` takes and gives lists of TensorFlow tensors; of what it gives the first `outputs` are differentiable.
    """

    @staticmethod
    def forward(ctx: Any, function: Callable[[list[Any]], list[Any]], outputs: int, *tensors: Tensor) -> Any:
        tf = tensorflow()
        given = [to_tensorflow(tensor) for tensor in tensors]
        device = tensors[0].device
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            watched = [value for value, needed in zip(given, ctx.needs_input_grad[2:], strict=True) if needed]
            tape.watch(watched)
            found = function(given)
        ctx.tape, ctx.watched, ctx.found, ctx.device = tape, watched, found[:outputs], device
        crossed = tuple(to_torch(value, device) for value in found)
        ctx.mark_non_differentiable(*crossed[outputs:])
        # The tape reads the same memory: torch must notice when it is changed before the way back.
        ctx.save_for_backward(*tensors, *crossed)
        return crossed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        _ = ctx.saved_tensors
        if torch.is_grad_enabled():
            raise LinksimError("a KerasBlock has no second derivative; leave out create_graph=True")
        seeds = [to_tensorflow(gradient) for gradient in gradients[: len(ctx.found)]]
        found = ctx.tape.gradient(ctx.found, ctx.watched, seeds, unconnected_gradients="zero")
        waiting = iter(found)
        return (
            None,
            None,
            *[to_torch(next(waiting), ctx.device) if needed else None for needed in ctx.needs_input_grad[2:]],
        )


def seeds_from(generator: torch.Generator, like: Sequence[Tensor]) -> list[Tensor]:
    """Numbers of a generator in the shape of the states of Keras's own generators."""
    return [
        torch.randint(1 << 30, state.shape, generator=generator, device=generator.device).to(state) for state in like
    ]
