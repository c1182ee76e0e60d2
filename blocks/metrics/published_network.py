"""Metrics whose network torchvision has, from its cache of checkpoints or from where it is published."""

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from linksim.errors import LinksimError
from linksim.randomness import global_state

Network = TypeVar("Network", bound=nn.Module)


def published_network(metric: str, network: str, make: Callable[[], Network], device: str) -> Network:
    """What `make` gives, for use alone. Raises `LinksimError` where torchvision's weights cannot be had."""
    try:
        # torchvision says on standard error what it fetches, and the metrics' packages use its old interface.
        with (
            global_state,
            torch.random.fork_rng(),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(action="ignore"),
        ):
            found = make()
    except Exception as error:
        raise LinksimError(
            f"{metric} is not available: torchvision's weights for '{network}' are not there and cannot be fetched "
            f"({type(error).__name__}); put its .pth file into {torch.hub.get_dir()}/checkpoints"
        ) from error
    return found.eval().requires_grad_(False).to(device)
