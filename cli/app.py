"""All commands."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.interrupt import importing
from linksim.cli.usage import CarefulCommand

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


@app.command(cls=CarefulCommand)
def transmit(
    picture: Annotated[Path, typer.Argument(help="The picture to send.")],
    out: Annotated[Path, typer.Option(help="Folder for report.png, reconstruction.png, result.json.")] = Path("out"),
    link: Annotated[
        str,
        typer.Option(
            help="Which link carries it: sa_oosc, ntscc, swinjscc, deepjscc (learned), klt (closed form), or a picture "
            "codec with LDPC and QAM: avif-ldpc, heif-ldpc, webp-ldpc, jpeg2000-ldpc, jpeg-ldpc."
        ),
    ] = "sa_oosc",
    weights: Annotated[
        str | None, typer.Option(help="Of a learned link: shipped weights or a .safetensors file.")
    ] = None,
    boxes: Annotated[Path | None, typer.Option(help="JSON file of boxes or detections.")] = None,
    labels: Annotated[Path | None, typer.Option(help="JSON file of labels, where the boxes have none.")] = None,
    importance: Annotated[
        str | None,
        typer.Option(
            help="Who says what matters: student (a small network, from the picture alone or with --boxes), file "
            "(--boxes has labels), rules, class, mllm (an endpoint), or none (default file with --boxes, else student; "
            "none where the link heeds no importance)."
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            help="Without --boxes: weights of ultralytics that find the objects (default yolo11x.pt for rules, class "
            "and mllm; the student needs none)."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Of mllm: the endpoint's name for it (default gpt-4o).")] = None,
    channel: Annotated[
        str, typer.Option(help="awgn, rayleigh, rician, or tdl-a to tdl-e and cdl-a to cdl-e: OFDM, pilots billed.")
    ] = "awgn",
    snr: Annotated[float, typer.Option(help="Es/N0 per complex channel use in dB.", min=-60, max=100)] = 10.0,
    cbr: Annotated[
        float | None, typer.Option(help="Payload channel uses per source dimension (default 0.0201).")
    ] = None,
    cbr_total: Annotated[float | None, typer.Option(help="The same, everything billed.")] = None,
    psnr: Annotated[float | None, typer.Option(help="Expected PSNR in dB, at the least rate; klt only.")] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="The paper's rate: more channel uses for high importance, fewer for low."),
    ] = None,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    json: Json = False,
) -> None:
    """Send one picture over a noisy channel and report what became of it."""
    with importing():
        from linksim.cli.importance import ImportanceSource
        from linksim.cli.links import link_name
        from linksim.cli.transmit import Transmission, run_transmit
        from linksim.flowgraphs import USES_IMPORTANCE

    goals = {"target_cbr": cbr, "target_cbr_total": cbr_total, "target_psnr": psnr}
    of_use = link_name(link) in USES_IMPORTANCE
    source = ImportanceSource(importance, boxes, labels, detector, model, of_use=of_use)
    asked = Transmission(picture, out, link, weights, source, channel, snr, goals, alpha, seed, device.value)
    run_transmit(asked, json)


@app.command(cls=CarefulCommand)
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("demo"),
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """Send real photographs over AWGN and Rayleigh at 0, 5, 10 and 15 dB."""
    with importing():
        from linksim.cli.demo import run_demo

    run_demo(out, seed, json)


@app.command(cls=CarefulCommand)
def annotate(
    pictures: Annotated[Path, typer.Argument(help="A folder of pictures.")],
    out: Annotated[Path, typer.Option(help="The benchmark's folder; what it holds already is kept.")],
    by: Annotated[
        str,
        typer.Option(
            help="Who labels: mllm (OPENAI_BASE_URL and OPENAI_API_KEY), student, rules (distance, path) or class."
        ),
    ] = "mllm",
    model: Annotated[str | None, typer.Option(help="Of mllm: the endpoint's name for it (default gpt-4o).")] = None,
    scenario: Annotated[
        str | None, typer.Option(help="Of mllm: driving (the default), surveillance, or words of your own.")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="Weights of ultralytics that find the objects (default yolo11x.pt).")
    ] = None,
    detections: Annotated[Path | None, typer.Option(help="A folder of detections, instead of a detector.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Of mllm: questions at a time (default 8).", min=1, max=64)
    ] = None,
    price: Annotated[
        tuple[float, float] | None, typer.Option(help="Of a million tokens in and out, to count the cost.")
    ] = None,
    json: Json = False,
) -> None:
    """Make a benchmark of labelled objects from a folder of pictures, resumably."""
    with importing():
        from linksim.cli.annotate import Annotating, run_annotate

    run_annotate(Annotating(pictures, out, by, model, scenario, detector, detections, workers, price), json)


@app.command(cls=CarefulCommand)
def agreement(
    dataset: Annotated[Path, typer.Argument(help="Street scenes with labels by a model and three drivers.")],
    part: Annotated[str | None, typer.Option(help="One part of the split, as val (default all).")] = None,
    model: Annotated[str, typer.Option(help="Folder of the model's labels.")] = "importance_mllm",
    driver: Annotated[
        list[str] | None,
        typer.Option(help="Folder of a person's labels, three or more (default importance_human_a, _b and _c)."),
    ] = None,
    seed: Seed = 1,
    json: Json = False,
) -> None:
    """How far annotators agree on what matters, per object and per patch, with intervals."""
    with importing():
        from linksim.benches.agreement import DRIVERS, Agreement
        from linksim.cli.agreement import run_agreement

    run_agreement(Agreement(dataset, part, seed, model, tuple(driver or DRIVERS)), json)


@app.command(cls=CarefulCommand)
def blocks(
    name: Annotated[str | None, typer.Argument(help="One block, to see all about it.")] = None, json: Json = False
) -> None:
    """List the catalogue of blocks, or show one."""
    with importing():
        from linksim.cli.blocks import run_blocks

    run_blocks(name, json)


@app.command(cls=CarefulCommand)
def draw(
    flowgraph: Annotated[str, typer.Argument(help="A YAML file, or the name of a ready flowgraph.")],
    out: Annotated[
        Path | None, typer.Option(help="Write a picture (.svg), Mermaid (.mmd) or the file format (.yaml).")
    ] = None,
) -> None:
    """Draw a flowgraph: Mermaid text, or a file by its ending."""
    with importing():
        from linksim.cli.draw import run_draw

    run_draw(flowgraph, out)


@app.command(cls=CarefulCommand)
def train(
    system: Annotated[str, typer.Argument(help="What to train: sa_oosc, ntscc, deepjscc, swinjscc, or module:Class.")],
    pictures: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of pictures, or of street scenes with split.json; may be repeated."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The run's folder; a run that it holds is continued.")] = Path("run"),
    preset: Annotated[
        str | None, typer.Option(help="Size of the networks: small, the default, or paper, which wants a GPU.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Go on from shipped weights or a .safetensors file, fresh optimizer.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes of work in all (default 60).")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps in all, instead of minutes; repeats exactly.")] = None,
    snr: Annotated[
        tuple[float, float] | None, typer.Option(help="Range of SNR in dB (default 0 20; deepjscc 10 10).")
    ] = None,
    cbr: Annotated[
        tuple[float, float] | None, typer.Option(help="Range of the mean rate (default 0.012 0.09).")
    ] = None,
    importance_exponent: Annotated[
        float | None,
        typer.Option(help="Of sa-oosc: patches weigh 2^(exponent*importance); 0: all alike (default 2).", min=0, max=8),
    ] = None,
    fading: Annotated[
        float | None,
        typer.Option(help="Share of the pictures sent over Rayleigh (default 0.25; deepjscc 0).", min=0, max=1),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak (default 4e-4, with --from 2e-4).")] = None,
    optimizer: Annotated[str, typer.Option(help="adam, adamw, nadam, sgd or muon.")] = "adam",
    batch: Annotated[int | None, typer.Option(help="Crops per step (default 8).", min=1)] = None,
    crop: Annotated[int | None, typer.Option(help="Edge of a crop in pixels, a multiple of 64 (default 256).")] = None,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    half: Annotated[
        bool | None,
        typer.Option("--bfloat16/--float32", help="Precision of the networks (default: bfloat16 where it is fast)."),
    ] = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option(help="Follow the run by tensorboard, wandb, mlflow or trackio; may be repeated."),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(help="Parts that a batch is drawn in (default: one per process of accelerate launch).", min=1),
    ] = None,
) -> None:
    """Train a codec, resumably; Ctrl-C stops it and the same command goes on."""
    with importing():
        from linksim.cli.train import run_train
        from linksim.cli.training_request import Training

    run_train(
        Training(system, tuple(pictures or ()), out, preset, start, minutes, steps, snr, cbr, importance_exponent,
                 fading, learning_rate, optimizer, batch, crop, seed, device.value, half, tuple(tracker or ()), shards)
    )  # fmt: skip


@app.command(cls=CarefulCommand)
def bench(
    name: Annotated[str | None, typer.Argument(help="The comparison; without it, the list of all.")] = None,
    scenes: Annotated[Path | None, typer.Option(help="Folder of street scenes; its part val is sent.")] = None,
    kodak: Annotated[Path | None, typer.Option(help="Folder of the Kodak pictures.")] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="Of evaluation: shipped weights, a .safetensors file, or klt; may be repeated."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Where results, tables and figures go; a run it holds is continued.")
    ] = Path("bench"),
    workers: Annotated[int, typer.Option(help="Processes, one thread each.", min=1, max=1024)] = 2,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.cpu,
) -> None:
    """Make a comparison of the documentation: its page and its figures; resumable."""
    with importing():
        from linksim.cli.bench import Benching, run_bench

    run_bench(Benching(name, scenes, kodak, tuple(weights or ()) or None, out, workers, seed, device.value))


@app.command(cls=CarefulCommand)
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
    store: Annotated[Path | None, typer.Option(help="File of the results; a sweep that it holds is continued.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder of pictures that every point goes through.")] = None,
    scenes: Annotated[Path | None, typer.Option(help="Folder of street scenes; its part val is gone through.")] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="name=number, alike for all points; may be repeated.")
    ] = None,
    seed: Seed = 0,
    chunk: Annotated[int | None, typer.Option(help="Frames per chunk (default 64; of pictures 1).", min=1)] = None,
    over: Annotated[
        str | None, typer.Option(help="What a score's interval is about: noise or pictures (default pictures if any).")
    ] = None,
    curve: Annotated[str | None, typer.Option(help="The axis that floor cuts (default snr_db).")] = None,
    workers: Annotated[int, typer.Option(help="Processes, one thread each.", min=1, max=1024)] = 1,
    ray: Annotated[
        str | None, typer.Option(help="Run on the Ray cluster at this address; 'auto' starts one here.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.cpu,
    json: Json = False,
) -> None:
    """Monte Carlo over a grid, with intervals; resumable, and the same for any number of workers."""
    with importing():
        from linksim.cli.sweep import SweepRequest, run_sweep

    asked = SweepRequest(flowgraph, tuple(grid), tuple(stop or ()), tuple(inputs or ()), pictures, scenes, seed,
                         chunk, over, curve, device.value)  # fmt: skip
    run_sweep(asked, store, workers, ray, json)


StoreFile = Annotated[Path, typer.Argument(help="File of results.")]
SweepNumber = Annotated[int | None, typer.Option("--sweep", help="Which of the file's sweeps, from 1 (default last).")]


@app.command(cls=CarefulCommand)
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


@app.command(cls=CarefulCommand)
def plot(
    store: StoreFile,
    y: Annotated[str, typer.Option(help="The metric, or cbr (also ledger) for the parts of what was sent, stacked.")],
    x: Annotated[
        str | None, typer.Option(help="An axis of the grid, or a metric as cbr_total (default snr_db).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The figure, by its ending (default the store's name, .png).")
    ] = None,
    theory: Annotated[bool, typer.Option(help="Draw closed forms beside BPSK and QPSK.")] = False,
    number: SweepNumber = None,
) -> None:
    """Draw what a sweep found, with its intervals."""
    with importing():
        from linksim.cli.plot import run_plot

    run_plot(store, x, y, out, theory, number)


@app.command(cls=CarefulCommand)
def replay(
    store: StoreFile,
    point: Annotated[list[str] | None, typer.Option(help="name=value of the point; may be repeated.")] = None,
    chunk: Annotated[int | None, typer.Option(help="Number of the chunk.", min=0)] = None,
    worst: Annotated[str | None, typer.Option(help="Instead: the chunk with the lowest score or most errors.")] = None,
    probe: Annotated[list[str] | None, typer.Option(help="A port to look at, as channel.out; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the probed values (.npz).")] = None,
    number: SweepNumber = None,
) -> None:
    """Run one stored chunk again, bit for bit, with probes."""
    with importing():
        from linksim.cli.replay import run_replay

    run_replay(store, tuple(point or ()), chunk, worst, tuple(probe or ()), out, number)


@app.command(cls=CarefulCommand)
def doctor(json: Json = False) -> None:
    """Say what is installed, which optional parts work, and which device is used."""
    with importing():
        from linksim.cli.doctor import run_doctor

    run_doctor(json)
