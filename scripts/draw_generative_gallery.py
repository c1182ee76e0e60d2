"""A gallery: what generative links and a codec that only rebuilds make of pictures, at the same channel uses.

    .venv/bin/python scripts/draw_generative_gallery.py --snr 4 --cbr 0.0417 --out gallery

Writes gallery.jpg into the folder OUT, of the pictures that are named, or of three from scikit-image: for each picture
the original, SwinJSCC, what GenED-SC received, what its editor made of it, what was left after the noise was taken out
of a latent (SGDJSCC), and what was drawn from regions and their colours (Hosonuma25), with PSNR and BRISQUE (lower is
better).
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from linksim import Block, Flowgraph
from linksim.blocks import BRISQUE, PSNR, Captioner, FixedRate, ForegroundRate
from linksim.blocks.sources import read_picture
from linksim.flowgraphs import caption_stream, gened_sc, hosonuma25, sgdjscc, swinjscc
from linksim.flowgraphs.parts import SwinJSCCCodec
from linksim.plot import contact_sheet, save_figure

RECEIVED, EDITED = "GenED-SC, received", "GenED-SC, edited"


def main() -> None:
    """Send each picture over each link, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("--snr", type=float, default=4.0)
    parser.add_argument("--cbr", type=float, default=1 / 24)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    links = made_links(asked.cbr)
    pictures = {path.stem: read_picture(path) for path in asked.pictures} or samples()
    rows = {name: row(links, picture, asked.snr) for name, picture in pictures.items()}
    asked.out.mkdir(parents=True, exist_ok=True)
    title = f"AWGN, {asked.snr:g} dB, CBR {asked.cbr:.4f} in all. Edited and drawn pictures are made, not received."
    save_figure(contact_sheet(rows, title), asked.out / "gallery.jpg")
    print(f"gallery.jpg is in {asked.out}")


def samples() -> dict[str, Tensor]:
    """Pictures that anybody may show."""
    from skimage import data

    shown = {
        "astronaut": data.astronaut()[:320, 60:380],
        "cat": data.chelsea()[:300, 60:380],
        "coffee": data.coffee()[100:340, 180:500],
    }
    return {name: torch.from_numpy(pixels.copy()).movedim(-1, 0).float() / 255 for name, pixels in shown.items()}


def made_links(cbr: float) -> dict[str, Flowgraph]:
    """The links by name; all spend the same in all."""

    def captioner() -> Block:
        return Captioner(backend="classes")

    codec, rate = SwinJSCCCodec("swinjscc_noisy"), FixedRate(target_cbr_total=cbr)
    return {
        "SwinJSCC": swinjscc(codec=codec, rate=rate),
        EDITED: gened_sc(rate=ForegroundRate(target_cbr_total=cbr), captioner=captioner()),
        "SGDJSCC": sgdjscc(target_cbr_total=cbr, captioner=captioner()),
        "Hosonuma25": hosonuma25(target_cbr_total=cbr, captioner=captioner(), caption_link=caption_stream()),
    }


def row(links: dict[str, Flowgraph], original: Tensor, snr_db: float) -> dict[str, tuple[Tensor, str]]:
    """A picture and its caption for each column."""
    cells = {"sent": (original, f"BRISQUE {float(BRISQUE()(image=original[None]).value):.0f}")}
    for name, link in links.items():
        run = link.run(image=original[None], snr_db=snr_db, seed=1)
        if name == EDITED:
            cells[RECEIVED] = _cell(run["coarse"], original)
        cells[name] = _cell(run["image"], original)
    return cells


def _cell(image: Tensor, original: Tensor) -> tuple[Tensor, str]:
    shown = image.clamp(0, 1)
    fidelity = float(PSNR()(image=shown, original=original[None]).value)
    return shown[0].cpu(), f"{fidelity:.1f} dB, {float(BRISQUE()(image=shown).value):.0f}"


if __name__ == "__main__":
    main()
