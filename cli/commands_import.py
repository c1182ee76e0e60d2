"""The command that reads published weights."""

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.interrupt import importing


def import_(
    codec: Annotated[str, typer.Argument(help="Whose weights: deepjscc, ntscc, swinjscc or witt.")],
    checkpoint: Annotated[
        Path,
        typer.Argument(help="The published file: .safetensors, or a state_dict by torch.save; none of it is run."),
    ],
    out: Annotated[Path, typer.Option(help="Where the weights are written (.safetensors), a card (.md) beside them.")],
    variant: Annotated[
        str,
        typer.Option(
            help="For swinjscc and witt, where the file does not say it: sa, adapted to the SNR, or base, not adapted."
        ),
    ] = "",
) -> None:
    """Make weights that linksim's links take of a file that the authors of a codec published."""
    with importing():
        from linksim.cli.import_weights import run_import

    run_import(codec, checkpoint, out, variant)
