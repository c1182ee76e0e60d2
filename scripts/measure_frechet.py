"""The Fréchet distance of the pictures that generative links and their rivals show, from the originals.

    .venv/bin/python scripts/measure_frechet.py MASKED --snr 4 --cbr 0.0417

MASKED is a folder of pictures with maps of what is salient, as for `linksim bench generative`: the same test pictures
and systems, over AWGN. Prints a table in Markdown. The 95 % intervals of the differences are the basic bootstrap's, of
1,000 sets of pictures that are drawn with replacement, the same for both systems.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from linksim.benches.generative.points import (
    AVIF,
    EDITED,
    FIRST,
    HOSONUMA25,
    NAM24,
    SA_OOSC,
    SGDJSCC,
    SWINJSCC,
    SalientTestPictures,
    generative_link,
)
from linksim.blocks.metrics import FeatureMoments, feature_moments, frechet_distance

SHOWN = (SWINJSCC, FIRST, EDITED, SGDJSCC, HOSONUMA25, NAM24, SA_OOSC, AVIF)
RESAMPLED = 1000


def main() -> None:
    """Send every picture over every system, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masked")
    parser.add_argument("--snr", type=float, default=4.0)
    parser.add_argument("--cbr", type=float, default=1 / 24)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    pictures = SalientTestPictures(asked.masked)
    originals = [feature_moments(torch.as_tensor(case["image"]))[0] for case in pictures]
    shown = {name: sent(name, pictures, asked.snr, asked.cbr) for name in SHOWN}
    print("| | distance | difference from SwinJSCC |\n| --- | --- | --- |")
    for name in SHOWN:
        print(row(name, shown[name], shown[SWINJSCC], originals))


def sent(system: str, pictures: SalientTestPictures, snr_db: float, cbr: float) -> list[FeatureMoments]:
    """What a system shows of each picture."""
    link = generative_link(system, "awgn", cbr, pictures.folder).eval()
    found: list[FeatureMoments] = []
    for number, case in enumerate(pictures):
        with torch.no_grad():
            run = link.run(**case, snr_db=snr_db, seed=number + 1, probe=["fitted.out"])
        found += feature_moments(run["fitted.out"])
    return found


def row(
    name: str, shown: Sequence[FeatureMoments], beside: Sequence[FeatureMoments], originals: Sequence[FeatureMoments]
) -> str:
    """A line of the table: the distance, and its difference from SwinJSCC's with the interval."""
    whole = frechet_distance(shown, originals)
    if shown is beside:
        return f"| {name} | {whole:.0f} | |"
    draws = np.random.default_rng(1).integers(len(originals), size=(RESAMPLED, len(originals)))
    drawn = [distance(shown, originals, draw) - distance(beside, originals, draw) for draw in draws]
    difference = whole - frechet_distance(beside, originals)
    # A drawn set has fewer different pictures, and so a larger distance: this interval takes that shift back.
    high, low = 2 * difference - np.percentile(drawn, [2.5, 97.5])
    return f"| {name} | {whole:.0f} | {difference:+.0f} ({low:+.0f} to {high:+.0f}) |"


def distance(shown: Sequence[FeatureMoments], originals: Sequence[FeatureMoments], draw: np.ndarray) -> float:
    """Of the drawn pictures only."""
    return frechet_distance([shown[place] for place in draw], [originals[place] for place in draw])


if __name__ == "__main__":
    main()
