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
    link: Annotated[
        str, typer.Option(help="Which link carries it: sa_oosc (learned) or klt (closed form).")
    ] = "sa_oosc",
    weights: Annotated[
        str | None, typer.Option(help="Of sa_oosc: shipped weights or a .safetensors file [default small].")
    ] = None,
    boxes: Annotated[Path | None, typer.Option(help="JSON file of boxes or detections.")] = None,
    labels: Annotated[Path | None, typer.Option(help="JSON file of labels, where the boxes have none.")] = None,
    channel: Annotated[str, typer.Option(help="awgn, rayleigh or rician.")] = "awgn",
    snr: Annotated[float, typer.Option(help="Es/N0 per complex channel use in dB.", min=-60, max=100)] = 10.0,
    cbr: Annotated[
        float | None, typer.Option(help="Payload channel uses per source dimension [default 0.0201].")
    ] = None,
    cbr_total: Annotated[float | None, typer.Option(help="The same, everything billed.")] = None,
    psnr: Annotated[float | None, typer.Option(help="Expected PSNR in dB, at the least rate; klt only.")] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Uses added to high, taken from low importance [default: the link's].")
    ] = None,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    json: Json = False,
) -> None:
    """Send one picture over a noisy channel and report what became of it."""
    from linksim.cli.transmit import Transmission, run_transmit

    goals = {"target_cbr": cbr, "target_cbr_total": cbr_total, "target_psnr": psnr}
    asked = Transmission(picture, out, link, weights, boxes, labels, channel, snr, goals, alpha, seed, device.value)
    run_transmit(asked, json)


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
def train(
    system: Annotated[str, typer.Argument(help="What to train: sa-oosc.")],
    pictures: Annotated[
        list[Path], typer.Option(help="A folder of pictures, or of street scenes with split.json; may be repeated.")
    ],
    out: Annotated[Path, typer.Option(help="The run's folder; a run that it holds is continued.")] = Path("run"),
    preset: Annotated[str, typer.Option(help="Size of the networks and recipe: small.")] = "small",
    start: Annotated[
        str | None, typer.Option("--from", help="Go on from shipped weights or a .safetensors file, fresh optimizer.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes of work in all [default 60].")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps in all, instead of minutes; repeats exactly.")] = None,
    snr: Annotated[tuple[float, float], typer.Option(help="Range of SNR in dB.")] = (0.0, 20.0),
    cbr: Annotated[tuple[float, float], typer.Option(help="Range of the mean rate.")] = (0.012, 0.09),
    importance_exponent: Annotated[
        float, typer.Option(help="Patches weigh 2^(exponent*importance); 0: all alike.", min=0, max=8)
    ] = 2.0,
    fading: Annotated[float, typer.Option(help="Share of the pictures sent over Rayleigh.", min=0, max=1)] = 0.25,
    learning_rate: Annotated[float | None, typer.Option(help="Peak [default 4e-4, with --from 2e-4].")] = None,
    batch: Annotated[int, typer.Option(help="Crops per step.", min=1)] = 8,
    crop: Annotated[int, typer.Option(help="Edge of a crop in pixels, a multiple of 64.")] = 256,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    half: Annotated[bool, typer.Option("--bfloat16/--float32", help="Precision of the networks.")] = True,
) -> None:
    """Train a codec, resumably; Ctrl-C stops it and the same command goes on."""
    from linksim.cli.train import Training, run_train

    run_train(
        Training(system, tuple(pictures), out, preset, start, minutes, steps, snr, cbr, importance_exponent, fading,
                 learning_rate, batch, crop, seed, device.value, half)
    )  # fmt: skip


@app.command()
def evaluate(
    weights: Annotated[
        list[str] | None, typer.Option(help="Shipped weights, a .safetensors file, or klt; may be repeated.")
    ] = None,
    scenes: Annotated[Path | None, typer.Option(help="Folder of street scenes; its part val is sent.")] = None,
    kodak: Annotated[Path | None, typer.Option(help="Folder of the Kodak pictures.")] = None,
    table: Annotated[
        list[str] | None, typer.Option(help="quality, sweep, kodak or entropy; may be repeated [default all].")
    ] = None,
    alpha: Annotated[list[float] | None, typer.Option(help="Alphas of the table quality.")] = None,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    json: Json = False,
) -> None:
    """Judge a trained codec: quality by importance, against SNR, on Kodak, and what the entropy knows."""
    from linksim.cli.evaluate import Evaluation, run_evaluate

    alphas = tuple(alpha or (0.0, 4.0, 8.0, 16.0))
    asked = Evaluation(tuple(weights or ("small",)), tuple(table or ()), scenes, kodak, alphas, seed, device.value)
    run_evaluate(asked, json)


@app.command()
def doctor(json: Json = False) -> None:
    """Say what is installed, which optional parts work, and which device is used."""
    from linksim.cli.doctor import run_doctor

    run_doctor(json)
