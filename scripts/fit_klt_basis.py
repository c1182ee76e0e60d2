"""Fit the KLT basis that ships in the package.

usage: python scripts/fit_klt_basis.py OUT.safetensors FOLDER [FOLDER ...]

Where a `split.json` stands beside a folder, only the pictures of its part "train" are used. Every folder weighs the
same: the second-moment matrices about mid-grey of its pictures' 16x16x3 blocks are averaged. Prints the share of the
energy kept. Pictures that serve as a test set must not be given.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from linksim.blocks.sources import list_pictures, read_picture
from linksim.blocks.vectorizer import MEAN

CHANNELS = 256


def training_pictures(folder: Path) -> list[Path]:
    """The pictures of a folder, or of its part "train" where a split is given."""
    split = folder.parent / "split.json"
    paths = list_pictures(folder)
    if not split.is_file():
        return paths
    names = set(json.loads(split.read_text())["train"])
    return [path for path in paths if path.stem in names]


def second_moment(folder: Path) -> Tensor:
    """Mean outer product of the blocks of all pictures in a folder, float64 [768, 768]."""
    total, count = torch.zeros(768, 768, dtype=torch.float64), 0
    for path in training_pictures(folder):
        image = read_picture(path)[None].double() - MEAN
        height, width = (size // 16 * 16 for size in image.shape[2:])
        blocks = functional.pixel_unshuffle(image[:, :, :height, :width], 16)[0].flatten(1)
        total += blocks @ blocks.T
        count += blocks.shape[1]
    return total / count


def main() -> None:
    """Fit and write."""
    out, folders = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    moment = sum(second_moment(folder) for folder in folders) / len(folders)
    assert isinstance(moment, Tensor), "name at least one folder"
    values, vectors = torch.linalg.eigh(moment)
    values, vectors = values.flip(0)[:CHANNELS], vectors.T.flip(0)[:CHANNELS]
    # An eigenvector's sign is arbitrary: fix it, so that the file is the same on every machine.
    vectors = vectors * vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    save_file({"eigenvectors": vectors.half().contiguous(), "eigenvalues": values.float().contiguous()}, out)
    print(f"{CHANNELS} of 768 eigenvectors keep {values.sum() / moment.trace():.4%} of the energy")


if __name__ == "__main__":
    main()
