"""Words as channel symbols, and back."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.text.noise_attention import MAX_SNR_DB, MIN_SNR_DB
from linksim.blocks.text.semantic_encoder import WIDTH, WordCounts
from linksim.blocks.text.transformer import optional_noise_attention, straight_linear, zero_linear
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Decibels, Received, Symbols, TextFeatures, sent_mask
from linksim.weights import load_part

USES_PER_WORD = (1, 2, 4, 8)
WIDE = 256
"""Of VLM-CSC (section V-A): 256, then 128, mirrored at the receiver."""
START_SNR = 10.0
"""Linear: an untrained decoder trusts symbols as if the SNR were never higher."""
MIN_STRENGTH = 1e-9


class TextChannelEncoder(Block):
    """Each word's features as `uses_per_word` complex symbols, by a network of two layers with NAM after each.

    The power is normalised per sentence over its own uses: sum |x|^2 = length * uses_per_word.

    Args:
        uses_per_word: c, complex channel uses per word, 1, 2, 4 or 8.
        noise_attention: whether NAM stands after each layer.
        weights: a shipped name ("europarl", "captions") or the path of a .safetensors file; None leaves it untrained.

    Shapes: features [batch, words, 128]; length [batch] in words; snr_db [batch], the mean SNR; out.samples
    [batch, words*c] complex, out.length = length*c. Gradients pass.
    Source: VLM-CSC (arXiv 2407.00020), section III-B.

    Raises:
        ParameterError: `uses_per_word` is none of these.
        WeightsError: the weights are unknown or do not fit.

    >>> features, length = torch.randn(1, 3, 128), torch.tensor([3])
    >>> symbols = TextChannelEncoder(uses_per_word=2)(features=features, length=length, snr_db=torch.tensor([5.0]))
    >>> symbols.length.tolist(), symbols.samples.abs().square().sum().round().item()
    ([6], 6.0)
    """

    def __init__(self, *, uses_per_word: int = 8, noise_attention: bool = True, weights: str | None = None) -> None:
        super().__init__()
        self.uses_per_word = checked_uses(uses_per_word)
        with seeded_initialization():
            self.straight = straight_linear(WIDTH, 2 * uses_per_word)
            self.wide, self.narrow = nn.Linear(WIDTH, WIDE), nn.Linear(WIDE, WIDTH)
            self.wide_noise, self.narrow_noise = (
                optional_noise_attention(width, noise_attention) for width in (WIDE, WIDTH)
            )
            self.out = zero_linear(WIDTH, 2 * uses_per_word)
        load_part(self, weights, "text_channel_encoder")

    @single_precision
    def forward(self, features: TextFeatures, length: WordCounts, snr_db: Decibels) -> Symbols:
        hidden = weighed(functional.relu(self.wide(features)), self.wide_noise, snr_db)
        hidden = weighed(functional.relu(self.narrow(hidden)), self.narrow_noise, snr_db)
        real = (self.straight(features) + self.out(hidden)).float()
        there = sent_mask(length, features.shape[1])
        real = real * there[..., None]
        uses = length * self.uses_per_word
        energy = real.square().sum((1, 2)).clamp_min(MIN_STRENGTH)
        scaled = real * (uses / energy).sqrt()[:, None, None]
        samples = torch.view_as_complex(scaled.unflatten(-1, (-1, 2)).contiguous()).flatten(1)
        return Symbols(samples, uses)


class ReceivedSentence(NamedTuple):
    """What the receiver makes of the symbols: a vector for each word, the sentence's length, the SNR that it sees."""

    features: TextFeatures
    length: WordCounts
    snr_db: Decibels


class TextChannelDecoder(Block):
    """The received symbols of each word as features: `TextChannelEncoder`'s other end.

    It knows gain and noise variance of each use, and gives NAM the SNR that follows from them, 15 dB at most. Untrained
    it hands on the symbols weighted as the likelihood wants them.

    Args:
        uses_per_word, noise_attention, weights: the encoder's.

    Shapes: received [batch, uses], the payload; length [batch] in words, as the header says; out.features
    [batch, words, 128]; out.length [batch], not more than there are symbols for; out.snr_db [batch]. Gradients pass.
    Source: VLM-CSC (arXiv 2407.00020), section III-B; the matched filter, Proakis, Digital Communications, ch. 4.

    Raises:
        ParameterError: `uses_per_word` is none of these.
        WeightsError: the weights are unknown or do not fit.

    >>> from linksim.blocks import AWGN
    >>> symbols = Symbols(torch.ones(1, 6) + 0j, torch.tensor([6]))
    >>> received = AWGN().seed(1)(symbols=symbols, snr_db=torch.tensor([5.0]))
    >>> out = TextChannelDecoder(uses_per_word=2)(received=received, length=torch.tensor([3]))
    >>> out.features.shape, out.snr_db.round().tolist()
    (torch.Size([1, 3, 128]), [5.0])
    """

    def __init__(self, *, uses_per_word: int = 8, noise_attention: bool = True, weights: str | None = None) -> None:
        super().__init__()
        self.uses_per_word = checked_uses(uses_per_word)
        with seeded_initialization():
            self.straight = straight_linear(2 * uses_per_word, WIDTH)
            self.narrow, self.wide = nn.Linear(3 * uses_per_word, WIDTH), nn.Linear(WIDTH, WIDE)
            self.narrow_noise, self.wide_noise = (
                optional_noise_attention(width, noise_attention) for width in (WIDTH, WIDE)
            )
            self.out = zero_linear(WIDE, WIDTH)
        load_part(self, weights, "text_channel_decoder")

    @single_precision
    def forward(self, received: Received, length: WordCounts) -> ReceivedSentence:
        length = torch.minimum(length, received.symbols.length // self.uses_per_word)
        words = max(int(length.max()), 1)
        symbols, snr = self._per_word(received, words)
        there = sent_mask(length, words)
        seen = (snr.mean(-1) * there).sum(1) / length.clamp_min(1)
        snr_db = _decibels(seen)
        trusted = 1 + snr.clamp_max(START_SNR).repeat_interleave(2, -1)
        hidden = torch.cat([symbols, _decibels(snr) / 10], -1)
        hidden = weighed(functional.relu(self.narrow(hidden)), self.narrow_noise, snr_db)
        hidden = weighed(functional.relu(self.wide(hidden)), self.wide_noise, snr_db)
        features = (self.straight(2 * trusted * symbols) + self.out(hidden)).float()
        return ReceivedSentence(features * there[..., None], length, snr_db)

    def _per_word(self, received: Received, words: int) -> tuple[Tensor, Tensor]:
        """Symbols by the MMSE rule, real [batch, words, 2c], and the SNR of each use, [batch, words, c]."""
        strength, noise = received.gain.abs().square(), received.noise_variance.clamp_min(MIN_STRENGTH)
        weight = received.gain.conj() / (strength + noise)
        samples = (received.symbols.samples * weight).to(torch.complex64)
        uses = words * self.uses_per_word
        samples, snr = (functional.pad(each, (0, max(uses - each.shape[1], 0)))[:, :uses].unflatten(1, (words, -1))
                        for each in (samples, (strength / noise).float()))  # fmt: skip
        return torch.view_as_real(samples.contiguous()).flatten(-2), snr


def checked_uses(uses_per_word: int) -> int:
    """The uses per word. Raises `ParameterError` where the codec has none such."""
    known = ", ".join(map(str, USES_PER_WORD))
    require(uses_per_word in USES_PER_WORD, "uses_per_word", f"one of {known}", uses_per_word)
    return uses_per_word


def weighed(hidden: Tensor, noise_attention: nn.Module | None, snr_db: Tensor) -> Tensor:
    """Hidden features after NAM, where there is one."""
    return hidden if noise_attention is None else noise_attention(features=hidden, snr_db=snr_db)


def _decibels(snr: Tensor) -> Tensor:
    return 10 * snr.clamp(10 ** (MIN_SNR_DB / 10), 10 ** (MAX_SNR_DB / 10)).log10()
