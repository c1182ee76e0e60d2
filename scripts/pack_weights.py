"""Write weights that were trained on from shipped ones as their difference from these: half the size.

    .venv/bin/python scripts/pack_weights.py run/weights.safetensors --base small --out ntscc.safetensors

Tensors that the base lacks are kept in half precision. What GenED-SC shares with SwinJSCC has other names there.

Prints by how much the packed weights differ from the given ones, relative to how far training moved them.
"""

import argparse
from pathlib import Path

import torch

from linksim.blocks.generative.codec import SPINES, renamed
from linksim.weights import read_weights, weights_path, write_difference


def main() -> None:
    """Pack, read again, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--base", default="small")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    given, base = read_weights(asked.weights), read_weights(weights_path(asked.base))
    write_difference(asked.out, given, asked.base, SPINES)
    packed = read_weights(asked.out)
    pairs = {key: base.get(renamed(key) or key) for key in given}
    shared = {key: there for key, there in pairs.items() if there is not None and there.shape == given[key].shape}
    lost = torch.cat([(packed[key] - given[key]).flatten() for key in shared]).norm()
    moved = torch.cat([(there - given[key]).flatten() for key, there in shared.items()]).norm()
    print(f"{asked.out.stat().st_size / 1e6:.1f} MB; off by {lost / moved:.1%} of what training moved them")


if __name__ == "__main__":
    main()
