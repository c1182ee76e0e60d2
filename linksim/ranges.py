"""The values that a port type promises, checked where data come in from outside."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from linksim.errors import RangeError
from linksim.port import Port, type_name
from linksim.types import SynchronisationEstimate

LIMITS: Mapping[str, tuple[float, float, str]] = {
    "Image": (0.0, 1.0, "RGB in [0, 1]; divide 8-bit values by 255, and clamp(0, 1) what overshoots"),
    "Bits": (0, 1, "bits 0 or 1"),
    "Importance": (0, 3, "labels 0 to 3"),
    "Boxes.importance": (0, 3, "labels 0 to 3"),
    "Detections.category": (-1, 79, "COCO's class numbers 0 to 79, or -1 for none"),
}
"""Least and largest value of a port type, or of a bundle's field, and what is right in words."""
TOLERANCE = 1e-3
"""What arithmetic on pictures may leave over: far under a step of 8 bits."""
ANY = (-torch.finfo(torch.float64).max, torch.finfo(torch.float64).max, "finite numbers")
LENGTH = "length"
LENGTHS = ("Symbols.length", "Waveform.length")
ORIGINAL = "original"
"""A picture beside one of this name is a reconstruction, which may overshoot."""
HARMLESS = frozenset(
    {"Boxes.corners", "Detections.corners", "Detections.confidence"}
    | {f"SynchronisationEstimate.{name}" for name in SynchronisationEstimate.measured()}
)
"""What may be no number: a box that is nowhere touches no patch, and a burst that was not found has no delay."""


@dataclass(eq=False)
class RangeCheck:
    """What one tensor of one port must hold; `limits` None asks for numbers alone. A tensor that has not changed since
    it was looked at is not looked at again."""

    port: str
    path: str
    limits: tuple[float, float, str] | None
    read: Callable[[Any], Any] | None
    """From the port's value to the tensor; None where they are the same."""
    _seen: tuple[ref[Tensor], int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_seen": None}

    def __call__(self, block: str, value: object) -> None:
        """Raises `RangeError` naming block and port, what is right and what came."""
        tensor = value if self.read is None else _read(self.read, value)
        if not isinstance(tensor, Tensor):
            return
        seen = self._seen
        if seen is not None and seen[0]() is tensor and not tensor.is_inference() and seen[1] == tensor._version:
            return
        if _has_values(tensor) and not self._is_plainly_right(tensor):
            self._judge(block, value, tensor)
        # Whether a length is right depends on its samples too.
        if self.path != LENGTH and not tensor.is_inference():
            self._seen = ref(tensor), tensor._version

    def _is_plainly_right(self, tensor: Tensor) -> bool:
        """The quick look, for what is called a million times: a sum is a number where all parts are."""
        if self.limits is None:
            whole = not (tensor.is_floating_point() or tensor.is_complex())
            return (whole and self.path != LENGTH) or (not whole and math.isfinite(abs(tensor.sum().item())))
        return tensor.dtype == torch.uint8 and tensor.max().item() <= self.limits[1]

    def _judge(self, block: str, value: object, tensor: Tensor) -> None:
        name = f"{self.port}.{self.path}" if self.path else self.port
        where = f"{block}: '{name}'" if block else f"'{name}'"
        if self.path == LENGTH:
            _check_length(where, value, tensor)
            return
        tensor = torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor.detach()
        low, high = (float(end) for end in tensor.aminmax())
        if math.isnan(low):
            raise RangeError(f"{where.replace(chr(39), '')} must be a number everywhere (got NaN)")
        limits = ANY if self.path == "samples" else self.limits
        slack = TOLERANCE if tensor.is_floating_point() else 0
        if limits is not None and not limits[0] - slack <= low <= high <= limits[1] + slack:
            raise RangeError(f"{where} must hold {limits[2]} (got {low:g} to {high:g})")


def range_checks(ports: Iterable[Port]) -> tuple[RangeCheck, ...]:
    """What to look at in the data of these ports, all of one block or flowgraph."""
    ports = list(ports)
    beside_original = any(port.name == ORIGINAL for port in ports)
    return tuple(check for port in ports for check in _checks_of(port, beside_original))


def _checks_of(port: Port, beside_original: bool) -> Iterator[RangeCheck]:
    name = type_name(port.spec)
    for path, leaf in port.spec.leaves():
        full = f"{name}.{path}" if path else name
        if full in HARMLESS:
            continue
        limits = LIMITS.get(full)
        if name == "Image" and beside_original and port.name != ORIGINAL:
            limits = ANY
        number = any(dtype.startswith(("float", "bfloat", "complex")) for dtype in leaf.dtypes)
        if limits is not None or number or full in LENGTHS:
            yield RangeCheck(port.name, path, limits, attrgetter(path) if path else None)


def _read(read: Callable[[Any], Any], value: object) -> object:
    try:
        return read(value)
    except AttributeError:
        # Of another kind altogether: the port's own check says so.
        return None


def _has_values(tensor: Tensor) -> bool:
    """Not where only shapes are worked out, nor inside a transformation of torch.func."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # pyright: ignore
    return tensor.numel() > 0 and not tensor.is_meta and not wrapped


def _check_length(where: str, value: object, length: Tensor) -> None:
    samples = getattr(value, "samples", None)
    if isinstance(samples, Tensor) and samples.ndim == 2:
        low, high = (int(end) for end in length.aminmax())
        if not 0 <= low <= high <= samples.shape[1]:
            raise RangeError(f"{where} must be in 0..{samples.shape[1]}, the samples there are (got {low} to {high})")
