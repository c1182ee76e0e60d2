"""The pictures, or other inputs, that each point of a sweep goes through."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from linksim.errors import ParameterError
from linksim.types import Bundle

Case = Mapping[str, Any]
"""Inputs of the flowgraph by name, each of batch 1."""


@runtime_checkable
class Cases(Protocol):
    """A sequence of cases that knows what identifies it without all of them in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Case: ...

    def digest(self) -> str:
        """A digest of all inputs."""
        ...


class ListedCases:
    """Cases given one by one.

    Raises `ParameterError` where there are none, or one is not a mapping of inputs.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        if isinstance(cases, str | bytes) or not hasattr(cases, "__len__"):
            raise ParameterError(f"'cases' must be a list of inputs by name (got {cases!r})")
        if not cases:
            raise ParameterError("'cases' must hold at least one case (got none)")
        strange = next((case for case in cases if not isinstance(case, Mapping)), None)
        if strange is not None:
            raise ParameterError(f"each case must be a mapping of input names to values (got {type(strange).__name__})")
        self._cases = list(cases)

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, index: int) -> Case:
        return self._cases[index]

    def digest(self) -> str:
        """SHA-256 over names, types, shapes and values."""
        digest = hashlib.sha256()
        for case in self._cases:
            for name in sorted(case):
                digest.update(f"{name}:".encode())
                for part in _parts(case[name]):
                    digest.update(part)
        return digest.hexdigest()


def as_cases(cases: Sequence[Case] | Cases | None) -> Cases | None:
    """Cases in the form that a sweep uses."""
    if cases is None or (isinstance(cases, Cases) and not isinstance(cases, list | tuple)):
        return cases  # pyright: ignore[reportReturnType]
    return ListedCases(cases)  # pyright: ignore[reportArgumentType]


def case_names(cases: Cases | None) -> tuple[str, ...]:
    """The inputs that cases give: what they say of themselves, so that a broken first one is no other than a broken
    last one; else those of the first."""
    if cases is None:
        return ()
    return tuple(getattr(cases, "names", None) or cases[0])


def to_device(case: Case, device: torch.device) -> dict[str, Any]:
    """The case's tensors on a device."""
    return {name: value.to(device) if isinstance(value, Tensor | Bundle) else value for name, value in case.items()}


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        yield f"{value.dtype}{list(value.shape)}".encode()
        yield value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()
    elif isinstance(value, Bundle):
        for field in fields(value):  # pyright: ignore[reportArgumentType]
            yield from _parts(getattr(value, field.name))
    else:
        yield repr(value).encode()
