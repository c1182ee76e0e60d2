"""What GenED-SC's first stage gains over SwinJSCC, and what its parts gain, each left out in a training of its own.

    .venv/bin/python scripts/measure_first_stage.py MASKED
    .venv/bin/python scripts/measure_first_stage.py MASKED PICTURES... --saliency MAPS --steps 300 --out run

MASKED and PICTURES are folders as `linksim train gened_sc` takes them; the test pictures of MASKED are sent. The first
line compares the shipped weights alone. Trainings start from SwinJSCC's weights and are equally long. Each has a folder
in OUT, and what it holds is continued. Prints PSNR in dB over AWGN at 1 and 10 dB, CBR 1/24, no header: means over
pictures, and means of differences with their 95 % intervals.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from linksim import Block
from linksim.benches.generative.points import MIDDLE, NOISY, SalientTestPictures
from linksim.blocks import FixedRate, ForegroundRate, RegionPSNR
from linksim.flowgraphs.gened_sc import first_stage
from linksim.flowgraphs.parts import GenEDCodec, IdealHeader, PictureCodec, SwinJSCCCodec
from linksim.flowgraphs.recipes.gened_sc import GenEDRecipe
from linksim.montecarlo.interval import student_mean
from linksim.training import Budget, Trainer
from linksim.training.outcome import WEIGHTS, write_result

SNRS_DB, PICTURES = (1.0, 10.0), 40
METRICS = ("salient", "whole")
LEARNING_RATE = 2e-4
START = "swinjscc"
WHOLE = "all parts"
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    WHOLE: {},
    "one branch": {"dual_branch": False},
    "losses and Gumbel noise as printed": {"as_printed": True},
    "no matching loss": {"weights": {"match": 0.0}},
    "no loss of the patches' choice": {"weights": {"patches": 0.0}},
    "no loss of the foreground": {"weights": {"foreground": 0.0}},
    "no contextual loss of the background": {"weights": {"background": 0.0}},
    "no loss of the whole picture": {"weights": {"whole": 0.0}},
}
Scores = Mapping[tuple[float, str], torch.Tensor]


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masked", type=Path)
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--saliency", type=Path, default="")
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--out", type=Path, default="run")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    pictures = SalientTestPictures(str(asked.masked), PICTURES)
    heads = " | ".join(f"{what}, {snr_db:g} dB" for snr_db in SNRS_DB for what in METRICS)
    print(f"| {len(pictures)} test pictures | {heads} |")
    print("|" + " --- |" * (1 + len(SNRS_DB) * len(METRICS)))
    compare_shipped(pictures)
    if asked.steps:
        compare_parts(asked, pictures)


def compare_shipped(pictures: SalientTestPictures) -> None:
    """The shipped first stage over SwinJSCC trained for the same SNRs, pictures and time."""
    rival = scores(SwinJSCCCodec(NOISY), FixedRate(target_cbr=MIDDLE), pictures)
    show("SwinJSCC", rival, None)
    for ratio in (1.0, 2.0, 3.0):
        found = scores(GenEDCodec(), ForegroundRate(target_cbr=MIDDLE, ratio=ratio), pictures)
        show(f"GenED-SC over SwinJSCC, ratio {ratio:g}", found, rival)


def compare_parts(asked: argparse.Namespace, pictures: SalientTestPictures) -> None:
    """Each part left out, over all parts."""
    folders = tuple(map(str, (asked.masked, *asked.pictures)))
    reference: Scores = {}
    for name, changed in VARIANTS.items():
        weights = train(GenEDRecipe(pictures=folders, saliency=str(asked.saliency), start=START, **changed),
                        asked.steps, asked.out / name.replace(" ", "_").replace("'", ""))  # fmt: skip
        codec = GenEDCodec(str(weights), dual_branch=changed.get("dual_branch", True))
        found = scores(codec, ForegroundRate(target_cbr=MIDDLE), pictures)
        reference = reference or found
        show(name, found, None if name == WHOLE else reference)
        if name == WHOLE:
            untold = ForegroundRate(target_cbr=MIDDLE, ratio=1.0)
            show("all parts, no foreground told", scores(GenEDCodec(str(weights)), untold, pictures), reference)


def train(recipe: GenEDRecipe, steps: int, folder: Path) -> Path:
    """The weights that so many steps give."""
    folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(recipe, folder, Budget(None, steps), recipe.identity(), learning_rate=LEARNING_RATE, seed=1)
    write_result(folder, trainer, trainer.run(lambda _progress: None))
    return folder / WEIGHTS


@torch.no_grad()
def scores(codec: PictureCodec, rate: Block, pictures: SalientTestPictures) -> Scores:
    """Per SNR and metric those of all pictures; the same seed for every codec."""
    link = first_stage(codec, rate, IdealHeader(), None).eval()
    found: dict[tuple[float, str], list[float]] = {}
    for number in range(len(pictures)):
        case: Mapping[str, Any] = pictures[number]
        for snr_db in SNRS_DB:
            run = link.run(image=case["image"], snr_db=snr_db, seed=number)
            region = RegionPSNR()(image=run["image"].clamp(0, 1), original=case["image"], mask=case["mask"]).region
            for metric, score in (("salient", region), ("whole", run["psnr"])):
                found.setdefault((snr_db, metric), []).append(float(score.value))
    return {key: torch.tensor(values) for key, values in found.items()}


def show(name: str, found: Scores, reference: Scores | None) -> None:
    """A row: means, or the mean of the differences with its 95 % interval over pictures."""
    cells: list[str] = []
    for key, values in found.items():
        if reference is None:
            cells.append(f"{float(values.mean()):.2f}")
            continue
        gain = values - reference[key]
        mean = student_mean(float(gain.mean()), float(gain.var()) / len(gain), len(gain) - 1, "over pictures", 0.95)
        cells.append(f"{mean.estimate:+.2f} ({mean.low:+.2f} to {mean.high:+.2f})")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
