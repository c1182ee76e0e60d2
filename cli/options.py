"""Options that several commands have."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)]
StoreFile = Annotated[Path, typer.Argument(help="File of results.")]
SweepNumber = Annotated[int | None, typer.Option("--sweep", help="Which of the file's sweeps, from 1 (default last).")]
