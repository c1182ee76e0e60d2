"""Blocks whose ports are declared where they are made: what wraps the blocks of other libraries."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from linksim.block import Block
from linksim.checks import DimensionScope
from linksim.errors import DimensionError, DTypeError, PortError, RankError
from linksim.port import Port, TensorSpec, parse_declared
from linksim.types import Received, Symbols


class DeclaredBlock(Block):
    """Base of wrappers: parameters `inputs` and `outputs` declare the ports, from name to type.

    A type is a name of linksim's, as "Bits", or a dtype family with named or fixed dimensions, as
    "complex [batch, streams, 64]". A tensor belongs to each port; on a `Symbols` port it is the samples, of frames of
    one length, and on a `Received` port, an input only, the samples as they came. Every call is checked.

    A subclass writes `call`. Raises `PortError` where a type cannot be read.
    """

    def __init__(self, *, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
        super().__init__()
        self._declared = {"inputs": _read(inputs), "outputs": _read(outputs)}
        for name, port in self.output_ports.items():
            if not isinstance(port.spec, TensorSpec) and port.spec.annotation is not Symbols:
                raise PortError(f"output '{name}' must carry a tensor or Symbols (got {port.spec})")
        for name, port in self.input_ports.items():
            if not isinstance(port.spec, TensorSpec) and port.spec.annotation not in (Symbols, Received):
                raise PortError(f"input '{name}' must carry a tensor, Symbols or Received (got {port.spec})")
        if not self.output_ports:
            raise PortError(f"{type(self).__name__}: declare at least one output, as {{'out': 'Bits'}}")

    @property
    def input_ports(self) -> Mapping[str, Port]:
        """The input ports by name."""
        return self._declared["inputs"]

    @property
    def output_ports(self) -> Mapping[str, Port]:
        """The output ports by name."""
        return self._declared["outputs"]

    @property
    def is_source(self) -> bool:
        """Whether the block asks for the batch size: where it has no input."""
        return not self.input_ports

    def call(self, tensors: list[Tensor], batch: int | None) -> list[Tensor]:
        """One tensor per output, of one per input in their order; of the batch size where there is no input."""
        raise NotImplementedError

    def forward(self, *, batch: int | None = None, **values: Any) -> Any:
        missing = [name for name in self.input_ports if name not in values]
        strange = [name for name in values if name not in self.input_ports]
        if missing or strange:
            raise PortError(f"{self.label} takes {list(self.input_ports)} (got {list(values)})")
        scope = DimensionScope()
        scope.check_ports(self.label, self.input_ports.values(), values, {})
        found = self.call([_tensor_of(values[name]) for name in self.input_ports], batch)
        if len(found) != len(self.output_ports):
            raise PortError(f"{self.label} declares {len(self.output_ports)} outputs, but gave {len(found)}")
        results = {
            name: _as_symbols(tensor) if port.spec.annotation is Symbols else _in_family(tensor, port)
            for (name, port), tensor in zip(self.output_ports.items(), found, strict=True)
        }
        scope.check_ports(self.label, self.output_ports.values(), results, {})
        return results["out"] if list(results) == ["out"] else tuple(results.values())


def _read(declared: Mapping[str, str]) -> Mapping[str, Port]:
    for name in declared:
        if not name.isidentifier() or name == "batch":
            raise PortError(f"'{name}' cannot name a port: it must be an identifier, and not 'batch'")
    return {name: Port(name, parse_declared(text)) for name, text in declared.items()}


def _tensor_of(value: Tensor | Symbols | Received) -> Tensor:
    if isinstance(value, Tensor):
        return value
    symbols = value if isinstance(value, Symbols) else value.symbols
    if bool((symbols.length != symbols.samples.shape[1]).any()):
        raise DimensionError(
            f"frames of one batch must all be {symbols.samples.shape[1]} uses long here (got {symbols.length.tolist()})"
        )
    return symbols.samples


def _as_symbols(samples: Tensor) -> Symbols:
    if samples.dim() != 2:
        raise RankError(f"Symbols are made of samples [batch, uses] (got {list(samples.shape)})")
    return Symbols(samples, torch.full((len(samples),), samples.shape[1], device=samples.device))


def _in_family(tensor: Tensor, port: Port) -> Tensor:
    # Other libraries carry bits as floats.
    if not isinstance(port.spec, TensorSpec) or port.spec.family != "uint8" or tensor.dtype == torch.uint8:
        return tensor
    whole = tensor.byte()
    if not torch.equal(whole.to(tensor.dtype), tensor):
        raise DTypeError(f"'{port.name}' is declared as {port}, but its values are no whole numbers from 0 to 255")
    return whole
