"""Ports: what a block's signature says about the data that it takes and gives."""

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, Literal

from jaxtyping import Bool, Complex, Float, Int, UInt8
from torch import Tensor

from linksim.errors import PortError, UnknownPortError, nearest
from linksim.types import PORT_TYPES, Bundle

FAMILIES = ("bool", "uint8", "int", "float", "complex")
DECLARED: dict[str, Any] = dict(zip(FAMILIES, (Bool, UInt8, Int, Float, Complex), strict=True))


@dataclass(frozen=True)
class TensorSpec:
    """A tensor port: its dtype family and its dimensions, each a name or a fixed size."""

    annotation: object
    dtypes: frozenset[str]
    dimensions: tuple[str | int, ...]

    @property
    def family(self) -> str:
        """The dtype family in a word, for messages."""
        return next((name for name in FAMILIES if any(d.startswith(name) for d in self.dtypes)), "any")

    def __str__(self) -> str:
        return f"{self.family} [{', '.join(map(str, self.dimensions))}]"

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, "TensorSpec"]]:
        """The tensors in this port as (attribute path, spec); here just itself."""
        yield prefix, self

    def __reduce__(self) -> tuple[Any, ...]:
        # Public types are known by identity: in another process they must be its own, not a copy.
        name = type_name(self)
        if name in PORT_TYPES:
            return _named_spec, (name,)
        return TensorSpec, (self.annotation, self.dtypes, self.dimensions)


@dataclass(frozen=True)
class BundleSpec:
    """A bundle port: its class and the specs of its fields that hold tensors."""

    annotation: type[Bundle]
    members: tuple[tuple[str, "TensorSpec | BundleSpec"], ...]

    def __str__(self) -> str:
        return f"bundle {self.annotation.__name__}"

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, TensorSpec]]:
        """The tensors in this bundle as (attribute path, spec), nested bundles included."""
        for name, spec in self.members:
            yield from spec.leaves(f"{prefix}.{name}" if prefix else name)


Spec = TensorSpec | BundleSpec


@dataclass(frozen=True)
class Port:
    """One port of a block: its name, what it carries, and whether it may stay unfed."""

    name: str
    spec: Spec
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {type_name(self.spec)}"

    @cached_property
    def signature(self) -> Callable[[object], object]:
        """A fast function from a value to the shapes and dtypes in it."""
        paths = [path for path, _ in self.spec.leaves()]
        wanted = [f"{path}.{what}".lstrip(".") for path in paths for what in ("shape", "dtype")]
        return attrgetter(*wanted)

    @cached_property
    def versions(self) -> Callable[[object], object]:
        """A fast function from a value to torch's counts of how often its tensors were written."""
        return attrgetter(*[f"{path}._version".lstrip(".") for path, _ in self.spec.leaves()])


def type_name(spec: Spec) -> str:
    """The public name of a port type, or its shape where it has none."""
    known = next((name for name, kind in PORT_TYPES.items() if kind is spec.annotation), None)
    return known or str(spec)


def _named_spec(name: str) -> Spec:
    return parse_spec(PORT_TYPES[name])


@cache
def parse_spec(annotation: object) -> Spec:
    """Read an annotation into a spec. Raises `PortError` where it is neither a tensor type nor a bundle."""
    if isinstance(annotation, type) and issubclass(annotation, Bundle):
        hints = typing.get_type_hints(annotation, include_extras=True)
        members = tuple(
            (field.name, parse_spec(hints[field.name]))
            for field in fields(annotation)  # pyright: ignore[reportArgumentType]
            if not _is_text(hints[field.name])
        )
        return BundleSpec(annotation, members)
    dim_str = getattr(annotation, "dim_str", None)
    if not isinstance(dim_str, str) or getattr(annotation, "array_type", None) is not Tensor:
        raise PortError(f"a port must be a tensor type like Image or a Bundle (got {annotation!r})")
    if any(token.startswith(("*", ".", "#")) for token in dim_str.split()):
        raise PortError(f"a port needs a fixed rank and plain dimension names (got '{dim_str}')")
    dimensions = tuple(int(token) if token.isdigit() else token for token in dim_str.split())
    return TensorSpec(annotation, frozenset(getattr(annotation, "dtypes", ())), dimensions)


@cache
def parse_declared(text: str) -> Spec:
    """A spec from text: a name of `PORT_TYPES`, or what a spec shows itself as, "complex [batch, streams, 64]".

    Raises `PortError` where it is neither.
    """
    if text in PORT_TYPES:
        return parse_spec(PORT_TYPES[text])
    family, _, dimensions = str(text).partition(" ")
    if family not in DECLARED or not (dimensions.startswith("[") and dimensions.endswith("]")):
        raise PortError(
            f"no port type '{text}': give a name of linksim's, or a family ({', '.join(DECLARED)}) and dimensions, "
            "as 'complex [batch, streams, 64]'"
        )
    names = dimensions[1:-1].replace(",", " ").split()
    if names[:1] != ["batch"] or not all(name.isidentifier() or (name.isascii() and name.isdigit()) for name in names):
        raise PortError(f"the dimensions in '{text}' must be names or sizes, 'batch' first")
    return parse_spec(DECLARED[family][Tensor, " ".join(names)])


def _is_text(annotation: object) -> bool:
    return annotation is str or typing.get_origin(annotation) is Literal


@cache
def read_ports(forward: Callable[..., object]) -> tuple[dict[str, Port], dict[str, Port], bool]:
    """Input ports, output ports, and whether it asks for the batch size, from the signature of a `forward`.

    A parameter `batch: int` is no port: it marks a source, to which the flowgraph gives the batch size.
    Raises `PortError` where an annotation is missing or of no port type.
    """
    where = forward.__qualname__
    hints = typing.get_type_hints(forward, include_extras=True)
    inputs: dict[str, Port] = {}
    wants_batch = False
    for name, parameter in list(inspect.signature(forward).parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or name not in hints:
            raise PortError(f"{where}: '{name}' needs an annotation; ports are declared one by one")
        if name == "batch" and hints[name] is int:
            wants_batch = True
            continue
        inputs[name] = Port(name, parse_spec(_without_none(hints[name])), parameter.default is not parameter.empty)
    if "return" not in hints:
        raise PortError(f"{where}: the return type is missing; it declares the output ports")
    return inputs, _read_outputs(hints["return"]), wants_batch


def _read_outputs(returned: object) -> dict[str, Port]:
    if isinstance(returned, type) and issubclass(returned, tuple) and hasattr(returned, "_fields"):
        hints = typing.get_type_hints(returned, include_extras=True)
        return {name: Port(name, parse_spec(hint)) for name, hint in hints.items()}
    return {"out": Port("out", parse_spec(returned))}


def _without_none(annotation: object) -> object:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else annotation
    return annotation


class HasPorts(typing.Protocol):
    """What blocks and flowgraphs share: typed ports by name."""

    @property
    def input_ports(self) -> Mapping[str, Port]: ...
    @property
    def output_ports(self) -> Mapping[str, Port]: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True)
class PortRef:
    """A port of one certain block; `side` is None until the place in a chain decides it."""

    block: HasPorts
    name: str
    side: Literal["input", "output"] | None = None

    def __repr__(self) -> str:
        return f"{self.block.label}.{self.name}"


class PortMap(Mapping[str, PortRef]):
    """`block.inputs` or `block.outputs`: explicit references to the ports of one side."""

    def __init__(self, block: HasPorts, side: Literal["input", "output"]) -> None:
        self._block = block
        self._side: Literal["input", "output"] = side

    def _ports(self) -> Mapping[str, Port]:
        return self._block.input_ports if self._side == "input" else self._block.output_ports

    def __getitem__(self, name: str) -> PortRef:
        find_port(self._block, name, self._side)
        return PortRef(self._block, name, self._side)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ports())

    def __len__(self) -> int:
        return len(self._ports())

    def __repr__(self) -> str:
        return f"{{{', '.join(map(str, self._ports().values()))}}}"


class Ported:
    """What blocks and flowgraphs inherit: explicit references to their ports."""

    @cached_property
    def inputs(self: HasPorts) -> PortMap:
        """The input ports, to name one explicitly in `connect`."""
        return PortMap(self, "input")

    @cached_property
    def outputs(self: HasPorts) -> PortMap:
        """The output ports, to name one explicitly in `connect` or in a probe."""
        return PortMap(self, "output")


def find_port(block: HasPorts, name: str, side: Literal["input", "output"]) -> Port:
    """The port of that name and side. Raises `UnknownPortError` with the nearest name."""
    ports = block.input_ports if side == "input" else block.output_ports
    if name not in ports:
        raise UnknownPortError(f"{block.label} has no {side} port '{name}'; {nearest(name, ports)}")
    return ports[name]
