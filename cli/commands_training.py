"""Commands that train and compare."""

from pathlib import Path
from typing import Annotated

import typer

from linksim.cli.interrupt import importing
from linksim.cli.options import Device, Seed


def train(
    system: Annotated[
        str,
        typer.Argument(
            help="What to train: sa_oosc, ntscc, deepjscc, deepjscc_cnn, swinjscc, uidsc, gened_sc, "
            "gened_editor, hosonuma25, sgdjscc, enhancer, text_link, vlm_csc, or module:Class."
        ),
    ],
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of pictures, or of street scenes with split.json; for vlm_csc captioned pictures, a folder "
            "with metadata.jsonl or a .json file of tiles; may be repeated."
        ),
    ] = None,
    text: Annotated[
        list[Path] | None,
        typer.Option(
            help="For text_link: a .txt file with a sentence per line, or .json with captions; may be repeated."
        ),
    ] = None,
    saliency: Annotated[
        Path | None,
        typer.Option(
            help="For gened_sc, gened_editor, hosonuma25, sgdjscc: a folder of maps of what is salient, called like "
            "the pictures, or FOLDER_NAME.png; a folder of pictures with annotations.json has its own in salient."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run; a run that it already contains is continued.")] = Path(
        "run"
    ),
    preset: Annotated[
        str | None,
        typer.Option(
            help="Size of the networks: light (default, but with --from that of the weights), small, or paper, which "
            "needs a GPU."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Start from shipped weights or a .safetensors file, with a new optimizer."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes of work in total (default 60).")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps in total, instead of minutes; repeats exactly.")] = None,
    snr: Annotated[
        tuple[float, float] | None, typer.Option(help="Range of SNR in dB (sa_oosc: 0 20; others have their own).")
    ] = None,
    cbr: Annotated[
        tuple[float, float] | None, typer.Option(help="Range of the mean rate (sa_oosc: 0.012 0.09).")
    ] = None,
    importance_exponent: Annotated[
        float | None,
        typer.Option(
            help="For sa_oosc: the weight of a patch is 2^(exponent*importance); 0 weighs all the same (default 2).",
            min=0,
            max=8,
        ),
    ] = None,
    fading: Annotated[
        float | None,
        typer.Option(help="Share of the pictures that are sent over Rayleigh fading (sa_oosc: 0.25).", min=0, max=1),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate (default 4e-4; with --from 2e-4).")
    ] = None,
    optimizer: Annotated[str, typer.Option(help="adam, adamw, nadam, sgd or muon.")] = "adam",
    batch: Annotated[int | None, typer.Option(help="Crops or sentences per step (sa_oosc: 8).", min=1)] = None,
    crop: Annotated[int | None, typer.Option(help="Edge of a crop in pixels, a multiple of 64 (sa_oosc: 256).")] = None,
    word_list: Annotated[
        str | None,
        typer.Option(
            help="For text_link (default europarl) and vlm_csc (default captions): a shipped list, or a .txt file with "
            "one word per line."
        ),
    ] = None,
    uses_per_word: Annotated[
        int | None, typer.Option(help="For text_link: complex channel uses per word, 1, 2, 4 or 8 (default 8).")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="For text_link: joint (default), or staged, the three stages of VLM-CSC.")
    ] = None,
    noise_attention: Annotated[
        bool | None,
        typer.Option("--nam/--no-nam", help="For text_link: with or without noise attention (default with)."),
    ] = None,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    half: Annotated[
        bool | None,
        typer.Option("--bfloat16/--float32", help="Precision of the networks (default: bfloat16 where it is fast)."),
    ] = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option(help="Send the figures to tensorboard, wandb, mlflow or trackio too; may be repeated."),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(help="Number of parts that a batch is drawn in (default: one for each process).", min=1),
    ] = None,
) -> None:
    """Train a codec, resumably; Ctrl-C stops it and the same command goes on."""
    with importing():
        from linksim.cli.train import run_train
        from linksim.cli.training_request import Training

    run_train(
        Training(system, tuple(pictures or ()), tuple(text or ()),
                 None if saliency is None else str(saliency), out, preset, start, minutes, steps, snr, cbr,
                 importance_exponent, fading, learning_rate, optimizer, batch, crop, word_list, uses_per_word,
                 schedule, noise_attention, seed, device.value, half, tuple(tracker or ()), shards)
    )  # fmt: skip


def bench(
    name: Annotated[str | None, typer.Argument(help="The name of the comparison; without it, all are listed.")] = None,
    scenes: Annotated[Path | None, typer.Option(help="Folder of street scenes; its part val is sent.")] = None,
    kodak: Annotated[Path | None, typer.Option(help="Folder of the Kodak pictures.")] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="For evaluation: shipped weights, a .safetensors file, or klt; may be repeated."),
    ] = None,
    text: Annotated[Path | None, typer.Option(help="For text: a file with a sentence per line.")] = None,
    captions: Annotated[
        Path | None, typer.Option(help="For text and vlm_csc: a folder of folders with train.json and test.json.")
    ] = None,
    masked: Annotated[
        Path | None,
        typer.Option(help="For intent and generative: a folder with annotations.json, images, masks and salient."),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(help="For codecs: a file of linksim import, whose codec is measured too; several times."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for results, page and figures; a run that it already contains is continued.")
    ] = Path("bench"),
    workers: Annotated[int, typer.Option(help="Processes, one thread each.", min=1, max=1024)] = 2,
    seed: Seed = 1,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.cpu,
) -> None:
    """Make a comparison of the documentation again, with its page and figures; resumable."""
    with importing():
        from linksim.cli.bench import Benching, run_bench

    run_bench(
        Benching(
            name,
            scenes,
            kodak,
            tuple(weights or ()) or None,
            text,
            captions,
            masked,
            tuple(also or ()) or None,
            out,
            workers,
            seed,
            device.value,
        )
    )
