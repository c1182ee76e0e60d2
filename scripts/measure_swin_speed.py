"""SwinJSCC's published base size: time beside the plain formulation, and the memory of a large picture.

    .venv/bin/python scripts/measure_swin_speed.py

The plain formulation computes attention as Swin's paper writes it (Liu et al., ICCV 2021, eq. 4): the product of
queries and keys, the bias by relative position, a mask for shifted windows, softmax, the product with the values; every
step a tensor of its own. It has the same weights, and the script says how far its pictures are from linksim's. Times
are of encoder and decoder of one picture of 768x512 pixels on one core, in turn; the ratio is of the medians, with the
interval of the ratios of the pairs. The memory is the peak of a process that sends a picture of 2048x1024 pixels.
"""

import math
import resource
import statistics
import subprocess
import sys
import time

import torch
from torch import Tensor, nn

from linksim.blocks.jscc.published.swin_sizes import OFFICIAL
from linksim.blocks.jscc.published.swinjscc import DecoderNetwork, EncoderNetwork
from linksim.blocks.vectorizer.window_attention import WindowAttention

PAIRS, HEIGHT, WIDTH = 9, 512, 768
LARGE = "--large"
NOISE = 0.02
"""Standard deviation of the weights: those of the untrained network are zero here and there."""


class PlainAttention(nn.Module):
    """`WindowAttention` step by step, for grids of whole windows."""

    def __init__(self, fast: WindowAttention) -> None:
        super().__init__()
        self.fast = fast

    def forward(self, x: Tensor) -> Tensor:
        fast, (batch, rows, cols, width) = self.fast, x.shape
        window, shift = fast.window, fast.shift
        turned = torch.roll(x, (-shift, -shift), (1, 2))
        parts = turned.view(batch, rows // window, window, cols // window, window, width)
        cells = parts.permute(0, 1, 3, 2, 4, 5).reshape(-1, window**2, width)
        mixed = fast.mix(cells).reshape(len(cells), window**2, 3, fast.heads, width // fast.heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        scores = (query * (width // fast.heads) ** -0.5) @ key.transpose(-2, -1)
        scores = scores + fast.bias[fast.get_buffer("position")].permute(2, 0, 1)[None]
        if shift:
            mask = _shifted(rows, cols, window, shift)
            scores = scores.view(batch, -1, *scores.shape[1:]) + mask[None, :, None]
            scores = scores.flatten(0, 1)
        heard = (scores.softmax(-1) @ value).transpose(1, 2).reshape(len(cells), window**2, width)
        back = fast.out(heard).view(batch, rows // window, cols // window, window, window, width)
        return torch.roll(back.permute(0, 1, 3, 2, 4, 5).reshape(x.shape), (shift, shift), (1, 2))


def _shifted(rows: int, cols: int, window: int, shift: int) -> Tensor:
    """0 between cells of one window, minus infinity between others, [windows, cells, cells]."""
    number = torch.zeros(rows, cols)
    edges = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
    for n, (down, right) in enumerate((down, right) for down in edges for right in edges):
        number[down, right] = n
    parts = number.view(rows // window, window, cols // window, window).transpose(1, 2).reshape(-1, window**2)
    return torch.where(parts[:, None] == parts[:, :, None], 0.0, -math.inf)


def plain(module: nn.Module) -> nn.Module:
    """The same network whose attention is `PlainAttention`."""
    for name, child in module.named_children():
        setattr(module, name, PlainAttention(child) if isinstance(child, WindowAttention) else plain(child))
    return module


def networks() -> tuple[EncoderNetwork, DecoderNetwork]:
    """The base size with random weights, the same at every call."""
    torch.manual_seed(0)
    pair = EncoderNetwork(OFFICIAL).eval(), DecoderNetwork(OFFICIAL).eval()
    for network in pair:
        for parameter in network.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=NOISE)
    return pair


@torch.no_grad()
def sent(pair: tuple[nn.Module, nn.Module], image: Tensor) -> Tensor:
    """A picture through encoder and decoder."""
    snr_db = torch.tensor([10.0])
    return pair[1](pair[0](image, snr_db), snr_db)


def main() -> None:
    """Measure, print."""
    torch.set_num_threads(1)
    if LARGE in sys.argv:
        sent(networks(), torch.rand(1, 3, 1024, 2048))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    fast, slow = networks(), tuple(plain(network) for network in networks())
    image = torch.rand(1, 3, HEIGHT, WIDTH)
    far = (sent(fast, image) - sent((slow[0], slow[1]), image)).abs().max()
    seconds: dict[str, list[float]] = {"linksim": [], "plain": []}
    for _ in range(PAIRS):
        for name, pair in (("linksim", fast), ("plain", (slow[0], slow[1]))):
            start = time.perf_counter()
            sent(pair, image)
            seconds[name].append(time.perf_counter() - start)
    ratios = sorted(b / a for a, b in zip(*seconds.values(), strict=True))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"largest difference of the pictures: {float(far):.1e}")
    ratio = medians["plain"] / medians["linksim"]
    print(
        f"linksim {medians['linksim']:.2f} s, plain {medians['plain']:.2f} s: {ratio:.2f} "
        f"times as fast (of {PAIRS} pairs the least {ratios[0]:.2f}, the most {ratios[-1]:.2f})"
    )
    peak = subprocess.run([sys.executable, __file__, LARGE], capture_output=True, text=True, check=True)
    print(f"a picture of 2048x1024: {int(peak.stdout) / 1e6:.2f} GB at most in the process")


if __name__ == "__main__":
    main()
