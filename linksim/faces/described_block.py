"""Block classes as plain values: what an editor of flowgraphs has to know of them."""

import inspect
import json
import re
import typing
from typing import Any

from pydantic import TypeAdapter

from linksim.block import Block
from linksim.catalogue import stage_of
from linksim.declared import DeclaredBlock
from linksim.port import Port, read_ports, type_name


def describe_block(kind: type[Block]) -> dict[str, Any]:
    """A block's docstring, ports and parameters as JSON takes them.

    "inputs" and "outputs" are by name: "type", the public name; "optional"; "tensors", for each its "path" in a bundle,
    "" for a bare tensor, its "dtypes" and "dimensions", names or sizes. "declared": whether the ports follow from the
    parameters; then none are listed. "parameters" are by name: "type" as Python writes it, "required", "default", null
    for none, and "schema", the JSON schema of its type; ranges are checked when the block is made.
    """
    declared = issubclass(kind, DeclaredBlock)
    inputs, outputs, is_source = ({}, {}, False) if declared else read_ports(kind.forward)
    doc = inspect.getdoc(kind) or ""
    hints = typing.get_type_hints(kind.__init__)
    return {
        "name": kind.__name__,
        "stage": stage_of(kind),
        "summary": " ".join(doc.split("\n\n")[0].split()),
        "doc": doc,
        "source": is_source,
        "declared": declared,
        "inputs": {name: _describe_port(port) for name, port in inputs.items()},
        "outputs": {name: _describe_port(port) for name, port in outputs.items()},
        "parameters": {
            name: _describe_parameter(parameter, hints[name]) for name, parameter in kind.parameter_signature().items()
        },
    }


def default_text(parameter: inspect.Parameter) -> str:
    """A parameter's default for a reader."""
    return "required" if parameter.default is parameter.empty else repr(parameter.default)


def _describe_port(port: Port) -> dict[str, Any]:
    tensors = [
        {"path": path, "dtypes": sorted(leaf.dtypes), "dimensions": list(leaf.dimensions)}
        for path, leaf in port.spec.leaves()
    ]
    return {"type": type_name(port.spec), "optional": port.optional, "tensors": tensors}


def _describe_parameter(parameter: inspect.Parameter, hint: Any) -> dict[str, Any]:
    required = parameter.default is parameter.empty
    # As a file holds it: tuples are lists.
    default = None if required else json.loads(json.dumps(parameter.default))
    return {
        "type": type_text(hint),
        "required": required,
        "default": default,
        "schema": TypeAdapter(hint).json_schema(),
    }


def type_text(hint: Any) -> str:
    """A type as Python writes it: no modules, `|` for choices, the values of a `Literal` themselves."""
    choices = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(map(repr, choices))
    if type(None) in choices or typing.get_origin(hint) is typing.Union:
        return " | ".join("None" if each is type(None) else type_text(each) for each in choices)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", hint.__name__ if isinstance(hint, type) and not choices else str(hint))
