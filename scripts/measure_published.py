"""DeepJSCC with its authors' weights: PSNR beside what the authors' own code reaches.

    .venv/bin/python scripts/measure_published.py FOLDER

FOLDER holds checkpoints, pictures and index.json, which says for each checkpoint the PSNR by the authors' code over
AWGN at nominal SNRs. There a symbol has power 1 for each of its two real dimensions, and the noise half of what the
nominal SNR says of that: Es/N0, linksim's SNR, is 3.01 dB higher. Both conventions are printed: at the same noise ("as
published"), and at an Es/N0 of the nominal figure. Pictures are neither clamped nor rounded, as there. Means over ten
draws of the noise, with the deviation of one: the authors' figures are of one draw.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from linksim.blocks import FixedRate
from linksim.flowgraphs import deepjscc_cnn
from linksim.flowgraphs.parts import DeepJSCCCNNCodec, NoHeader
from linksim.published import import_weights
from linksim.types import PATCH

HALF_THE_NOISE_DB = 10 * math.log10(2)
DRAWS = 10
DECODED = "receiver.detokenizer.out"


def main() -> None:
    """Measure each checkpoint, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    entries = [each for each in json.loads((asked.folder / "index.json").read_text()) if each["channel"] == "AWGN"]
    print("| checkpoint | nominal SNR, dB | authors' code | as published | Es/N0 of that figure |")
    print("| --- | --- | --- | --- | --- |")
    off = [each for entry in entries for each in measured(asked.folder, entry)]
    print(f"\nDifference from the authors' code: {max(off):.3f} dB at most, {sum(off) / len(off):.3f} dB in the mean.")


def measured(folder: Path, entry: dict[str, Any]) -> list[float]:
    """Print the rows of a checkpoint; gives the differences, in dB."""
    pixels = np.load(folder / f"{entry['pictures']}.npz")["pictures"]
    pictures, off = torch.from_numpy(pixels).float() / 255, list[float]()
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "weights.safetensors"
        import_weights("deepjscc", folder / entry["weights"], weights)
        codec = DeepJSCCCNNCodec(str(weights))
        rate = FixedRate(target_cbr=int(codec.rate_set[0]) / (3 * PATCH**2))
        link = deepjscc_cnn(codec=codec, rate=rate, header=NoHeader()).eval()
    for nominal, theirs in entry["mean_psnr_db_by_nominal_snr"].items():
        found = [mean_psnr(link, pictures, float(nominal) + more) for more in (HALF_THE_NOISE_DB, 0.0)]
        same, ours = (f"{float(each.mean()):.2f} ± {float(each.std()):.2f}" for each in found)
        print(f"| {entry['weights']} | {float(nominal):g} | {theirs:.2f} | {same} | {ours} |")
        off.append(abs(float(found[0].mean()) - theirs))
    return off


@torch.no_grad()
def mean_psnr(link: Any, pictures: Tensor, snr_db: float) -> Tensor:
    """The mean over the pictures of the PSNR in dB, for each draw."""
    draws = (link.run(image=pictures, snr_db=snr_db, seed=seed, probe=[DECODED])[DECODED] for seed in range(DRAWS))
    return torch.stack([(-10 * (shown - pictures).square().mean((1, 2, 3)).log10()).mean() for shown in draws])


if __name__ == "__main__":
    main()
