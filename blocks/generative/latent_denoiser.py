"""A diffusion model's steps from a received latent to the one that was sent."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.generative.edge_map import SCALE, Edges
from linksim.blocks.generative.editor_network import WORDS, hashed_words
from linksim.blocks.jscc.swinjscc import MAX_USES
from linksim.blocks.jscc.undo_fading import to_symbols, undo_fading
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.blocks.vectorizer.layers import seeded_initialization, zero_convolution
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import PATCH, Lengths, ReceivedCodeword, Text, sent_mask
from linksim.weights import load_part

DIMENSIONS = 2 * MAX_USES
WIDTH, LAYERS, KERNEL, WIDER = 128, 6, 5, 2
"""Channels, residual blocks, the edge of their depthwise kernels, and how much wider they are inside."""
WORD_WIDTH, CONDITION = 32, 64
EDGE_VALUES = (PATCH // SCALE) ** 2
NO_EDGES = 0.5
"""What a receiver shows of a map that was lost, and what the network takes for no map."""
NO_NOISE_DB = 15.0
"""The SNR that the network around it is told, whatever the channel has: it was trained up to there."""
LAST_LEVEL = 1 / 16
"""Noise variance at the last step over that at the first, where there are several."""


class LatentDenoiser(Block):
    """Take the noise out of received symbols by steps of a diffusion model that begin at the channel's own noise.

    A received latent is what a diffusion model has at the step whose noise is the channel's. From there deterministic
    steps lead to the latent that was sent: a network estimates it, told the noise, the rates, the edges and a sentence,
    and the latent goes on along the line between the two, to less noise. One step is the network's mean estimate, with
    the least squared error. The network's answer is added to a Wiener filter's, so that untrained it is that filter.

    The symbols are those of `SwinJSCCEncoder`. 0.6 million parameters.

    Args:
        steps: of the diffusion model, 1 to 64.
        weights: a shipped name ("sgdjscc"), the path of a .safetensors file, or None for an untrained network.

    Shapes: received and out as `ReceivedCodeword`, kmax at most 64; out has gain 1, and an SNR of 15 dB for the
    error which is left; edges [batch, 3, edge_height, edge_width] at a quarter of the picture's size, see
    `EdgeMap`, and text [batch, bytes], each left out where none arrived. Gradients pass.
    Source: SGDJSCC, Zhang et al., arXiv 2501.01138; the steps, Song et al., ICLR 2021 (DDIM), in the form of Karras et
    al., NeurIPS 2022. The network is linksim's.

    Raises:
        ParameterError: `steps` is out of range.
        WeightsError: the weights are unknown or do not fit.

    >>> lengths, y = torch.full((1, 2, 3), 16), torch.ones(1, 2, 3, 16) + 0j
    >>> received = ReceivedCodeword(y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))
    >>> LatentDenoiser(weights=None)(received=received).codeword.shape
    torch.Size([1, 2, 3, 64])
    """

    def __init__(self, *, steps: int = 1, weights: str | None = "sgdjscc") -> None:
        super().__init__()
        require(1 <= steps <= 64, "steps", "in 1..64", steps)
        self.steps = steps
        variance = klt_basis()[1][:DIMENSIONS].sqrt()
        self.register_buffer("variance", variance.clone(), persistent=False)
        with seeded_initialization():
            self.network = _Network()
        load_part(self, weights, "latent_denoiser")

    @single_precision
    def forward(
        self, received: ReceivedCodeword, edges: Edges | None = None, text: Text | None = None
    ) -> ReceivedCodeword:
        symbols, noise = undo_fading(received, DIMENSIONS)
        sent, power = sent_mask(2 * received.lengths, DIMENSIONS), received.power[:, None, None, None]
        # As they were before the transmitter scaled them: there each dimension has its known variance.
        latent, noise = symbols * power.sqrt() * sent, noise * power
        guides = _guides(received.lengths, edges)
        told = self.network.told([""] * len(latent) if text is None else text.sentences, latent.device)
        for share in self._levels():
            estimate = self._estimate(latent, noise, sent, guides, told)
            latent = estimate + share**0.5 * (latent - estimate)
            noise = noise * share
        found = to_symbols((latent / power.sqrt() * sent).movedim(-1, 1))
        there = sent[..., ::2].to(found)
        left = torch.where(sent[..., ::2] > 0, 10 ** (-NO_NOISE_DB / 10), 1.0)
        return ReceivedCodeword(found, there, left, received.lengths, received.power)

    def _levels(self) -> list[float]:
        """The share of the noise that each step leaves."""
        if self.steps == 1:
            return [0.0]
        return [LAST_LEVEL ** (1 / (self.steps - 1))] * (self.steps - 1) + [0.0]

    def _estimate(self, latent: Tensor, noise: Tensor, sent: Tensor, guides: Tensor, told: Tensor) -> Tensor:
        """The latent that was sent, [batch, rows, cols, dimensions], from one with this noise."""
        variance = self.get_buffer("variance")
        total = variance + noise
        spread = (variance * noise / total).sqrt()
        # Nothing was sent where a header was lost.
        signal, disturbance = ((each * sent).sum((1, 2, 3)).clamp_min(1e-9) for each in (variance, noise))
        ratio = (signal / disturbance).log10()
        seen = (latent * total.rsqrt() * sent).movedim(-1, 1)
        change = self.network(torch.cat([seen, guides], 1), ratio, told)
        return (latent * variance / total + spread * change.movedim(1, -1)) * sent


class _Network(nn.Module):
    """Residual blocks on the grid of patches, scaled and shifted by the noise and the words; zero at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, WORD_WIDTH, mode="mean")
        self.condition = nn.Sequential(nn.Linear(1 + WORD_WIDTH, CONDITION), nn.SiLU())
        self.first = nn.Conv2d(DIMENSIONS + 1 + EDGE_VALUES, WIDTH, 1)
        self.blocks = nn.ModuleList(_ResidualBlock() for _ in range(LAYERS))
        self.last = zero_convolution(WIDTH, DIMENSIONS)

    def told(self, sentences: list[str], device: torch.device) -> Tensor:
        """The sentences as vectors, [batch, width]."""
        return self.words(*hashed_words(sentences, device))

    def forward(self, seen: Tensor, ratio: Tensor, words: Tensor) -> Tensor:
        """The change in units of its spread, from what is seen [batch, channels, rows, cols], the logarithm of signal
        over noise [batch] and the words' vectors."""
        told = self.condition(torch.cat([ratio[:, None].to(words), words], 1))
        x = self.first(seen)
        for block in self.blocks:
            x = block(x, told)
        return self.last(x)


class _ResidualBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.around = nn.Conv2d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2, groups=WIDTH)
        self.norm = nn.GroupNorm(1, WIDTH)
        self.wide, self.narrow = nn.Conv2d(WIDTH, WIDER * WIDTH, 1), zero_convolution(WIDER * WIDTH, WIDTH)
        self.condition = nn.Linear(CONDITION, 2 * WIDTH)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.condition(told)[..., None, None].chunk(2, 1)
        return x + self.narrow(functional.gelu(self.wide(self.norm(self.around(x)) * (1 + scale) + shift)))


def _guides(lengths: Lengths, edges: Tensor | None) -> Tensor:
    """Rates and edges of each patch, [batch, 1 + 16, rows, cols]."""
    rates = (lengths.clamp_min(1).float().log2() / 3 - 1)[:, None]
    rows, cols = (side * PATCH // SCALE for side in lengths.shape[1:])
    if edges is None:
        seen = torch.zeros(len(lengths), EDGE_VALUES, *lengths.shape[1:], device=lengths.device)
    else:
        missing = (0, max(0, cols - edges.shape[3]), 0, max(0, rows - edges.shape[2]))
        whole = functional.pad(edges.float(), missing, mode="replicate")[:, :, :rows, :cols]
        seen = functional.pixel_unshuffle(whole.mean(1, keepdim=True) - NO_EDGES, PATCH // SCALE)
    return torch.cat([rates, seen], 1)
