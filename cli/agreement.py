"""`linksim agreement`: how far annotators agree on what matters."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from linksim.benches.agreement import LEVELS, Agreement, measure
from linksim.cli.console import PlainConsole


def run_agreement(asked: Agreement, as_json: bool) -> None:
    """The command."""
    found = measure(asked)
    if as_json:
        print(json.dumps(found))
        return
    console = PlainConsole()
    console.width = max(console.width, 140)
    table = Table(
        title=f"{found['pictures']} pictures, {found['objects']} objects", title_justify="left", box=box.SIMPLE
    )
    heads = ("reference", "other", "objects", "accuracy", "kappa", "patch accuracy", "patch macro-F1")
    for head in heads:
        table.add_column(head, justify="left" if head in heads[:2] else "right")
    for row in found["pairs"]:
        cells = [_shown(row[k]) for k in ("object_accuracy", "object_kappa", "patch_accuracy", "patch_macro_f1")]
        table.add_row(_name(row["reference"]), _name(row["other"]), str(row["objects"]), *cells)
    console.print(table)
    _show_levels(console, found["pairs"][0])
    console.print(DEFINITIONS.format(without=found["without_majority"]), soft_wrap=True)
    for note in found["notes"]:
        console.note(note)


def _show_levels(console: PlainConsole, row: Mapping[str, Any]) -> None:
    table = Table(title=f"{_name(row['other'])} against {_name(row['reference'])}, objects", title_justify="left",
                  box=box.SIMPLE)  # fmt: skip
    for head in ("level", "recall", "precision", "said low", "said medium", "said high"):
        table.add_column(head, justify="left" if head == "level" else "right")
    for i, level in enumerate(LEVELS[1:]):
        shares = (f"{row[f'object_{figure}'][level]:.1%}" for figure in ("recall", "precision"))
        table.add_row(level, *shares, *map(str, row["confusion"][i]))
    console.print(table)


def _shown(figure: Sequence[float]) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(*figure)


def _name(annotator: str) -> str:
    return annotator.removeprefix("importance_")


DEFINITIONS = """\
An object counts where both annotators have labelled it. The majority is the label of more than half of the drivers;
{without} objects have none and are left out against it; a driver's own vote is in it. Patches: 16x16 pixels, each
with the highest label of the boxes that touch it, background where none does. Kappa is Cohen's, unweighted. Macro-F1
is the mean over the levels that occur. In brackets: 95 % by bootstrap over pictures. Not in these data: objects that
the detector missed, which no annotator could label."""
