"""What edges and steps do for SGDJSCC, beside SwinJSCC, which is told the SNR.

    .venv/bin/python scripts/measure_guides.py MASKED --pictures 10

MASKED is a folder as `linksim bench generative` takes it; its first test pictures are sent over AWGN at CBR 1/24,
everything within. Prints the means of PSNR, of the perceptual distance on HED's features and of BRISQUE (both lower is
better); and what the edges that arrived change where the latent that arrived is the same, which is their gain alone,
without their cost.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from linksim import Flowgraph
from linksim.benches.generative.points import MIDDLE, NOISY, SalientTestPictures
from linksim.blocks import BRISQUE, PSNR, FixedRate, HEDDistance
from linksim.flowgraphs import sgdjscc, swinjscc
from linksim.flowgraphs.parts import IdealHeader, SGDJSCCCodec, SwinJSCCCodec

SNRS_DB = (1.0, 4.0, 10.0)
ARRIVED = "link.receiver.deserializer.out"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masked", type=Path)
    parser.add_argument("--pictures", type=int, default=10)
    asked = parser.parse_args()
    found = SalientTestPictures(str(asked.masked), asked.pictures)
    images = [each for number in range(len(found)) if isinstance(each := found[number]["image"], Tensor)]
    print(f"| {len(images)} pictures | " + " | ".join(f"{snr_db:g} dB" for snr_db in SNRS_DB) + " |")
    print("| --- |" + " --- |" * len(SNRS_DB))
    for name, make in LINKS.items():
        print(f"| {name} | " + " | ".join(scores(make(), images, snr_db) for snr_db in SNRS_DB) + " |")
    gains = (f"{edges_gain(images, snr_db):+.3f} dB" for snr_db in SNRS_DB)
    print("| edges, for the same latent | " + " | ".join(gains) + " |")


def _sgdjscc(*, steps: int = 1, edges: bool = True) -> Flowgraph:
    return sgdjscc(target_cbr_total=MIDDLE, codec=SGDJSCCCodec(steps=steps), edges=edges)


def _swinjscc() -> Flowgraph:
    return swinjscc(codec=SwinJSCCCodec(NOISY), rate=FixedRate(target_cbr_total=MIDDLE))


LINKS: dict[str, Callable[[], Flowgraph]] = {
    "SGDJSCC with edges, one step": _sgdjscc,
    "SGDJSCC with edges, four steps": partial(_sgdjscc, steps=4),
    "SGDJSCC without edges, one step": partial(_sgdjscc, edges=False),
    "SwinJSCC": _swinjscc,
}


def scores(link: Flowgraph, images: list[Tensor], snr_db: float) -> str:
    """PSNR, HED's distance and BRISQUE, means over the pictures."""
    rows: list[list[float]] = []
    for image in images:
        shown = link.run(image=image, snr_db=snr_db, seed=1)["image"].clamp(0, 1)
        pair = {"image": shown, "original": image}
        rows.append([float(each.value) for each in (PSNR()(**pair), HEDDistance()(**pair), BRISQUE()(image=shown))])
    psnr, distance, brisque = torch.tensor(rows).mean(0).tolist()
    return f"{psnr:.2f} dB, {distance:.3f}, {brisque:.1f}"


@torch.no_grad()
def edges_gain(images: list[Tensor], snr_db: float) -> float:
    """PSNR with the edges that arrived, less that without, of the same received latent."""
    gains: list[float] = []
    for image in images:
        link = sgdjscc(target_cbr_total=MIDDLE, header=IdealHeader())
        run = link.run(image=image, snr_db=snr_db, seed=1, probe=[ARRIVED])
        decoder, tokens = link.link.receiver.jscc_decoder, functional.pixel_unshuffle(image, 4)
        rebuilt = [decoder(received=run[ARRIVED], edges=edges) for edges in (run["edges"], None)]
        errors = [(found - tokens).square().mean() for found in rebuilt]
        gains.append(float(10 * (errors[1] / errors[0]).log10()))
    return sum(gains) / len(gains)


if __name__ == "__main__":
    main()
