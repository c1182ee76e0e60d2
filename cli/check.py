"""`linksim check`: all that is wrong with a flowgraph file."""

import dataclasses
import json
from pathlib import Path

from rich.table import Table

from linksim.cli.console import PlainConsole
from linksim.flowgraph import Flowgraph


def run_check(flowgraph: Path, as_json: bool) -> None:
    """The command; exit status 1 where something is wrong."""
    faults = Flowgraph.faults_in(flowgraph)
    if as_json:
        print(json.dumps([dataclasses.asdict(fault) for fault in faults]))
    elif faults:
        table = Table("block", "port", "what is wrong")
        for fault in faults:
            table.add_row(fault.block or "(the flowgraph)", fault.port, fault.message)
        PlainConsole().print(table)
    else:
        PlainConsole().print(f"{flowgraph}: nothing is wrong", soft_wrap=True, highlight=False)
    if faults:
        raise SystemExit(1)
