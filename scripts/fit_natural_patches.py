"""Fit NIQE's model of natural patches to pictures.

    .venv/bin/python scripts/fit_natural_patches.py PICTURES... --out blocks/metrics/niqe.safetensors

Of each picture the patches count that are at least 0.75 times as sharp as its sharpest (Mittal et al., 2013).
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from linksim.blocks.metrics.niqe import patch_features
from linksim.blocks.sources import readable_pictures

SHARP = 0.75


def main() -> None:
    """Collect, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found: list[torch.Tensor] = []
    for folder in asked.pictures:
        for _, image in readable_pictures(folder):
            features, sharpness = patch_features(image)
            if len(features):
                found.append(features[sharpness > SHARP * sharpness.max()])
    patches = torch.cat(found)
    save_file({"mean": patches.mean(0).float(), "covariance": torch.cov(patches.T).float()}, asked.out)
    print(f"{len(patches)} sharp patches of {len(found)} pictures")


if __name__ == "__main__":
    main()
