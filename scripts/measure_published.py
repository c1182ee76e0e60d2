"""DeepJSCC with its authors' weights: PSNR beside what the authors' own code reaches.

    .venv/bin/python scripts/measure_published.py FOLDER
    .venv/bin/python scripts/measure_published.py FOLDER --kodak KODAK

FOLDER holds checkpoints, pictures and index.json, which says for each checkpoint the PSNR by the authors' code at
nominal SNRs. There a symbol has power 1 for each of its two real dimensions, and the noise half of what the nominal SNR
says of that: Es/N0, linksim's SNR, is 3.01 dB higher. AWGN is printed in both conventions: at the same noise ("as
published"), and at an Es/N0 of the nominal figure. The Rayleigh channel of that code gives the first half of a
picture's real dimensions one normal real gain, the second half another, and the receiver neither knows nor undoes them;
beside it stands linksim's slow Rayleigh, whose gain the receiver knows. Pictures are neither clamped nor rounded, as
there. Means over ten draws of noise and gains, with the deviation of one: the authors' figures are of one draw.

With --kodak the pictures of that folder are sent over AWGN, four draws each. No figure by the authors is known for
them: beside linksim's link stands the arithmetic of their code, normalisation and noise on real dimensions, around
the same two networks.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from linksim import Block, Flowgraph
from linksim.blocks import FixedRate, Rayleigh
from linksim.blocks.sources import read_picture
from linksim.flowgraphs import deepjscc_cnn
from linksim.flowgraphs.parts import DeepJSCCCNNCodec, NoHeader
from linksim.published import import_weights
from linksim.types import PATCH

DRAWS = 10
KODAK_SNRS_DB, KODAK_DRAWS = (1.0, 7.0, 13.0), 4
DECODED = "receiver.detokenizer.out"


def main() -> None:
    """Measure each checkpoint, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kodak", type=Path)
    asked = parser.parse_args()
    folder = asked.folder
    entries = json.loads((folder / "index.json").read_text())
    if asked.kodak:
        over_kodak(folder, [entry for entry in entries if entry["channel"] == "AWGN"], asked.kodak)
        return
    for channel, columns, measure in (
        ("AWGN", ("as published", "Es/N0 of that figure"), over_awgn),
        ("Rayleigh", ("by the channel of that code", "slow Rayleigh, known, Es/N0 3.01 dB higher"), over_rayleigh),
    ):
        print(
            f"| checkpoint | nominal SNR, dB | authors' code | {' | '.join(columns)} |\n| --- | --- | --- | --- | --- |"
        )
        rows = [row for entry in entries if entry["channel"] == channel for row in measured(folder, entry, measure)]
        print(
            f"\nDifference from the authors' code: {max(rows):.3f} dB at most, {sum(rows) / len(rows):.3f} dB mean.\n"
        )


def measured(folder: Path, entry: dict[str, Any], measure: Callable[..., tuple[Tensor, Tensor]]) -> list[float]:
    """Print the rows of a checkpoint; gives the differences, in dB."""
    pixels = np.load(folder / f"{entry['pictures']}.npz")["pictures"]
    pictures, off = torch.from_numpy(pixels).float() / 255, list[float]()
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "weights.safetensors"
        import_weights("deepjscc", folder / entry["weights"], weights)
        for nominal, theirs in entry["mean_psnr_db_by_nominal_snr"].items():
            found = measure(str(weights), pictures, float(nominal))
            same, ours = (f"{float(each.mean()):.2f} ± {float(each.std()):.2f}" for each in found)
            print(f"| {entry['weights']} | {float(nominal):g} | {theirs:.2f} | {same} | {ours} |")
            off.append(abs(float(found[0].mean()) - theirs))
    return off


def over_kodak(folder: Path, entries: Sequence[dict[str, Any]], kodak: Path) -> None:
    """Print PSNR on the pictures of a folder, by the arithmetic of the authors' code and by linksim's links."""
    pictures = [read_picture(path)[None] for path in sorted(kodak.glob("*.png"))]
    print(
        f"| checkpoint, {len(pictures)} pictures | nominal SNR, dB | by the arithmetic of that code | as published |"
        " Es/N0 of that figure |\n| --- | --- | --- | --- | --- |"
    )
    off = list[float]()
    for entry in entries:
        with tempfile.TemporaryDirectory() as place:
            weights = Path(place) / "weights.safetensors"
            import_weights("deepjscc", folder / entry["weights"], weights)
            codec = DeepJSCCCNNCodec(str(weights))
            links = [link_of(DeepJSCCCNNCodec(str(weights), conventions=name)) for name in ("as published", "ours")]
            for nominal in KODAK_SNRS_DB:
                found = [[mean_psnr(link, each, nominal, KODAK_DRAWS).mean() for each in pictures] for link in links]
                means = [float(torch.stack(each).mean()) for each in (_by_arithmetic(codec, pictures, nominal), *found)]
                print(
                    f"| {entry['weights']} | {nominal:g} | {' | '.join(f'{mean:.2f}' for mean in means)} |", flush=True
                )
                off.append(abs(means[1] - means[0]))
    print(f"\nDifference between the first two: {max(off):.3f} dB at most.\n")


def _by_arithmetic(codec: DeepJSCCCNNCodec, pictures: Sequence[Tensor], nominal: float) -> list[Tensor]:
    """PSNR of each picture, the mean of the draws."""
    return [
        torch.stack([psnr(_sent(codec, each, nominal, draw, fades=False), each) for draw in range(KODAK_DRAWS)]).mean()
        for each in pictures
    ]


def over_awgn(weights: str, pictures: Tensor, nominal: float) -> tuple[Tensor, Tensor]:
    """PSNR of each draw, by both conventions."""
    links = [link_of(DeepJSCCCNNCodec(weights, conventions=conventions)) for conventions in ("as published", "ours")]
    as_published, ours = (mean_psnr(link, pictures, nominal) for link in links)
    return as_published, ours


def over_rayleigh(weights: str, pictures: Tensor, nominal: float) -> tuple[Tensor, Tensor]:
    """PSNR of each draw, by the channel of the authors' code and by linksim's."""
    codec = DeepJSCCCNNCodec(weights)
    theirs = torch.stack([psnr(_sent(codec, pictures, nominal, draw, fades=True), pictures) for draw in range(DRAWS)])
    link = link_of(DeepJSCCCNNCodec(weights, conventions="as published"), Rayleigh())
    return theirs, mean_psnr(link, pictures, nominal)


@torch.no_grad()
def _sent(codec: DeepJSCCCNNCodec, pictures: Tensor, nominal: float, seed: int, *, fades: bool) -> Tensor:
    """What the decoder shows by the arithmetic of the authors' code."""
    generator = torch.Generator().manual_seed(seed)
    encoded = codec.encoder.get_submodule("network")(pictures)
    sent = encoded / encoded.square().mean((1, 2, 3), keepdim=True).sqrt()
    gains = torch.randn(len(sent), 2, generator=generator) if fades else torch.ones(len(sent), 2)
    gains = gains.repeat_interleave(sent.shape[1] // 2, 1)[..., None, None]
    noise = torch.randn(sent.shape, generator=generator) * (10 ** (-nominal / 10) / 2) ** 0.5
    # linksim's networks take a mean power of 1 for each complex use.
    return codec.decoder.get_submodule("network")((gains * sent + noise) / 2**0.5)


def link_of(codec: DeepJSCCCNNCodec, channel: Block | None = None) -> Flowgraph:
    """A link at the rate of the codec's weights, the header for free."""
    rate = FixedRate(target_cbr=int(codec.rate_set[0]) / (3 * PATCH**2))
    return deepjscc_cnn(codec=codec, rate=rate, header=NoHeader(), channel=channel).eval()


@torch.no_grad()
def mean_psnr(link: Any, pictures: Tensor, snr_db: float, draws: int = DRAWS) -> Tensor:
    """The mean over the pictures of the PSNR in dB, for each draw."""
    runs = (link.run(image=pictures, snr_db=snr_db, seed=seed, probe=[DECODED]) for seed in range(draws))
    return torch.stack([psnr(run[DECODED], pictures) for run in runs])


def psnr(shown: Tensor, pictures: Tensor) -> Tensor:
    """The mean of the pictures' PSNR in dB."""
    return (-10 * (shown - pictures).square().mean((1, 2, 3)).log10()).mean()


if __name__ == "__main__":
    main()
