"""What a 5G-like channel costs: SA-OOSC's weights over TDL-A, with an estimated channel and a known one.

    .venv/bin/python scripts/show_ofdm.py --scenes SCENES

Street scenes, CBR 0.0201 for the payload, 30 ns, 3 and 100 km/h, 3.5 GHz; every picture and fade alike for all. About
ten minutes on two cores.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from linksim.blocks import OFDMChannel, RateAllocator
from linksim.blocks.sources import read_picture, street_scenes
from linksim.flowgraphs import sa_oosc
from linksim.flowgraphs.parts import Codec

SPEEDS_KMH = (3.0, 100.0)
SNRS_DB = (5.0, 10.0, 15.0)
ESTIMATIONS = ("perfect", "lmmse", "ls")


def measure(scenes: Path, index: int, speed: float, snr_db: float) -> list[tuple[float, float]]:
    """PSNR of the patches that matter and whether the picture was lost, for each estimation."""
    torch.set_num_threads(1)
    scene = list(street_scenes(scenes))[index]
    image, boxes = read_picture(scene.picture)[None], scene.boxes()
    found: list[tuple[float, float]] = []
    for estimation in ESTIMATIONS:
        link = sa_oosc(
            codec=Codec(importance_gain_db=0.0),
            rate=RateAllocator(),
            channel=OFDMChannel(speed=speed / 3.6, estimation=estimation),
        )
        run = link.run(image=image, boxes=boxes, snr_db=snr_db, seed=index)
        found.append((float(run["patch_psnr.nonbackground"].value), float(run["erased"])))
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    count = len(list(street_scenes(asked.scenes)))
    cases = [(speed, snr_db) for speed in SPEEDS_KMH for snr_db in SNRS_DB]
    jobs = (delayed(measure)(asked.scenes, i, *case) for case in cases for i in range(count))
    values = np.array(Parallel(asked.workers)(jobs)).reshape(len(cases), count, len(ESTIMATIONS), 2)
    print("| speed, SNR | perfect | LMMSE: loss | LS: loss | lost (perfect, LMMSE, LS) |")
    print("| --- | ---: | ---: | ---: | --- |")
    for (speed, snr_db), rows in zip(cases, values, strict=True):
        perfect, lmmse, least_squares = rows[..., 0].mean(0)
        lost = ", ".join(f"{share:.0%}" for share in rows[..., 1].mean(0))
        losses = f"{perfect - lmmse:.2f} | {perfect - least_squares:.2f}"
        print(f"| {speed:g} km/h, {snr_db:g} dB | {perfect:.2f} | {losses} | {lost} |")


if __name__ == "__main__":
    main()
