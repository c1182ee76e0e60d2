"""Commands that sweep and look at results."""

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.interrupt import importing
from linksim.cli.options import Device, Json, Seed, StoreFile, SweepNumber


def sweep(
    flowgraph: Annotated[str, typer.Argument(help="A ready flowgraph's name, a YAML file, or module:function.")],
    grid: Annotated[
        list[str],
        typer.Option(
            help="An axis: name=first:last:step, name=1,2,5 or channel=AWGN,Rayleigh; may be repeated. "
            "A name is an input, an argument of the function, or block.parameter."
        ),
    ],
    stop: Annotated[
        list[str] | None,
        typer.Option(
            help="metric:name=number,... of rel, abs, errors, frames, trials, seconds, total_seconds, floor; "
            "may be repeated, all must hold."
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="File for the results; a sweep that it already contains is continued.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder of pictures that every point sends.")] = None,
    scenes: Annotated[
        Path | None, typer.Option(help="Folder of street scenes; every point sends its part val.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="name=number, the same for all points; may be repeated.")
    ] = None,
    seed: Seed = 0,
    chunk: Annotated[int | None, typer.Option(help="Frames per chunk (default 64; for pictures 1).", min=1)] = None,
    over: Annotated[
        str | None,
        typer.Option(
            help="What the interval of a score covers: noise or pictures (default: pictures, if there are any)."
        ),
    ] = None,
    curve: Annotated[
        str | None, typer.Option(help="The axis along which the rule floor ends a curve (default snr_db).")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes, one thread each.", min=1, max=1024)] = 1,
    ray: Annotated[
        str | None, typer.Option(help="Run on the Ray cluster at this address; 'auto' starts one here.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.cpu,
    json: Json = False,
) -> None:
    """Run a Monte Carlo sweep over a grid, with intervals; resumable, and the same for any number of workers."""
    with importing():
        from linksim.cli.sweep import SweepRequest, run_sweep

    asked = SweepRequest(flowgraph, tuple(grid), tuple(stop or ()), tuple(inputs or ()), pictures, scenes, seed,
                         chunk, over, curve, device.value)  # fmt: skip
    run_sweep(asked, store, workers, ray, json)


def results(
    store: StoreFile,
    csv: Annotated[Path | None, typer.Option(help="Write the table as CSV.")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the table as Parquet.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the table as JSON.")] = None,
    number: SweepNumber = None,
) -> None:
    """Print or export what a sweep found."""
    with importing():
        from linksim.cli.results import run_results

    run_results(store, number, {"csv": csv, "parquet": parquet, "json": json})


def plot(
    store: StoreFile,
    y: Annotated[str, typer.Option(help="The metric; cbr (or ledger) draws the parts of what was sent, stacked.")],
    x: Annotated[
        str | None, typer.Option(help="An axis of the grid, or a metric such as cbr_total (default snr_db).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File of the figure; its ending chooses the format (default: the store's name with .png)."),
    ] = None,
    theory: Annotated[bool, typer.Option(help="Draw the closed forms of BPSK and QPSK as well.")] = False,
    number: SweepNumber = None,
) -> None:
    """Draw what a sweep found, with its intervals."""
    with importing():
        from linksim.cli.plot import run_plot

    run_plot(store, x, y, out, theory, number)


def replay(
    store: StoreFile,
    point: Annotated[list[str] | None, typer.Option(help="name=value of the point; may be repeated.")] = None,
    chunk: Annotated[int | None, typer.Option(help="Number of the chunk.", min=0)] = None,
    worst: Annotated[
        str | None,
        typer.Option(help="Instead of a point: the chunk with the lowest score or the most errors of this metric."),
    ] = None,
    probe: Annotated[
        list[str] | None, typer.Option(help="A port whose values are kept, such as channel.out; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the probed values (.npz).")] = None,
    number: SweepNumber = None,
) -> None:
    """Run one stored chunk again, bit for bit, with probes."""
    with importing():
        from linksim.cli.replay import run_replay

    run_replay(store, tuple(point or ()), chunk, worst, tuple(probe or ()), out, number)
