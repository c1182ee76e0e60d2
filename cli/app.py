"""All commands."""

import typer

from linksim.cli.commands_catalogue import blocks, check, doctor, draw
from linksim.cli.commands_export import export
from linksim.cli.commands_import import import_
from linksim.cli.commands_pictures import agreement, annotate, demo, transmit
from linksim.cli.commands_studio import studio
from linksim.cli.commands_sweeps import plot, replay, results, sweep
from linksim.cli.commands_text import send_text
from linksim.cli.commands_training import bench, train
from linksim.cli.usage import CarefulCommand

app = typer.Typer(
    name="linksim",
    help="An end-to-end link simulator for semantic communication.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS = (
    transmit, send_text, demo, annotate, agreement, blocks, draw, check, import_, export, train, bench, sweep, results,
    plot, replay, studio, doctor,
)  # fmt: skip
for command in COMMANDS:
    app.command(command.__name__.strip("_").replace("_", "-"), cls=CarefulCommand)(command)
