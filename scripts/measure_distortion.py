"""Measure what error the patches of pictures have at each rate, by their entropy and the SNR: the table of
`MeasuredDistortion`.

    .venv/bin/python scripts/measure_distortion.py SCENES BSDS --weights light

Sends crops of the part `train` of SCENES and of the pictures of BSDS with one length for all patches, every length of
V at 0, 10 and 20 dB, and averages the squared error of patches of like entropy. A quarter of an hour on one core.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from linksim import Flowgraph
from linksim.blocks import FixedRate
from linksim.blocks.rate import RATE_SETS
from linksim.blocks.rate.measured_distortion import PREFIX, TABLES
from linksim.blocks.sources import list_pictures, read_picture, street_scenes
from linksim.flowgraphs import ntscc
from linksim.flowgraphs.parts import Codec, IdealHeader
from linksim.types import PATCH

SNRS_DB = (0.0, 10.0, 20.0)
KNOTS = 24
SCENES, PHOTOGRAPHS = 15, 20
SCENE_CROP, PHOTOGRAPH_CROP = (512, 1024), (320, 320)


def crops(scenes: Path, photographs: Path) -> Iterator[Tensor]:
    """Middles of pictures, evenly picked, [1, 3, height, width]."""
    train = [scene.picture for scene in street_scenes(scenes, "train")]
    for paths, count, size in ((train, SCENES, SCENE_CROP), (list_pictures(photographs), PHOTOGRAPHS, PHOTOGRAPH_CROP)):
        for path in paths[:: max(len(paths) // count, 1)][:count]:
            image = read_picture(path)[None]
            top, left = ((edge - wanted) // 2 for edge, wanted in zip(image.shape[2:], size, strict=True))
            yield image[:, :, top : top + size[0], left : left + size[1]]


def measure(image: Tensor, links: Sequence[Flowgraph], snr_db: float) -> tuple[Tensor, Tensor]:
    """(entropy [patches], squared error [patches, levels]) of one picture."""
    runs = [link.run(image=image, snr_db=snr_db, seed=1, probe=["vectorizer.entropy"]) for link in links]
    errors = [(run["image"].clamp(0, 1) - image).square().mean(1, keepdim=True) for run in runs]
    patches = [functional.avg_pool2d(error, PATCH).flatten() for error in errors]
    return runs[0]["vectorizer.entropy"].flatten(), torch.stack(patches, 1)


def knots(entropy: Tensor, errors: Tensor) -> Iterator[tuple[float, list[float]]]:
    """Mean entropy and mean errors of as many patches each, in the order of the entropy."""
    for chosen in entropy.argsort().tensor_split(KNOTS):
        # More uses never do harm: what looks so is chance.
        falling = errors[chosen].mean(0).cummin(0).values
        yield float(entropy[chosen].mean()), falling.tolist()


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--weights", default="light", help="a shipped name, or a .safetensors file")
    parser.add_argument("--out", type=Path, default=None)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    values = RATE_SETS["default"]
    # A target of k/768 is met by k uses in each patch, and by no more.
    links = [
        ntscc(codec=Codec(asked.weights), rate=FixedRate(target_cbr=k / (3 * PATCH**2)), header=IdealHeader())
        for k in values
    ]
    rows: list[list[str]] = []
    for snr_db in SNRS_DB:
        found = [measure(image, links, snr_db) for image in crops(asked.scenes, asked.photographs)]
        entropy, errors = (torch.cat(parts) for parts in zip(*found, strict=True))
        for mean, row in knots(entropy, errors):
            rows.append([f"{snr_db:g}", f"{mean:.4g}", *(f"{error:.4e}" for error in row)])
        print(f"{snr_db:g} dB: {len(entropy)} patches", flush=True)
    out = asked.out or TABLES / f"{PREFIX}{Path(asked.weights).stem}.csv"
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["snr_db", "entropy", *(f"k{value}" for value in values)])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
