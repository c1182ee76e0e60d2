"""The values that a port type promises, checked where data come in from outside."""

import math
from collections.abc import Iterable, Mapping
from functools import reduce

import torch
from torch import Tensor

from linksim.errors import RangeError
from linksim.port import BundleSpec, Port, type_name

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
ORIGINAL = "original"
"""A picture beside one of this name is a reconstruction, which may overshoot."""
HARMLESS = frozenset({"Boxes.corners", "Detections.corners", "Detections.confidence"})
"""What may be no number: a box that is nowhere touches no patch."""


def check_ranges(block: str, ports: Iterable[Port], values: Mapping[str, object]) -> None:
    """Refuse values that a port's type excludes: numbers that are none, and what is outside `LIMITS`.

    Raises `RangeError` naming block and port, what is right and what came.
    """
    ports = list(ports)
    several = any(port.name == ORIGINAL for port in ports)
    for port in ports:
        value = values.get(port.name)
        if value is None:
            continue
        name = type_name(port.spec)
        free = several and name == "Image" and port.name != ORIGINAL
        for path, _ in port.spec.leaves():
            if f"{name}.{path}" in HARMLESS:
                continue
            tensor = reduce(lambda part, field: getattr(part, field, None), filter(None, path.split(".")), value)
            if isinstance(tensor, Tensor):
                where = _named(block, f"{port.name}{f'.{path}' if path else ''}")
                limits = ANY if free else LIMITS.get(f"{name}.{path}" if path else name)
                _check(where, tensor, limits)
        if isinstance(port.spec, BundleSpec) and name == "Symbols":
            _check_length(_named(block, f"{port.name}.length"), value)


def _named(block: str, port: str) -> str:
    return f"{block}: '{port}'" if block else f"'{port}'"


def _check(where: str, tensor: Tensor, limits: tuple[float, float, str] | None) -> None:
    if not tensor.numel() or not _has_values(tensor) or (limits is None and not _may_be_no_number(tensor)):
        return
    tensor = tensor.detach()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    low, high = (float(end) for end in tensor.aminmax())
    if math.isnan(low):
        raise RangeError(f"{where.replace(chr(39), '')} must be a number everywhere (got NaN)")
    if tensor.ndim and where.rstrip("'").endswith("samples") and math.isinf(max(abs(low), abs(high))):
        raise RangeError(f"{where} must hold finite numbers (got {low:g} to {high:g})")
    slack = TOLERANCE if tensor.is_floating_point() else 0
    if limits is not None and not limits[0] - slack <= low <= high <= limits[1] + slack:
        raise RangeError(f"{where} must hold {limits[2]} (got {low:g} to {high:g})")


def _may_be_no_number(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _has_values(tensor: Tensor) -> bool:
    """Not where only shapes are worked out, nor inside a transformation of torch.func."""
    return not tensor.is_meta and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # pyright: ignore


def _check_length(where: str, value: object) -> None:
    length, samples = getattr(value, "length", None), getattr(value, "samples", None)
    if not isinstance(length, Tensor) or not isinstance(samples, Tensor) or not length.numel():
        return
    if _has_values(length) and samples.ndim == 2:
        low, high = (int(end) for end in length.aminmax())
        if not 0 <= low <= high <= samples.shape[1]:
            raise RangeError(f"{where} must be in 0..{samples.shape[1]}, the samples there are (got {low} to "
                             f"{high})")  # fmt: skip
