"""Parameters and multiply-adds of SwinJSCC in every official size, of NTSCC and of DeepJSCC.

    .venv/bin/python scripts/count_published.py swinjscc/official_keys.json ntscc/official_keys.json

The files have the names and shapes of all tensors of the authors' networks by size, and the number of their
parameters. Counted are the networks as `linksim import` makes them of such names: without adaptation the authors' files
hold gates too, which nothing uses. Multiply-adds are of encoder and decoder together for a picture of 256x256 pixels
(CIFAR: 32x32) by torch's counter, which takes matrix products and convolutions; rates do not change them. NTSCC's are
of a transmitter and a receiver without side information.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from linksim.blocks import (
    DeepJSCCCNNDecoder,
    DeepJSCCCNNEncoder,
    PublishedNTSCCDecoder,
    PublishedNTSCCDevectorizer,
    PublishedNTSCCEncoder,
    PublishedNTSCCVectorizer,
)
from linksim.blocks.jscc.published.ntscc_sizes import OFFICIAL
from linksim.blocks.jscc.published.rate_adaptive import AdaptiveDecoderNetwork, AdaptiveEncoderNetwork
from linksim.blocks.jscc.published.swin_sizes import SwinSizes
from linksim.blocks.jscc.published.swinjscc import DecoderNetwork, EncoderNetwork
from linksim.published.swinjscc import VARIANTS, swinjscc_sizes
from linksim.types import ReceivedCodeword

KINDS = {"hr_small": "small", "hr_base": "base", "hr_large": "large", "cifar": "CIFAR"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("swinjscc", type=Path)
    parser.add_argument("ntscc", type=Path)
    asked = parser.parse_args()
    official: dict[str, Any] = json.loads(asked.swinjscc.read_text())
    print("| network | authors' parameters, M | used, M | multiply-adds, G | per pixel, k |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, said in official.items():
        size, _, variant = name.rpartition("_")
        given = {key: torch.empty(shape, device="meta") for key, shape in said["state"].items()}
        sizes = swinjscc_sizes(given, Path(name), variant)
        with torch.device("meta"):
            counted = _swinjscc(sizes, 32 if size == "cifar" else 256)
        _print(f"SwinJSCC {KINDS[size]}, {VARIANTS[variant]}", said["parameters"], *counted)
    _print("NTSCC", json.loads(asked.ntscc.read_text())["official"]["parameters"], *_ntscc(), 256)
    with torch.device("meta"):
        encoder, decoder = (kind(uses=64).get_submodule("network") for kind in (DeepJSCCCNNEncoder, DeepJSCCCNNDecoder))
        macs = _macs(encoder, torch.empty(1, 3, 256, 256)) + _macs(decoder, torch.empty(1, 8, 64, 64))
    _print("DeepJSCC, CBR 1/12", None, _parameters(encoder, decoder), macs, 256)


def _print(name: str, said: int | None, used: int, macs: int, edge: int) -> None:
    theirs = "-" if said is None else f"{said / 1e6:.2f}"
    print(f"| {name} | {theirs} | {used / 1e6:.2f} | {macs / 1e9:.2f} | {macs / edge**2 / 1e3:.1f} |")


def _swinjscc(sizes: SwinSizes, edge: int) -> tuple[int, int, int]:
    """Parameters, multiply-adds, and the edge of the picture that they are for."""
    snr_db, image = torch.empty(1), torch.empty(1, 3, edge, edge)
    cells = edge // 2 ** len(sizes.analysis)
    arrived = torch.empty(1, sizes.channels, cells, cells)
    if sizes.rate_gates:
        encoder, decoder = AdaptiveEncoderNetwork(sizes), AdaptiveDecoderNetwork(sizes)
        sent = _macs(encoder, image, snr_db, sizes.channels // 2)
    else:
        encoder, decoder = EncoderNetwork(sizes), DecoderNetwork(sizes)
        sent = _macs(encoder, image, snr_db)
    return _parameters(encoder, decoder), sent + _macs(decoder, arrived, snr_db), edge


def _ntscc() -> tuple[int, int]:
    """Parameters and multiply-adds of the authors' size."""
    blocks = PublishedNTSCCVectorizer(), PublishedNTSCCEncoder(), PublishedNTSCCDecoder(), PublishedNTSCCDevectorizer()
    vectorizer, encoder, decoder, devectorizer = blocks
    lengths = torch.full((1, 16, 16), int(OFFICIAL.lengths[-1]))
    symbols = torch.ones(1, 16, 16, int(lengths[0, 0, 0]), dtype=torch.complex64)
    received = ReceivedCodeword(symbols, symbols, torch.ones(symbols.shape), lengths, torch.ones(1))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        seen = vectorizer(tokens=torch.zeros(1, 3, 256, 256))
        encoder(latent=seen.latent, likelihood=seen.likelihood, lengths=lengths)
        devectorizer(latent=decoder(received=received))
    return _parameters(*blocks), counter.get_total_flops() // 2


def _parameters(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def _macs(module: nn.Module, *inputs: Any) -> int:
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() // 2


if __name__ == "__main__":
    main()
