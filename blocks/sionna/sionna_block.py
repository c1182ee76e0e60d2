"""Any block of Sionna's PHY as a block of linksim."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from linksim.blocks.sionna.runtime import OnDemand, Precision, drawing_from, sionna_config
from linksim.declared import DeclaredBlock
from linksim.errors import LinksimError, ParameterError

REFUSED = ("utils", "config")
PLAIN = ("StreamManagement",)
"""What Sionna's blocks take that is no object of its own kind."""
NOT_GIVEN = ("self", "args", "kwargs", "device", "precision")
NESTED = "sionna"
"""The key by which a parameter says that it is an object of Sionna's itself."""


class SionnaBlock(DeclaredBlock):
    """A block of `sionna.phy` with ports declared here.

    Args:
        block: its path under sionna.phy, as "fec.scrambling.Scrambler".
        settings: its parameters, plain values; {"sionna": "ofdm.ResourceGrid", ...} stands for an object made likewise.
        arguments: keyword arguments of every call, besides its tensors.
        inputs: the ports in the order of the call's arguments, from name to type, see `DeclaredBlock`. Without any the
            call gets the batch size instead, as Sionna's channel models do.
        outputs: the ports in the order of what the call gives; one alone is best called "out".

    Shapes: as declared, and checked at every call, where Sionna would broadcast. It is made on the device and in the
    precision of the tensors that come, single where there are none; bits, uint8, cross as floats. Random numbers come
    from this block's generator. Gradients pass where Sionna passes them.
    Source: https://nvlabs.github.io/sionna/phy/api/

    Raises:
        ParameterError: no such block, parameters that it does not take, or normalize_channel, which takes the fading
            away.
        PortError, DimensionError: the ports cannot be read, or a tensor does not fit them.

    >>> import torch
    >>> scrambler = SionnaBlock(block="fec.scrambling.Scrambler", inputs={"bits": "Bits"}, outputs={"out": "Bits"})
    >>> bits = torch.zeros(2, 8, dtype=torch.uint8)
    >>> scrambler.seed(1)(bits=bits).dtype, bool(scrambler(bits=bits).any())
    (torch.uint8, True)
    """

    def __init__(
        self,
        *,
        block: str = "fec.scrambling.Scrambler",
        settings: Mapping[str, Any] = {},
        arguments: Mapping[str, Any] = {},
        inputs: Mapping[str, str] = {"bits": "Bits"},
        outputs: Mapping[str, str] = {"out": "Bits"},
    ) -> None:
        super().__init__(inputs=inputs, outputs=outputs)
        _refuse_normalization({**settings, **arguments})
        kind = _find(block)
        _check_names(block, kind, settings)
        self._described = {NESTED: block, **settings}
        self._arguments = dict(arguments)
        self._made = OnDemand(self._make)

    def _make(self, device: str, precision: Precision) -> Any:
        return _build(self._described, device, precision)

    def call(self, tensors: list[Tensor], batch: int | None) -> list[Tensor]:
        where = tensors[0].device if tensors else self.device
        if where != self.device:
            raise LinksimError(f"{self.label} stands on {self.device}, but its data on {where}; move it with .to()")
        like = next((t for t in tensors if t.is_floating_point() or t.is_complex()), torch.empty(0, device=where))
        made = self._made.like(like)
        given = [t.to(like.real.dtype) if t.dtype == torch.uint8 else t for t in tensors] or [batch]
        with drawing_from(self.rng):
            found = made(*given, **self._arguments)
        return list(found) if isinstance(found, tuple | list) else [found]


def _base() -> Any:
    from sionna.phy.object import Object

    return Object


def _find(path: str) -> Any:
    """The class at a path under sionna.phy."""
    sionna_config()
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(f"sionna.phy.{module}".rstrip(".")), name)
    except (ImportError, AttributeError):
        found = None
    # A description may come from a file of somebody else's: plots, which write files, and settings are no blocks.
    known = isinstance(found, type) and found.__module__.startswith("sionna.phy.") and not module.startswith(REFUSED)
    if not (known and isinstance(found, type) and (issubclass(found, _base()) or name in PLAIN)):
        raise ParameterError(f"no block '{path}' in sionna.phy; give its path, as 'fec.scrambling.Scrambler'")
    return found


def _check_names(path: str, kind: Any, settings: Mapping[str, Any]) -> None:
    known = inspect.signature(kind.__init__).parameters
    names = [name for name in known if name not in NOT_GIVEN]
    strange = [name for name in settings if name not in names]
    if strange:
        raise ParameterError(f"'{path}' of Sionna has no parameter '{strange[0]}'; it has {', '.join(names)}")
    for value in settings.values():
        if isinstance(value, Mapping) and NESTED in value:
            inside = {name: each for name, each in value.items() if name != NESTED}
            _check_names(value[NESTED], _find(value[NESTED]), inside)


def _refuse_normalization(settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if name == "normalize_channel" and value:
            raise ParameterError(
                "'normalize_channel' must be off: it scales each realisation, and so removes the fading"
            )
        if isinstance(value, Mapping):
            _refuse_normalization(value)


def _build(described: Mapping[str, Any], device: str, precision: Precision) -> Any:
    path = described[NESTED]
    settings = {
        name: _build(value, device, precision) if isinstance(value, Mapping) and NESTED in value else value
        for name, value in described.items()
        if name != NESTED
    }
    kind = _find(path)
    _check_names(path, kind, settings)
    known = inspect.signature(kind.__init__).parameters
    where = {"device": device, "precision": precision}
    try:
        return kind(**settings, **{name: value for name, value in where.items() if name in known or "kwargs" in known})
    except (TypeError, ValueError, AssertionError) as error:
        raise LinksimError(f"Sionna's '{path}' cannot be made of {settings}: {error}") from error
