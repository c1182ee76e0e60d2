"""A block's parameters against the annotations of its `__init__`."""

import inspect
import json
import typing
from collections.abc import Mapping
from typing import Any, Protocol

from linksim.errors import ParameterError, nearest


class BlockClass(Protocol):
    """A class of blocks, as far as it is needed here."""

    __name__: str

    def parameter_signature(self) -> dict[str, inspect.Parameter]: ...


def check_parameters(kind: BlockClass, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values checked against the annotations of a block's `__init__`.

    Raises `ParameterError` naming an unknown parameter, a missing one, or the type that was expected.
    """
    from pydantic import TypeAdapter, ValidationError

    signature = kind.parameter_signature()
    hints = typing.get_type_hints(kind.__init__) if signature else {}
    for name, parameter in signature.items():
        if parameter.default is parameter.empty and name not in parameters:
            raise ParameterError(f"{kind.__name__} needs the parameter '{name}'")
    checked: dict[str, Any] = {}
    for name, value in parameters.items():
        if name not in signature:
            raise ParameterError(f"{kind.__name__} has no parameter '{name}'; {nearest(name, signature)}")
        try:
            # As JSON and strictly: lists become tuples and whole numbers floats, but text never becomes a number.
            checked[name] = TypeAdapter(hints[name]).validate_json(json.dumps(value), strict=True)
        except (ValidationError, ValueError, TypeError):
            several = typing.get_args(hints[name])
            text = str(hints[name]).replace("typing.", "")
            expected = text if several else getattr(hints[name], "__name__", text)
            raise ParameterError(f"{kind.__name__}: '{name}' must be {expected} (got {value!r})") from None
    return checked
