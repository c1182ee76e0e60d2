"""Commands about what there is."""

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.interrupt import importing
from linksim.cli.options import Json


def blocks(
    name: Annotated[str | None, typer.Argument(help="The name of one block, to print all about it.")] = None,
    json: Json = False,
) -> None:
    """List the catalogue of blocks, or show one."""
    with importing():
        from linksim.cli.blocks import run_blocks

    run_blocks(name, json)


def draw(
    flowgraph: Annotated[str, typer.Argument(help="A YAML file, or the name of a ready flowgraph.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Write a picture (.svg), Mermaid (.mmd), the file format (.yaml) or Python (.py)."),
    ] = None,
) -> None:
    """Draw a flowgraph: Mermaid text, or a file by its ending."""
    with importing():
        from linksim.cli.draw import run_draw

    run_draw(flowgraph, out)


def check(
    flowgraph: Annotated[Path, typer.Argument(help="A YAML file.")],
    json: Json = False,
) -> None:
    """Check a flowgraph file without running it, and name all that is wrong. Exit status 1 where something is."""
    with importing():
        from linksim.cli.check import run_check

    run_check(flowgraph, json)


def doctor(json: Json = False) -> None:
    """Print what is installed, which optional parts work, and which device is used."""
    with importing():
        from linksim.cli.doctor import run_doctor

    run_doctor(json)
