"""The block: an `nn.Module` whose ports are the typed signature of its `forward`."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor, nn

from linksim.errors import LinksimError, ParameterError, PortError, UnknownPortError, nearest
from linksim.port import Port, Ported, PortRef, TensorSpec, read_ports
from linksim.randomness import RandomStream, whole_seed
from linksim.ranges import RangeCheck, range_checks

_NOT_BEGUN = "before Module.__init__() call"
"""What torch says where a block's `__init__` does not call that of its base."""
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class BlockType(type):
    """The class of all block classes: an accident in `__init__` becomes an error that names the parameter."""

    def __call__(cls, *positional: Any, **settings: Any) -> Any:
        try:
            made = super().__call__(*positional, **settings)
            if "_parameters" not in vars(made):
                raise AttributeError(_NOT_BEGUN)
            return made
        except LinksimError:
            raise
        except (TypeError, AttributeError, ValueError) as error:
            from linksim.parameters import check_parameters

            # Only now: what fits the annotations has failed for a reason of its own.
            check_parameters(cls, settings)  # pyright: ignore[reportArgumentType]
            if _NOT_BEGUN in str(error):
                raise ParameterError(f"{cls.__name__}: its __init__ must begin with super().__init__()") from None
            raise error


# A type checker need not know: it would take an instance's attributes for the class's.
_Kind = type if TYPE_CHECKING else BlockType


class Block(nn.Module, Ported, metaclass=_Kind):
    """Base of all blocks.

    A subclass writes one method, `forward`. Its annotated parameters are the input ports (a default makes a port
    optional), its return annotation is the port `out`, or one port per field of a NamedTuple. Parameters of the block
    are plain values, keyword-only in `__init__`. Random numbers come from `self.rng`. A block by itself serves one
    thread at a time; a flowgraph sees to that for its own.
    """

    labels: ClassVar[Mapping[str, str]] = {}
    """What every result made with this block must say, as `{"header": "ideal"}`."""

    shapes_only: ClassVar[frozenset[str]] = frozenset()
    """The input ports of which only the shape counts: their values may be anything."""

    _given: dict[str, object]
    _stream: RandomStream
    _label: str
    _device: torch.device
    _checks: tuple[RangeCheck, ...] | None

    def __new__(cls, *positional: object, **settings: object) -> Self:
        if positional:
            raise ParameterError(f"{cls.__name__}: give parameters by name (got {', '.join(map(repr, positional))})")
        # Settings are recorded here, so that a subclass's __init__ needs no code for it.
        block = super().__new__(cls)
        block._given = settings
        block._stream = RandomStream()
        block._label = ""
        block._device = torch.empty(0).device
        block._checks = None
        return block

    @classmethod
    def parameter_signature(cls) -> dict[str, inspect.Parameter]:
        """The block's parameters as `__init__` declares them."""
        if cls.__init__ is Block.__init__ or cls.__init__ is nn.Module.__init__:
            return {}
        return dict(list(inspect.signature(cls.__init__).parameters.items())[1:])

    @property
    def settings(self) -> dict[str, Any]:
        """All parameters with the values in force, defaults filled in."""
        return {name: self._given.get(name, p.default) for name, p in self.parameter_signature().items()}

    @property
    def input_ports(self) -> Mapping[str, Port]:
        """The input ports by name."""
        return read_ports(type(self).forward)[0]

    @property
    def output_ports(self) -> Mapping[str, Port]:
        """The output ports by name."""
        return read_ports(type(self).forward)[1]

    @property
    def is_source(self) -> bool:
        """Whether the block asks for the batch size."""
        return read_ports(type(self).forward)[2]

    @property
    def label(self) -> str:
        """The name in its flowgraph, or the class where it has none."""
        return self._label or type(self).__name__

    @property
    def default_name(self) -> str:
        """What a flowgraph names the block by, where it is given no name."""
        return _WORD_BOUNDARY.sub("_", type(self).__name__).lower()

    def __getitem__(self, name: str) -> PortRef:
        if name not in self.input_ports and name not in self.output_ports:
            known = [*self.input_ports, *self.output_ports]
            raise UnknownPortError(f"{self.label} has no port '{name}'; {nearest(name, known)}")
        return PortRef(self, name)

    @property
    def device(self) -> torch.device:
        """Where the block computes; a source makes its data there."""
        return self._device

    @property
    def rng(self) -> torch.Generator:
        """The block's own generator, on its device."""
        return self._stream.generator(self._device)

    def __call__(self, *positional: Any, **values: Any) -> Any:
        # A flowgraph checks its own inputs, and passes by here.
        if not torch.compiler.is_compiling():
            for check in self._range_checks():
                if check.port in values:
                    check(self.label, values[check.port])
        try:
            return super().__call__(*positional, **values)
        except (AttributeError, TypeError) as error:
            self._check_kinds(values, error)
            raise

    def _range_checks(self) -> tuple[RangeCheck, ...]:
        if self._checks is None:
            ports = [port for name, port in self.input_ports.items() if name not in self.shapes_only]
            self._checks = range_checks(ports)
        return self._checks

    def _check_kinds(self, values: Mapping[str, object], error: Exception) -> None:
        """What is wrong with an accident's inputs, if they are no tensors or bundles. Raises `PortError`."""
        for name, port in self.input_ports.items():
            kind = Tensor if isinstance(port.spec, TensorSpec) else port.spec.annotation
            value = values.get(name)
            if value is not None and not isinstance(value, kind):
                raise PortError(f"{self.label}: '{name}' must be {port} (got {type(value).__name__})") from error

    def seed(self, seed: int) -> Self:
        """Seed this block and the blocks inside it; returns the block. Raises `ParameterError` as `whole_seed`."""
        seed = whole_seed(seed)
        for path, stream in random_streams(self):
            stream.reseed(seed, path)
        return self

    def advance(self) -> int:
        """0, 1, 2, ...: the place in what the block takes one after the other; seeding starts it again."""
        self._stream.position += 1
        return self._stream.position - 1

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # .to(), .cuda() and the like all pass here: the only place that tells a block without weights its device.
        self._device = fn(torch.empty(0, device=self.device)).device
        return super()._apply(fn, recurse)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.settings.items())


def random_streams(module: nn.Module) -> list[tuple[str, RandomStream]]:
    """The random streams of a module and of all blocks inside it, with their paths."""
    return [(path, part._stream) for path, part in module.named_modules() if isinstance(part, Block)]
