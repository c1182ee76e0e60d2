"""Train codecs of captions with and without noise attention (NAM), and at one SNR each, equally long; print BLEU-1.

    .venv/bin/python scripts/measure_noise_attention.py DATA --steps 800 --seeds 1 2 --out run

DATA holds cifar10, birds20 and catsdogs, each with train.json and test.json. Each codec has a folder of runs in OUT,
and what it holds is continued. --codecs takes names of rows, as "NAM, 0 to 10 dB", and makes these alone.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from linksim.blocks import TextSource
from linksim.flowgraphs import text_link
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.recipes.text_link import TextRecipe
from linksim.montecarlo.interval import student_mean
from linksim.training import Budget, Trainer
from linksim.training.outcome import WEIGHTS, write_result

SETS = ("cifar10", "birds20", "catsdogs")
SNRS_DB = (0.0, 2.0, 4.0, 8.0, 10.0)
CAPTIONS, LEARNING_RATE = 600, 1e-3
CODECS: Mapping[str, Mapping[str, Any]] = {
    "NAM, 0 to 10 dB": {"snr_db": (0.0, 10.0), "noise_attention": True},
    "without NAM, 0 to 10 dB": {"snr_db": (0.0, 10.0), "noise_attention": False},
    **{f"NAM, {snr:g} dB alone": {"snr_db": (snr, snr), "noise_attention": True} for snr in SNRS_DB},
}


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--uses-per-word", type=int, default=2)
    parser.add_argument("--codecs", nargs="+", choices=list(CODECS), default=list(CODECS), metavar="ROW")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| codec | {' | '.join(f'{snr:g} dB' for snr in SNRS_DB)} |\n|{' --- |' * (1 + len(SNRS_DB))}")
    for name in asked.codecs:
        settings = {"uses_per_word": asked.uses_per_word, **CODECS[name]}
        runs = [_trained(asked.data, settings, asked.steps, seed, asked.out) for seed in asked.seeds]
        cells = [_score(asked.data, runs, settings, snr_db) for snr_db in SNRS_DB]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _trained(data: Path, settings: Mapping[str, Any], steps: int, seed: int, out: Path) -> Path:
    low, high = settings["snr_db"]
    attention = "nam" if settings["noise_attention"] else "plain"
    folder = out / f"{attention}_{settings['uses_per_word']}_{low:g}_{high:g}_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    text = tuple(str(data / name / "train.json") for name in SETS)
    recipe = TextRecipe(text=text, word_list="captions", fading_share=0.0, **settings)
    trainer = Trainer(recipe, folder, Budget(None, steps), recipe.identity(), learning_rate=LEARNING_RATE, seed=seed)
    write_result(folder, trainer, trainer.run(lambda _progress: None))
    return folder / WEIGHTS


def _score(data: Path, runs: Sequence[Path], settings: Mapping[str, Any], snr_db: float) -> str:
    """BLEU-1 over AWGN of the same test captions and noise for all, with the 95 % interval over captions."""
    scores: list[torch.Tensor] = []
    for weights in runs:
        codec = TextCodec(str(weights), word_list="captions", noise_attention=settings["noise_attention"])
        source = TextSource(files=tuple(str(data / name / "test.json") for name in SETS), shuffle=True)
        run = text_link(codec=codec, source=source).run(batch=CAPTIONS, snr_db=snr_db, seed=7)
        scores.append(run["bleu_1"].value)
    # The seeds share captions and noise, so a caption counts once, by its mean.
    captions = torch.stack(scores).mean(0).double()
    found = student_mean(float(captions.mean()), float(captions.var()) / CAPTIONS, CAPTIONS - 1, "over captions")
    each = ", ".join(f"{float(score.mean()):.3f}" for score in scores)
    return f"{found.estimate:.3f} ({found.low:.3f} to {min(found.high, 1.0):.3f}; {each})"


if __name__ == "__main__":
    main()
