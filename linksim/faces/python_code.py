"""Flowgraphs as Python source."""

import keyword
import re
import unicodedata
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from linksim.block import Block
from linksim.errors import FlowgraphFileError
from linksim.faces.yaml_file import describe
from linksim.graph import Graph
from linksim.port import DECLARED, BundleSpec, Spec, type_name
from linksim.tied import Tied
from linksim.types import PORT_TYPES
from linksim.version import __version__

WIDTH = 120
INDENT = "    "
_TOKENS = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|.""", re.DOTALL)
"""A text in quotes, or a sign."""


def python_code(graph: Graph) -> str:
    """A module with a function `build()` that makes the same flowgraph: blocks, parameters, connections.

    Raises `FlowgraphFileError` where a file cannot hold a parameter or an input's type, and where Python cannot name a
    block or import its class.
    """
    graph.validate()
    # What a file cannot hold cannot be written as source either, and the message is the same.
    describe(graph)
    # A variable must not hide a class.
    classes = {type(part).__name__ for part in graph.modules()} | {"Flowgraph", "Tied", "Tensor"} | set(PORT_TYPES)
    writer = _Writer(classes)
    writer.add_graph(graph, "fg")
    lines = [f'"""A flowgraph, written by linksim {__version__}."""', ""]
    for module, names in sorted(writer.imports.items()):
        whole = f"from {module} import {', '.join(sorted(names))}"
        listed = [f"from {module} import (", *(f"{INDENT}{name}," for name in sorted(names)), ")"]
        lines += [whole] if len(whole) <= WIDTH else listed
    lines += ["", "", "def build() -> Flowgraph:", f'{INDENT}"""Make the flowgraph."""']
    for line in writer.lines:
        lines += _wrapped(line, INDENT)
    return "\n".join([*lines, f"{INDENT}return fg", ""])


class _Writer:
    """Statements that make a flowgraph, and what they import."""

    def __init__(self, taken: set[str]) -> None:
        self.imports: dict[str, set[str]] = {"linksim": {"Flowgraph"}}
        self.lines: list[str] = []
        self._made: dict[Block, str] = {}
        self._taken = {"fg", "build"} | taken

    def add_graph(self, graph: Graph, variable: str) -> None:
        """The flowgraph under the name of a variable."""
        inputs = ", ".join(f"{_literal(name)}: {self._type(port.spec)}" for name, port in graph.input_ports.items())
        given = f", inputs={{{inputs}}}" if inputs else ""
        self.lines.append(f"{variable} = Flowgraph({_literal(graph.name)}{given})")
        for name, block in graph.blocks.items():
            if keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
                raise FlowgraphFileError(f"a block named '{name}' cannot be written in Python; rename it")
            if isinstance(block, Graph):
                inner = self._variable(name)
                self.add_graph(block, inner)
                self.lines.append(f"{variable}.{name} = {inner}")
            else:
                self.lines.append(f"{variable}.{name} = {self._block(block)}")
                self._made[block] = f"{variable}.{name}"
        for edge in graph.connections:
            source = self._end(graph, variable, edge.source, edge.source_port, "outputs")
            target = self._end(graph, variable, edge.target, edge.target_port, "inputs")
            self.lines.append(f"{variable}.connect({source}, {target})")

    def _variable(self, name: str) -> str:
        """A name that stands for nothing else."""
        free = name
        while free in self._taken:
            free += "_"
        self._taken.add(free)
        return free

    def _block(self, block: Block) -> str:
        if isinstance(block, Tied):
            self.imports["linksim"].add("Tied")
            if block.original not in self._made:
                raise FlowgraphFileError("a block is tied to one that does not stand before it")
            return f"Tied(block={self._made[block.original]})"
        kind = type(block)
        self._name(kind)
        default = {key: p.default for key, p in block.parameter_signature().items()}
        settings = ", ".join(f"{k}={_literal(v)}" for k, v in block.settings.items() if v != default[k])
        return f"{kind.__name__}({settings})"

    def _type(self, spec: Spec) -> str:
        if isinstance(spec, BundleSpec):
            self._name(spec.annotation)
            return spec.annotation.__name__
        text = type_name(spec)
        if text in PORT_TYPES:
            self.imports.setdefault("linksim.types", set()).add(text)
            return text
        family, _, dimensions = text.partition(" ")
        kind = DECLARED[family].__name__
        self.imports.setdefault("jaxtyping", set()).add(kind)
        self.imports.setdefault("torch", set()).add("Tensor")
        return f'{kind}[Tensor, "{dimensions[1:-1].replace(",", "")}"]'

    def _name(self, kind: type[Any]) -> None:
        module = kind.__module__
        if module == "__main__" or kind.__qualname__ != kind.__name__:
            raise FlowgraphFileError(f"{kind.__name__} is in no module that Python could import it from; put it in one")
        public = "linksim.blocks" if module.startswith("linksim.blocks.") else module
        other = next(
            (each for each, names in self.imports.items() if kind.__name__ in names and each != public), public
        )
        if other != public:
            raise FlowgraphFileError(f"there are two classes {kind.__name__}, of {other} and of {public}; rename one")
        self.imports.setdefault(public, set()).add(kind.__name__)

    @staticmethod
    def _end(graph: Graph, variable: str, block: str, port: str, side: str) -> str:
        if not block:
            return f"{variable}[{_literal(port)}]"
        found = graph.blocks[block]
        both = port in found.input_ports and port in found.output_ports
        return f"{variable}.{block}{f'.{side}' if both else ''}[{_literal(port)}]"


def _literal(value: object) -> str:
    """A plain value as Python writes it, texts in double quotes where they hold none."""
    if isinstance(value, str):
        text = repr(value)
        return f'"{text[1:-1]}"' if "'" not in value and '"' not in value else text
    if isinstance(value, tuple):
        inside = ", ".join(map(_literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_literal(key)}: {_literal(each)}' for key, each in value.items())}}}"
    return repr(value)


def _wrapped(statement: str, indent: str) -> list[str]:
    """A statement that ends with a bracket as lines that are not too long, as far as its commas allow."""
    tokens = _TOKENS.findall(statement)
    opening = next((at for at, token in enumerate(tokens) if token in "([{"), None)
    if len(indent) + len(statement) <= WIDTH or opening is None or statement.rstrip(",")[-1] not in ")]}":
        return [f"{indent}{statement}"]
    body = statement.removesuffix(",")
    start = len("".join(tokens[: opening + 1]))
    parts = _parts(body[start:-1])
    if all(re.fullmatch(r"[-+.\w]+", part) for part in parts):
        # Numbers, of which a rate set has hundreds, stand in rows.
        rows = wrap(", ".join(parts) + ",", WIDTH - len(indent) - len(INDENT))
        inner = [f"{indent}{INDENT}{row}" for row in rows]
    else:
        inner = [line for part in parts for line in _wrapped(f"{part},", indent + INDENT)]
    return [f"{indent}{body[:start]}", *inner, f"{indent}{body[-1]}{statement[len(body) :]}"]


def _parts(text: str) -> list[str]:
    """What stands between the commas that are in no bracket and in no quotes."""
    found, depth = [""], 0
    for token in _TOKENS.findall(text):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token, 0)
        if token == "," and not depth:
            found.append("")
        else:
            found[-1] += token
    # The only part of a tuple of one is followed by a comma.
    return [part.strip() for part in found if part.strip()]
