"""All learned codecs on one picture of 2048x1024, one thread: encoding, decoding, memory; and windowed attention beside
the same layers written plainly.

usage: python tests/benchmarks/codec_speed.py [PICTURE]

Without a picture, a photograph of scikit-image is tiled to that size. The codecs take turns, so that what else the
machine does falls on all; memory is the peak of a process of its own, libraries and all.
"""

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from skimage import data
from torch import Tensor, nn

from linksim import Block, Flowgraph
from linksim.blocks.sources import read_picture
from linksim.blocks.vectorizer.window_attention import TransformerBlock, WindowAttention
from linksim.flowgraphs import LINKS

ROUNDS = 3
ENCODERS, DECODERS = ("vectorizer", "jscc_encoder"), ("jscc_decoder", "devectorizer")
GRID, WIDTH, HEADS, WINDOW = (64, 128), 256, 8, 8


def picture(arguments: list[str]) -> Tensor:
    """The picture, [1, 3, height, width]."""
    image = read_picture(Path(arguments[0]) if arguments else Path(data.data_dir) / "astronaut.png")[None]
    return image if arguments else image.repeat(1, 1, 2, 4)


def timed_blocks(link: Flowgraph, names: Iterable[str]) -> dict[str, Block]:
    """Those of the blocks that a link has, in its transmitter or its receiver."""
    sides = {**link.transmitter.blocks, **link.receiver.blocks}
    return {name: sides[name] for name in names if name in sides}


def coding_seconds(link: Flowgraph, image: Tensor) -> tuple[float, float]:
    """Seconds that the learned blocks took in one run: before the channel, behind it."""
    began: dict[str, float] = {}
    spent: dict[str, float] = {}

    def timer(name: str, now: dict[str, float]) -> Callable[..., None]:
        def note(*_: object) -> None:
            now[name] = time.perf_counter() - began.get(name, 0.0)

        return note

    timed = timed_blocks(link, (*ENCODERS, *DECODERS))
    hooks = [block.register_forward_pre_hook(timer(name, began)) for name, block in timed.items()]
    hooks += [block.register_forward_hook(timer(name, spent)) for name, block in timed.items()]
    link.run(image=image, snr_db=10.0)
    for hook in hooks:
        hook.remove()
    return tuple(sum(spent.get(name, 0.0) for name in group) for group in (ENCODERS, DECODERS))  # pyright: ignore


def codecs(image: Tensor) -> None:
    """Seconds by codec, and ratios to SA-OOSC's."""
    links = {name: factory() for name, factory in LINKS.items()}
    for link in links.values():
        link.run(image=image, snr_db=10.0)
    rounds = [{name: coding_seconds(link, image) for name, link in links.items()} for _ in range(ROUNDS)]
    for name in links:
        encoding, decoding = (statistics.median(each[name][side] for each in rounds) for side in (0, 1))
        ratios = [sum(each[name]) / sum(each["sa_oosc"]) for each in rounds]
        print(
            f"{name}: encoding {encoding:.2f} s, decoding {decoding:.2f} s, {statistics.median(ratios):.2f} times "
            f"sa_oosc ({min(ratios):.2f} to {max(ratios):.2f}); peak {peak_gib(name):.2f} GiB"
        )


def peak_gib(name: str) -> float:
    """Peak memory of a process that sends the picture once over a link."""
    command = [sys.executable, __file__, "--peak", name, *sys.argv[1:]]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


class PlainBlock(nn.Module):
    """The layers of a `TransformerBlock` as published code has them: cyclic shift, partition, softmax of q k + bias."""

    def __init__(self, block: TransformerBlock) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        x = x.movedim(1, -1)
        x = x + self.attend(self.block.attention_norm(x))
        return (x + self.block.network(self.block.network_norm(x))).movedim(-1, 1)

    def attend(self, x: Tensor) -> Tensor:
        """Windowed attention with a cyclic shift and a mask of what it brings together."""
        of: WindowAttention = self.block.attention
        batch, rows, cols, width = x.shape
        shifted = torch.roll(x, (-of.shift, -of.shift), (1, 2)) if of.shift else x
        cells = shifted.view(batch, rows // WINDOW, WINDOW, cols // WINDOW, WINDOW, width)
        cells = cells.permute(0, 1, 3, 2, 4, 5).reshape(-1, WINDOW**2, width)
        query, key, value = of.mix(cells).view(len(cells), WINDOW**2, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        scores = (query * (width // HEADS) ** -0.5) @ key.transpose(-2, -1)
        scores = scores + of.bias[of.position.flatten()].view(WINDOW**2, WINDOW**2, -1).permute(2, 0, 1)
        if of.shift:
            scores = scores + shift_mask(rows, cols, of.shift).repeat(batch, 1, 1)[:, None]
        mixed = of.out((scores.softmax(-1) @ value).transpose(1, 2).reshape(len(cells), WINDOW**2, width))
        mixed = mixed.view(batch, rows // WINDOW, cols // WINDOW, WINDOW, WINDOW, width)
        mixed = mixed.permute(0, 1, 3, 2, 4, 5).reshape(x.shape)
        return torch.roll(mixed, (of.shift, of.shift), (1, 2)) if of.shift else mixed


def shift_mask(rows: int, cols: int, shift: int) -> Tensor:
    """Minus infinity between cells that a cyclic shift alone made neighbours, [windows, cells, cells]."""
    part = torch.zeros(rows, cols)
    for number, (down, right) in enumerate((d, r) for d in range(3) for r in range(3)):
        cuts = [slice(0, -WINDOW), slice(-WINDOW, -shift), slice(-shift, None)]
        part[cuts[down], cuts[right]] = number
    cells = part.view(rows // WINDOW, WINDOW, cols // WINDOW, WINDOW).transpose(1, 2).reshape(-1, WINDOW**2)
    return torch.where(cells[:, None] == cells[:, :, None], 0.0, -math.inf)


def attention() -> None:
    """Ours over the plain layers, at 1/16 of a picture of 2048x1024."""
    x = torch.randn(1, WIDTH, *GRID).contiguous(memory_format=torch.channels_last)
    for shifted in (False, True):
        ours = TransformerBlock(WIDTH, HEADS, WINDOW, shifted=shifted)
        for parameter in ours.parameters():
            nn.init.normal_(parameter, std=0.02)
        plain = PlainBlock(ours)
        torch.testing.assert_close(ours(x), plain(x), atol=1e-4, rtol=1e-3)
        ratios: list[float] = []
        for _ in range(3 * ROUNDS):
            times: list[float] = []
            for block in (ours, plain):
                start = time.perf_counter()
                for _ in range(5):
                    block(x)
                times.append(time.perf_counter() - start)
            ratios.append(times[0] / times[1])
        kind = "shifted" if shifted else "straight"
        print(f"transformer block of 256, {kind} windows: {statistics.median(ratios):.2f} times the plain layers "
              f"({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


@torch.no_grad()
def main() -> None:
    """Print the figures."""
    torch.set_num_threads(1)
    if "--peak" in sys.argv:
        place = sys.argv.index("--peak")
        LINKS[sys.argv[place + 1]]().run(image=picture(sys.argv[place + 2 :]), snr_db=10.0)
        # Not ru_maxrss, which in a fresh process starts from its parent's.
        status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        print(int(status["VmHWM"].split()[0]) / 2**20)
        return
    attention()
    codecs(picture(sys.argv[1:]))


if __name__ == "__main__":
    main()
