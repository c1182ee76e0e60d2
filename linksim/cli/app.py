"""All commands."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="linksim",
    help="An end-to-end link simulator for semantic communication.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Device(StrEnum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)]


@app.command()
def transmit(
    picture: Annotated[Path, typer.Argument(help="The picture to send.")],
    out: Annotated[Path, typer.Option(help="Folder for report.png, reconstruction.png, result.json.")] = Path("out"),
    link: Annotated[str, typer.Option(help="Which link carries it.")] = "klt",
    boxes: Annotated[Path | None, typer.Option(help="JSON file of boxes or detections.")] = None,
    labels: Annotated[Path | None, typer.Option(help="JSON file of labels, where the boxes have none.")] = None,
    channel: Annotated[str, typer.Option(help="awgn, rayleigh or rician.")] = "awgn",
    snr: Annotated[float, typer.Option(help="Es/N0 per complex channel use in dB.", min=-60, max=100)] = 10.0,
    cbr: Annotated[
        float | None, typer.Option(help="Payload channel uses per source dimension [default 0.0201].")
    ] = None,
    cbr_total: Annotated[float | None, typer.Option(help="The same, everything billed.")] = None,
    psnr: Annotated[float | None, typer.Option(help="Expected PSNR in dB, at the least rate.")] = None,
    alpha: Annotated[float, typer.Option(help="Uses added to high, taken from low importance.")] = 8.0,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    json: Json = False,
) -> None:
    """Send one picture over a noisy channel and report what became of it."""
    from linksim.cli.transmit import Transmission, run_transmit

    goals = {"target_cbr": cbr, "target_cbr_total": cbr_total, "target_psnr": psnr}
    run_transmit(Transmission(picture, out, link, boxes, labels, channel, snr, goals, alpha, seed, device.value), json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("demo"),
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Send real photographs over AWGN and Rayleigh at 0, 5, 10 and 15 dB."""
    from linksim.cli.demo import run_demo

    run_demo(out, seed, json)


@app.command()
def blocks(
    name: Annotated[str | None, typer.Argument(help="One block, to see all about it.")] = None, json: Json = False
) -> None:
    """List the catalogue of blocks, or show one."""
    from linksim.cli.blocks import run_blocks

    run_blocks(name, json)


@app.command()
def draw(
    flowgraph: Annotated[str, typer.Argument(help="A YAML file, or the name of a ready flowgraph.")],
    out: Annotated[
        Path | None, typer.Option(help="Write a picture (.svg), Mermaid (.mmd) or the file format (.yaml).")
    ] = None,
) -> None:
    """Draw a flowgraph: Mermaid text, or a file by its ending."""
    from linksim.cli.draw import run_draw

    run_draw(flowgraph, out)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is installed, which optional parts work, and which device is used."""
    from linksim.cli.doctor import run_doctor

    run_doctor(json)
