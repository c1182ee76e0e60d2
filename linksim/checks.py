"""The two checks of a port: its declared type when ports are joined, its data when they flow."""

from collections.abc import Iterable, Mapping

from torch import Tensor

from linksim.errors import DimensionError, DTypeError, PortError, RankError
from linksim.port import BundleSpec, Port, Spec, TensorSpec, type_name


def check_joint(source: str, out: Spec, target: str, into: Spec) -> None:
    """Refuse to join two ports whose types can never agree.

    Raises `DTypeError`, `RankError` or `DimensionError`; the message names both ports and both types.
    """
    expects, gives = describe_spec(into), describe_spec(out)
    words = f"cannot connect {source} to {target}: {target} expects {expects}, {source} gives {gives}"
    if isinstance(out, BundleSpec) or isinstance(into, BundleSpec):
        if not (isinstance(out, BundleSpec) and isinstance(into, BundleSpec)):
            raise DTypeError(words)
        if not issubclass(out.annotation, into.annotation):
            raise DTypeError(words)
        return
    if not out.dtypes & into.dtypes:
        raise DTypeError(words)
    if len(out.dimensions) != len(into.dimensions):
        raise RankError(words)
    for given, expected in zip(out.dimensions, into.dimensions, strict=True):
        if isinstance(given, int) and isinstance(expected, int) and given != expected:
            raise DimensionError(words)


def describe_spec(spec: Spec) -> str:
    """A port's type for a message: its public name, and what that means."""
    name = type_name(spec)
    return name if name == str(spec) else f"{name} ({spec})"


class DimensionScope:
    """The sizes that a block's named dimensions have taken, and where each was seen first."""

    def __init__(self) -> None:
        self._sizes: dict[str, tuple[int, str]] = {}

    def check_ports(
        self, block: str, ports: Iterable[Port], values: Mapping[str, object], origins: Mapping[str, str]
    ) -> None:
        """Check the data at a block's ports against their types.

        A dimension's name means one size across the block; inside a bundle only `batch` does.
        Raises `DTypeError`, `RankError` or `DimensionError` naming `block.port`, what was expected and what came.
        """
        for port in ports:
            if port.name in values:
                where = f"{block}.{port.name}"
                self._check_value(where, port.spec, values[port.name], origins.get(port.name, ""))

    def _check_value(self, where: str, spec: Spec, value: object, origin: str) -> None:
        if isinstance(spec, TensorSpec):
            self._check_tensor(where, spec, value, origin, self._sizes)
            return
        if not isinstance(value, spec.annotation):
            raise PortError(f"{where}: expected {describe_spec(spec)}, got {type(value).__name__}{origin}")
        own: dict[str, tuple[int, str]] = {k: v for k, v in self._sizes.items() if k == "batch"}
        for path, leaf in spec.leaves():
            member: object = value
            for name in path.split("."):
                member = getattr(member, name)
            self._check_tensor(f"{where}.{path}", leaf, member, origin, own)
        if "batch" in own:
            self._sizes["batch"] = own["batch"]

    @staticmethod
    def _check_tensor(
        where: str, spec: TensorSpec, value: object, origin: str, sizes: dict[str, tuple[int, str]]
    ) -> None:
        if not isinstance(value, Tensor):
            raise PortError(f"{where}: expected a tensor, {describe_spec(spec)}, got {type(value).__name__}{origin}")
        dtype = str(value.dtype).removeprefix("torch.")
        if dtype not in spec.dtypes:
            raise DTypeError(f"{where}: expected {describe_spec(spec)}, got {dtype} {list(value.shape)}{origin}")
        if value.ndim != len(spec.dimensions):
            raise RankError(
                f"{where}: expected {len(spec.dimensions)} dimensions, {describe_spec(spec)}, "
                f"got {value.ndim}: {list(value.shape)}{origin}"
            )
        for name, size in zip(spec.dimensions, value.shape, strict=True):
            if isinstance(name, int):
                expected, reason = name, "by its type"
            else:
                expected, reason = sizes.setdefault(name, (size, f"as in {where}"))
            if size != expected:
                raise DimensionError(
                    f"{where}: expected {name} = {expected} ({reason}), got {size} in {list(value.shape)}{origin}"
                )
