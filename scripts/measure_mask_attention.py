"""What UIDSC's mask-guided attention (MGA) gains on test pictures, and what a wrong mask costs it.

The shipped weights are shown a wrong mask, or go without MGA; the codec is trained with and without it, equally long.

    .venv/bin/python scripts/measure_mask_attention.py MASKED PICTURES... --steps 800 --out run

MASKED is a folder with annotations.json, images and masks; PICTURES are folders of pictures for training. Each codec
has a folder in OUT, and what it holds is continued.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from linksim import Flowgraph
from linksim.benches.intent.points import MaskedTestPictures
from linksim.blocks.jscc.mask_attention import MaskGuidedAttention
from linksim.flowgraphs import uidsc
from linksim.flowgraphs.parts import UIDSCCodec
from linksim.flowgraphs.recipes.uidsc import UIDSCRecipe
from linksim.montecarlo.interval import student_mean
from linksim.training import Budget, Trainer
from linksim.training.outcome import WEIGHTS, write_result

SNRS_DB = (0.0, 10.0)
METRICS = {"region_psnr": "region", "psnr": "whole"}
LEARNING_RATE = 4e-4
Scores = Mapping[tuple[float, str], list[float]]


class WrongMask(nn.Module):
    """MGA that is shown the mask upside down; which pixels are kept stays right."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, *, features: Tensor, mask: Tensor) -> Tensor:
        """As `MaskGuidedAttention`."""
        return self.attention(features=features, mask=mask.flip(1))


class NoAttention(nn.Module):
    """Features as they are."""

    def forward(self, *, features: Tensor, mask: Tensor) -> Tensor:
        """As `MaskGuidedAttention`."""
        del mask
        return features


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masked", type=Path)
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    pictures = MaskedTestPictures(str(asked.masked))
    shipped = scores(UIDSCCodec, pictures)
    print(
        f"| {len(pictures)} test pictures, AWGN, dB | "
        + " | ".join(f"{what}, {snr_db:g} dB" for snr_db in SNRS_DB for what in METRICS.values())
        + " |"
    )
    print("|" + " --- |" * (1 + len(SNRS_DB) * len(METRICS)))
    show("shipped: MGA shown the right mask over a wrong one", shipped, scores(lambda: changed(WrongMask), pictures))
    show("shipped: MGA over none, without training again", shipped,
         scores(lambda: changed(lambda _attention: NoAttention()), pictures))  # fmt: skip
    if asked.steps:
        folders = tuple(map(str, (asked.masked, *asked.pictures)))
        trained = [
            scores(
                lambda on=on: UIDSCCodec(str(train(folders, asked.steps, on, asked.out)), mask_attention=on), pictures
            )
            for on in (True, False)
        ]
        show(f"trained {asked.steps} steps with MGA over without", *trained)


def changed(change: Callable[[nn.Module], nn.Module]) -> UIDSCCodec:
    """The shipped codec with another MGA."""
    codec = UIDSCCodec()
    attention = codec.encoder.get_submodule("attention")
    assert isinstance(attention, MaskGuidedAttention)
    codec.encoder.attention = change(attention)
    return codec


def train(folders: tuple[str, ...], steps: int, attention: bool, out: Path) -> Path:
    """Weights of a codec trained from the transform of `light`."""
    folder = out / f"{'with' if attention else 'without'}_{steps}"
    folder.mkdir(parents=True, exist_ok=True)
    recipe = UIDSCRecipe(pictures=folders, start="light", mask_attention=attention)
    trainer = Trainer(recipe, folder, Budget(None, steps), recipe.identity(), learning_rate=LEARNING_RATE, seed=1)
    write_result(folder, trainer, trainer.run(lambda _progress: None))
    return folder / WEIGHTS


def scores(make: Callable[[], UIDSCCodec], pictures: MaskedTestPictures) -> Scores:
    """Per SNR and metric those of all pictures; the same noise for every codec."""
    link: Flowgraph = uidsc(codec=make())
    found: dict[tuple[float, str], list[float]] = {}
    for number in range(len(pictures)):
        for snr_db in SNRS_DB:
            given: dict[str, Any] = {**pictures[number], "snr_db": snr_db}
            run = link.run(**given, seed=number)
            for metric in METRICS:
                found.setdefault((snr_db, metric), []).append(float(run[metric].value[0]))
    return found


def show(
    name: str, ours: Mapping[tuple[float, str], list[float]], theirs: Mapping[tuple[float, str], list[float]]
) -> None:
    """A row: the mean of the differences with its 95 % interval over pictures."""
    cells: list[str] = []
    for snr_db in SNRS_DB:
        for metric in METRICS:
            gain = torch.tensor(ours[snr_db, metric]) - torch.tensor(theirs[snr_db, metric])
            mean = student_mean(float(gain.mean()), float(gain.var()) / len(gain), len(gain) - 1, "over pictures", 0.95)
            cells.append(f"{mean.estimate:+.2f} ({mean.low:+.2f} to {mean.high:+.2f})")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
