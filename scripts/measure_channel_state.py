"""How far one UIDSC for all SNRs lies under UIDSCs trained for a single SNR, on test pictures over AWGN, and how far
over DeepJSCC as published, trained for a single SNR.

The shipped weights know the SNR (CSE). Those for one SNR start from them and are trained on at that SNR alone.

    .venv/bin/python scripts/measure_channel_state.py MASKED PICTURES... --steps 500 --out run

MASKED is a folder with annotations.json, images and masks; PICTURES are folders of pictures for training. Each codec
has a folder in OUT, and what it holds is continued.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from linksim.benches.intent.points import MaskedTestPictures
from linksim.flowgraphs import uidsc
from linksim.flowgraphs.parts import DeepJSCCCNNCodec, IdealHeader, PictureCodec, UIDSCCodec
from linksim.flowgraphs.recipes.uidsc import UIDSCRecipe
from linksim.montecarlo.interval import student_mean
from linksim.training import Budget, Stage, Trainer
from linksim.training.outcome import WEIGHTS, write_result

SNRS_DB = (0.0, 10.0, 25.0)
METRICS = {"psnr": "whole", "region_psnr": "region"}
LEARNING_RATE = 2e-4
PUBLISHED = {0.0: "deepjscc_cnn_0db", 10.0: "deepjscc_cnn", 25.0: "deepjscc_cnn_25db"}
"""DeepJSCC's weights by the SNR that they were trained for."""


@dataclass(kw_only=True)
class OneSNR(UIDSCRecipe):
    """UIDSC's second stage alone, over AWGN."""

    fading_share: float = 0.0

    @property
    def stages(self) -> Sequence[Stage]:
        """One."""
        return [Stage("masked", 1.0, tuple(self.parts), self.graph)]


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masked", type=Path)
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folders = tuple(map(str, (asked.masked, *asked.pictures)))
    specialists = {snr_db: str(train(folders, asked.steps, snr_db, asked.out)) for snr_db in SNRS_DB}
    pictures = MaskedTestPictures(str(asked.masked))
    ours = scores(UIDSCCodec(), pictures)
    names = [f"{what}, {snr_db:g} dB" for snr_db in SNRS_DB for what in METRICS.values()]
    print(f"| {len(pictures)} test pictures, AWGN, dB | {' | '.join(names)} |")
    print("|" + " --- |" * (1 + len(names)))
    print(f"| one for all SNRs | {' | '.join(f'{float(of.mean()):.2f}' for of in ours)} |")
    for snr_db, weights in specialists.items():
        show(f"that over one for {snr_db:g} dB", ours, scores(UIDSCCodec(weights), pictures))
    rivals = [scores(DeepJSCCCNNCodec(weights), pictures) for weights in PUBLISHED.values()]
    for snr_db, theirs in zip(PUBLISHED, rivals, strict=True):
        show(f"that over DeepJSCC for {snr_db:g} dB", ours, theirs)
    # At each SNR, and by the mean over pictures, the best of the three.
    best = [max(of, key=lambda each: float(each.mean())) for of in zip(*rivals, strict=True)]
    show("that over the best DeepJSCC of each SNR", ours, best)


def train(folders: tuple[str, ...], steps: int, snr_db: float, out: Path) -> Path:
    """Weights of a codec that was trained on from the shipped ones, at one SNR."""
    folder = out / f"{snr_db:g}_{steps}"
    folder.mkdir(parents=True, exist_ok=True)
    recipe = OneSNR(pictures=folders, start="uidsc", snr_db=(snr_db, snr_db))
    trainer = Trainer(recipe, folder, Budget(None, steps), recipe.identity(), learning_rate=LEARNING_RATE, seed=1)
    write_result(folder, trainer, trainer.run(lambda _progress: None))
    return folder / WEIGHTS


def scores(codec: PictureCodec, pictures: MaskedTestPictures) -> list[torch.Tensor]:
    """Per SNR and metric those of all pictures; the same noise for every codec, and no header is lost."""
    link = uidsc(codec=codec, header=IdealHeader())
    found: list[torch.Tensor] = []
    for snr_db in SNRS_DB:
        runs = [link.run(**pictures[number], snr_db=snr_db, seed=number) for number in range(len(pictures))]
        found.extend(torch.tensor([float(run[metric].value[0]) for run in runs]) for metric in METRICS)
    return found


def show(name: str, ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    """A row: the mean of the differences with its 95 % interval over pictures."""
    cells: list[str] = []
    for mine, other in zip(ours, theirs, strict=True):
        gain = mine - other
        mean = student_mean(float(gain.mean()), float(gain.var()) / len(gain), len(gain) - 1, "over pictures", 0.95)
        cells.append(f"{mean.estimate:+.2f} ({mean.low:+.2f} to {mean.high:+.2f})")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
