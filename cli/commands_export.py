"""The command that writes a codec for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.interrupt import importing


def export(
    form: Annotated[str, typer.Argument(help="The form of the files: onnx.")],
    out: Annotated[Path, typer.Option(help="The folder for encoder.onnx and decoder.onnx.")],
    size: Annotated[str, typer.Option(help="Height x width of the pictures in pixels, as 512x768.")],
    link: Annotated[str, typer.Option(help="Whose codec: sa_oosc, ntscc, deepjscc or swinjscc.")] = "sa_oosc",
    weights: Annotated[
        str | None, typer.Option(help="A shipped name or a .safetensors file, also of linksim import.")
    ] = None,
    cbr: Annotated[
        float | None,
        typer.Option(help="Payload channel uses per source value, the same for all patches (default 0.0201)."),
    ] = None,
) -> None:
    """Write a codec's encoder and decoder, at one length for all patches, for programs without linksim.

    Both are checked with onnxruntime against torch. The header and the channel are not in them.
    """
    with importing():
        from linksim.cli.export_files import run_export

    run_export(form, out, size, link, weights, cbr)
