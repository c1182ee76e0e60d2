"""The network that finishes a coarse picture, told how it was sent and what is said of it."""

import re
from hashlib import blake2b

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.blocks.vectorizer.layers import SLOPE, scaled_convolution, zero_bias, zero_convolution

WIDTHS = (32, 64, 128)
"""Channels at 1/2, 1/4 and 1/8 of the picture's size."""
BLOCKS = (1, 2, 4)
"""Residual blocks at each size, those of 1/2 and 1/4 on the way down and again on the way up."""
CONDITION, WORDS, WORD_WIDTH = 96, 2000, 64
"""Width of what all blocks are told; places that words are hashed to, and the width of a word."""
CHANGE = 0.1
"""Of the pixel range: the size of a change that the last layer gives for features of size one."""
SNR_STEP_DB = 10.0
MULTIPLE = 8


class EditorNetwork(nn.Module):
    """A residual U-Net on pictures of sizes that 16 divides; its blocks are scaled and shifted by the condition.

    The condition is the SNR, the mean rate, and the mean of the learned vectors of the sentence's words, hashed. Each
    patch's rate comes in beside the pixels. 1.9 million parameters. It changes nothing before it is trained.
    """

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth = WIDTHS
        self.words = nn.EmbeddingBag(WORDS, WORD_WIDTH, mode="mean")
        self.condition = nn.Sequential(
            nn.Linear(2 + WORD_WIDTH, CONDITION), nn.SiLU(), nn.Linear(CONDITION, CONDITION), nn.SiLU()
        )
        self.first = scaled_convolution(3 * 4 + 1, half)
        self.half_down, self.quarter_down = _stack(half, BLOCKS[0]), _stack(quarter, BLOCKS[1])
        self.eighth = _stack(eighth, BLOCKS[2])
        self.to_quarter, self.to_eighth = (
            scaled_convolution(a, b, 2, 2) for a, b in ((half, quarter), (quarter, eighth))
        )
        self.from_eighth = scaled_convolution(eighth, 4 * quarter, 1)
        self.from_quarter = scaled_convolution(quarter, 4 * half, 1)
        self.quarter_up, self.half_up = _stack(quarter, BLOCKS[1]), _stack(half, BLOCKS[0])
        self.last = zero_convolution(half, 3 * 4, 3)

    def forward(self, image: Tensor, rates: Tensor, snr_db: Tensor, sentences: list[str]) -> Tensor:
        """What is to be added to image [batch, 3, height, width], for rates [batch, rows, cols] in uses per patch and
        snr_db [batch]."""
        octaves = rates.clamp_min(1).log2() / 3 - 1
        told = self._told(octaves.mean((1, 2)), snr_db, sentences)
        tokens = functional.pixel_unshuffle(image - 0.5, 2)
        around = functional.interpolate(octaves[:, None], size=(tokens.shape[2], tokens.shape[3]))
        half = through(self.half_down, self.first(torch.cat([tokens, around.to(tokens)], 1)), told)
        quarter = through(self.quarter_down, self.to_quarter(half), told)
        x = through(self.eighth, self.to_eighth(quarter), told)
        x = through(self.quarter_up, quarter + functional.pixel_shuffle(self.from_eighth(x), 2), told)
        x = through(self.half_up, half + functional.pixel_shuffle(self.from_quarter(x), 2), told)
        return CHANGE * functional.pixel_shuffle(self.last(x).float(), 2)

    def _told(self, octaves: Tensor, snr_db: Tensor, sentences: list[str]) -> Tensor:
        numbers = torch.stack([(snr_db.clamp(-5, 25) - SNR_STEP_DB) / SNR_STEP_DB, octaves.to(snr_db)], 1)
        # The mean of no words is zero.
        return self.condition(torch.cat([numbers, self.words(*hashed_words(sentences, snr_db.device))], 1))


class ConditionedResidualBlock(nn.Module):
    """x + B leaky(scale * A x + shift), scale and shift by the condition; B is zero at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.widen = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.widen.weight, a=SLOPE)
        zero_bias(self.widen)
        self.narrow = zero_convolution(channels, channels, 3)
        self.condition = nn.Linear(CONDITION, 2 * channels)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """x [batch, channels, rows, cols], told [batch, 96]."""
        scale, shift = self.condition(told)[..., None, None].chunk(2, 1)
        return x + self.narrow(functional.leaky_relu(self.widen(x) * (1 + scale) + shift, SLOPE))


def _stack(channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(ConditionedResidualBlock(channels) for _ in range(count))


def through(blocks: nn.ModuleList, x: Tensor, told: Tensor) -> Tensor:
    """x after all blocks."""
    for block in blocks:
        x = block(x, told)
    return x


def hashed(sentence: str) -> list[int]:
    """The places of a sentence's words, each once, the same on every machine."""
    words = sorted(set(re.findall(r"[a-z]+", sentence.lower())))
    return [int.from_bytes(blake2b(word.encode(), digest_size=4).digest(), "big") % WORDS for word in words]


def hashed_words(sentences: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
    """What a bag of words of the sentences takes: their places one after the other, and where each sentence begins."""
    places = [hashed(sentence) for sentence in sentences]
    starts = torch.tensor([0, *(len(each) for each in places[:-1])], device=device).cumsum(0)
    return torch.tensor([place for each in places for place in each], dtype=torch.int64, device=device), starts
