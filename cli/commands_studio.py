"""The command that opens the page."""

from typing import Annotated

import typer

from linksim.cli.interrupt import importing


def studio(
    port: Annotated[int, typer.Option(help="Where the page is served; 0 takes a free port.", min=0, max=65535)] = 0,
    memory: Annotated[float, typer.Option(help="GiB of memory that a run may hold.", min=1)] = 8.0,
    minutes: Annotated[float, typer.Option(help="Minutes that a run may take.", min=0.1)] = 10.0,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open a page on which flowgraphs are drawn, checked, run and looked into."""
    with importing():
        from linksim.cli.studio import run_studio

    run_studio(port, memory, minutes, browser)
