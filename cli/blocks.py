"""`linksim blocks`: the catalogue."""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from linksim.block import Block
from linksim.catalogue import catalogue, find_block, stage_of
from linksim.cli.console import PlainConsole
from linksim.declared import DeclaredBlock
from linksim.port import Port, read_ports


def describe_block(kind: type[Block]) -> dict[str, Any]:
    """A block's summary, ports and parameters as plain values."""
    declared = issubclass(kind, DeclaredBlock)
    inputs, outputs, is_source = ({}, {}, False) if declared else read_ports(kind.forward)
    parameters = {
        name: {"type": str(p.annotation).replace("<class '", "").replace("'>", ""), "default": _default(p)}
        for name, p in kind.parameter_signature().items()
    }
    return {
        "name": kind.__name__,
        "stage": stage_of(kind),
        "summary": " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split()),
        "source": is_source,
        "inputs": _ports(inputs),
        "outputs": _ports(outputs),
        "declared": declared,
        "parameters": parameters,
    }


def _default(parameter: inspect.Parameter) -> str:
    return "required" if parameter.default is parameter.empty else repr(parameter.default)


def _ports(ports: Mapping[str, Port]) -> dict[str, str]:
    return {p.name: str(p).split(": ", 1)[1] + (", optional" if p.optional else "") for p in ports.values()}


def run_blocks(name: str | None, as_json: bool) -> None:
    """The command."""
    if name is not None:
        kind = find_block(name)
        if as_json:
            print(json.dumps({**describe_block(kind), "doc": inspect.getdoc(kind)}))
        else:
            _show(kind)
        return
    described = sorted((describe_block(kind) for kind in catalogue().values()), key=lambda d: (d["stage"], d["name"]))
    if as_json:
        print(json.dumps(described))
        return
    table = Table("stage", "block", "takes", "gives", title=f"{len(described)} blocks", title_justify="left")
    stage = ""
    for entry in described:
        shown = entry["stage"] if entry["stage"] != stage else ""
        if shown and stage:
            table.add_section()
        stage = entry["stage"]
        takes = "(as declared)" if entry["declared"] else ", ".join(entry["inputs"]) or "(a source)"
        table.add_row(shown, entry["name"], takes, ", ".join(entry["outputs"]) or "(as declared)")
    console = PlainConsole()
    console.print(table)
    console.print("linksim blocks NAME tells all about one.")


def _show(kind: type[Block]) -> None:
    console, entry = PlainConsole(), describe_block(kind)
    console.print(f"{entry['name']}  ({entry['stage']})", style="bold")
    console.print(inspect.getdoc(kind), highlight=False)
    for title, rows in (("inputs", entry["inputs"]), ("outputs", entry["outputs"])):
        table = Table("port", "carries", title=title, title_justify="left")
        for name, carries in rows.items():
            table.add_row(name, carries)
        if rows:
            console.print(table)
    table = Table("parameter", "type", "default", title="parameters", title_justify="left")
    for name, parameter in entry["parameters"].items():
        table.add_row(name, parameter["type"], parameter["default"])
    if entry["parameters"]:
        console.print(table)
