"""`linksim blocks`: the catalogue."""

import inspect
import json

from rich.table import Table

from linksim.block import Block
from linksim.catalogue import catalogue, find_block
from linksim.cli.console import PlainConsole
from linksim.faces.described_block import default_text, describe_block


def run_blocks(name: str | None, as_json: bool) -> None:
    """The command."""
    if name is not None:
        kind = find_block(name)
        if as_json:
            print(json.dumps(describe_block(kind)))
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
        for name, port in rows.items():
            table.add_row(name, port["type"] + (", optional" if port["optional"] else ""))
        if rows:
            console.print(table)
    table = Table("parameter", "type", "default", title="parameters", title_justify="left")
    for name, parameter in kind.parameter_signature().items():
        table.add_row(name, entry["parameters"][name]["type"], default_text(parameter))
    if entry["parameters"]:
        console.print(table)
