"""SA-OOSC's variable-length joint coder: one network for all rates and SNRs, about a linear core."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.jscc.linear_core import FILTERED, LinearDecoderCore, LinearEncoderCore, of_level
from linksim.blocks.jscc.undo_fading import undo_fading
from linksim.blocks.rate_set import RateSet, levels_of, rate_values
from linksim.blocks.vectorizer.hv import LEARNED_CHANNELS, LEARNED_STEP
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.blocks.vectorizer.layers import (
    SLOPE,
    ResidualBlock,
    scaled_convolution,
    seeded_initialization,
    zero_convolution,
)
from linksim.blocks.vectorizer.window_attention import transformer
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Codeword, Decibels, Latent, Lengths, ReceivedCodeword, sent_mask
from linksim.weights import load_part

WIDTH, HIDDEN = 192, 160
ENCODER_BLOCKS, DECODER_BLOCKS = 3, 5
HEADS, WINDOW, MAX_TRANSFORMER_BLOCKS = 8, 8, 16
SNR_WIDTH = 64
MORE_DB, LESS_DB = 6.0, 3.0
"""Where training starts: power for patches with more uses than their content asks for, off those with less."""
FAVOURED_USES = (0.3, 0.6)
"""Share of the channel uses up to which favoured patches get all of the extra power, and from which on none."""
MEAN_SNR_DB = 10.0
SNRS_DB, PATCH_SNRS_DB = (-5.0, 25.0), (-20.0, 30.0)
"""Beyond these the coder takes an SNR for the nearest of them: it is trained on 0 to 20 dB, fading about them."""


class UnequalPower(nn.Module):
    """The amplitude of a patch by its rate level and that of its content: more where it matters more, less where less.

    Uses alone do not make a linear code better: what a patch gets beyond its content's rate pays with power behind it.
    `more_db` comes on top of what was learned for patches of the first kind, `values` being the lengths of V. Power is
    shared by the whole picture, so that it helps few patches at the cost of many, and not many at the cost of few: all
    of it is given where such patches have up to 30 % of the channel uses, nothing from 60 % on, in proportion between.
    Both ends know the shares, because they know both maps.
    Shapes: levels and contents [batch, rows, cols]; out [batch, rows, cols, 1], 1 where the two are the same.
    """

    def __init__(self, values: Sequence[int], more_db: float) -> None:
        super().__init__()
        require(-20 <= more_db <= 20, "importance_gain_db", "in -20..20 dB", more_db)
        self.more = more_db * math.log(10) / 20
        self.register_buffer("values", torch.tensor(values), persistent=False)
        level = torch.arange(len(values))
        decibels = torch.where(level > level[:, None], MORE_DB, 0.0) - torch.where(level < level[:, None], LESS_DB, 0.0)
        self.log_amplitude = nn.Parameter(decibels * math.log(10) / 20)

    def forward(self, levels: Tensor, base_rates: Tensor) -> Tensor:
        chosen = of_level(self.log_amplitude.flatten()[:, None], base_rates * len(self.log_amplitude) + levels)
        chosen = (
            chosen + torch.where(levels > base_rates, self.more * self._share_given(levels, base_rates), 0.0)[..., None]
        )
        return torch.where((levels == base_rates)[..., None], 1.0, chosen.exp())

    def _share_given(self, levels: Tensor, base_rates: Tensor) -> Tensor:
        """How much of `more` each picture's patches get, float [batch, 1, 1]."""
        uses = self.get_buffer("values")[levels].float()
        favoured = (uses * (levels > base_rates)).sum((1, 2), keepdim=True) / uses.sum((1, 2), keepdim=True)
        few, many = FAVOURED_USES
        return ((many - favoured) / (many - few)).clamp(0, 1)


class Conditioned(nn.Module):
    """Residual and transformer blocks on the sum of an embedding, tokens of rate and content, and the channel's quality
    embedded."""

    def __init__(self, blocks: int, transformer_blocks: int, levels: int, outputs: int) -> None:
        super().__init__()
        self.token = nn.Embedding(levels, WIDTH)
        nn.init.normal_(self.token.weight, std=0.1)
        self.content_token = nn.Embedding(levels, WIDTH)
        nn.init.zeros_(self.content_token.weight)
        self.quality = nn.Sequential(nn.Linear(1, SNR_WIDTH), nn.SiLU(), nn.Linear(SNR_WIDTH, WIDTH))
        self.blocks = nn.Sequential(*(ResidualBlock(WIDTH, HIDDEN, kernel=1) for _ in range(blocks)))
        self.transformer = transformer(WIDTH, HEADS, WINDOW, transformer_blocks)
        self.tail = zero_convolution(WIDTH, 2 * outputs)

    def forward(
        self, linear: Tensor, embedding: Tensor, levels: Tensor, base_rates: Tensor, quality_db: Tensor
    ) -> Tensor:
        """What the linear core gave, [batch, outputs, rows, cols], scaled and shifted as the network sees fit.

        Shapes: embedding [batch, width, rows, cols]; levels, contents and quality_db [batch, rows, cols].
        """
        quality = self.quality((quality_db[..., None] - MEAN_SNR_DB) / 10)
        condition = (self.token(levels) + self.content_token(base_rates) + quality).movedim(-1, 1)
        x = (embedding + condition).contiguous(memory_format=torch.channels_last)
        log_scale, shift = self.tail(functional.leaky_relu(self.transformer(self.blocks(x)), SLOPE)).float().chunk(2, 1)
        return linear * log_scale.clamp(-4.0, 2.0).exp() + shift


class JointCoder(Block):
    """Base of both ends: their parameters, and what both are built of."""

    part: ClassVar[str]
    """Whose weights it takes from a file."""

    def __init__(
        self,
        *,
        channels: int = LEARNED_CHANNELS,
        step: float = LEARNED_STEP,
        rate_set: RateSet = "default",
        transformer_blocks: int = 0,
        importance_gain_db: float = 0.0,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        values, deviation = _start(channels, step, rate_set, transformer_blocks)
        self.register_buffer("values", torch.tensor(values), persistent=False)
        self.register_buffer("scale", deviation.rsqrt()[:, None, None])
        self.boost = UnequalPower(values, importance_gain_db)
        with seeded_initialization():
            self.build(values, deviation, transformer_blocks)
        load_part(self, weights, self.part)

    def build(self, values: tuple[int, ...], deviation: Tensor, transformer_blocks: int) -> None:
        """Make the linear core and the network; `deviation` is that of each channel of the latent."""
        raise NotImplementedError


class JSCCEncoder(JointCoder):
    """Map the latent of each patch to its k complex symbols: a linear core per rate plus one network for all.

    The network sees the patch's surroundings, a learned token for its rate and the SNR; the prefix mask keeps the first
    2k of its real outputs. `base_rate`, the lengths that the content alone would have got, tells it from importance.
    Untrained it is linear: power loading in closed form, as `LinearJSCCEncoder`. `transformer_blocks` of 8 heads, in
    windows of 8x8 patches, follow the residual blocks; the paper has 4, the weights "small" none. `importance_gain_db`:
    more power, beyond what was learned, for patches with more uses than their content asks for, where these are few
    (see `UnequalPower`); both ends need the same.

    Shapes: latent [batch, channels, rows, cols], real; lengths and base_rate [batch, rows, cols] complex uses, in V,
    content as lengths if absent; snr_db [batch], the mean SNR that the transmitter counts on; out
    [batch, rows, cols, kmax], kmax the largest of V. Gradients pass.
    Source: SA-OOSC appendix 12, its ref. 11 (NTSCC, Dai et al., IEEE JSAC 2022); SNR as in ADJSCC, Xu et al., 2022.

    Raises:
        ParameterError: a parameter is out of range, or a length is not in V.
        WeightsError: the weights are unknown or do not fit.

    >>> latent, lengths = torch.randn(1, 256, 2, 2), torch.full((1, 2, 2), 8)
    >>> JSCCEncoder()(latent=latent, lengths=lengths, snr_db=torch.tensor([10.0])).shape
    torch.Size([1, 2, 2, 128])
    """

    part = "jscc_encoder"

    def build(self, values: tuple[int, ...], deviation: Tensor, transformer_blocks: int) -> None:
        """See `JointCoder`."""
        self.core = LinearEncoderCore(deviation, values)
        self.embedding = scaled_convolution(len(deviation), WIDTH, 1)
        self.network = Conditioned(ENCODER_BLOCKS, transformer_blocks, len(values), 2 * max(values))

    @single_precision
    def forward(self, latent: Latent, lengths: Lengths, snr_db: Decibels, base_rate: Lengths | None = None) -> Codeword:
        values = self.get_buffer("values")
        levels = levels_of(lengths, values)
        base_rates = levels if base_rate is None else levels_of(base_rate, values)
        quality = snr_db.clamp(*SNRS_DB)[:, None, None].expand(levels.shape).to(latent)
        embedding = self.embedding(latent * self.get_buffer("scale"))
        coded = self.network(self.core(latent, levels, quality), embedding, levels, base_rates, quality)
        sent = coded.movedim(1, -1) * self.boost(levels, base_rates) * sent_mask(2 * lengths, coded.shape[1])
        return torch.view_as_complex(sent.unflatten(-1, (-1, 2)).contiguous())


class JSCCDecoder(JointCoder):
    """Estimate the latent from the received symbols: Wiener weights and a linear core per rate, plus one network.

    Every symbol counts by its own noise variance; the network sees the patch's surroundings, tokens for its rate and
    its content, its mean SNR, and how much stronger its symbols came than is usual at this rate. The receiver uses
    nothing but what crossed the channel. `transformer_blocks` and `importance_gain_db` as for
    `JSCCEncoder`.

    Shapes: received as `ReceivedCodeword`; base_rate [batch, rows, cols] complex uses, in V, received.lengths if
    absent; out [batch, channels, rows, cols]. Gradients pass.
    Source: SA-OOSC appendix 12; LMMSE, Kay, Fundamentals of Statistical Signal Processing, ch. 12.

    Raises:
        ParameterError: a parameter is out of range, or a length is not in V.
        WeightsError: the weights are unknown or do not fit.

    >>> lengths, y = torch.full((1, 1, 1), 8), torch.ones(1, 1, 1, 8) + 0j
    >>> JSCCDecoder()(received=ReceivedCodeword(
    ...     y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))).shape
    torch.Size([1, 256, 1, 1])
    """

    part = "jscc_decoder"

    def build(self, values: tuple[int, ...], deviation: Tensor, transformer_blocks: int) -> None:
        """See `JointCoder`."""
        self.core = LinearDecoderCore(deviation, values)
        self.symbol_embedding = scaled_convolution(2 * max(values), WIDTH, 1)
        self.latent_embedding = scaled_convolution(len(deviation), WIDTH, 1)
        self.energy_embedding = zero_convolution(len(values), WIDTH)
        self.network = Conditioned(DECODER_BLOCKS, transformer_blocks, len(values), len(deviation))

    @single_precision
    def forward(
        self,
        received: ReceivedCodeword,
        base_rate: Lengths | None = None,
    ) -> Latent:
        levels = levels_of(received.lengths, self.get_buffer("values"))
        base_rates = levels if base_rate is None else levels_of(base_rate, self.get_buffer("values"))
        dimensions = 2 * int(self.get_buffer("values")[-1])
        symbols, noise = undo_fading(received, dimensions, self.boost(levels, base_rates))
        sent = sent_mask(2 * received.lengths, dimensions)
        noise = torch.where(sent, noise, 1.0)
        power = received.power[:, None, None, None]
        scaled = symbols * power.sqrt() * sent
        estimate, whitened, energy = self.core(
            scaled.movedim(-1, 1),
            (noise * power).movedim(-1, 1),
            sent.movedim(-1, 1),
            levels,
        )
        mean_snr = (sent / (2 * noise)).sum(-1) / sent.sum(-1).clamp_min(1)
        quality = (10 * torch.log10(mean_snr.clamp_min(1e-9))).clamp(*PATCH_SNRS_DB).to(estimate)
        embedding = self.symbol_embedding(whitened) + self.latent_embedding(estimate * self.get_buffer("scale"))
        return self.network(estimate, embedding + self.energy_embedding(energy), levels, base_rates, quality)


def _start(channels: int, step: float, rate_set: RateSet, transformer_blocks: int) -> tuple[tuple[int, ...], Tensor]:
    require(
        isinstance(channels, int) and FILTERED <= channels <= 256,
        "channels",
        f"an integer in {FILTERED}..256",
        channels,
    )
    require(
        isinstance(transformer_blocks, int) and 0 <= transformer_blocks <= MAX_TRANSFORMER_BLOCKS,
        "transformer_blocks",
        f"an integer in 0..{MAX_TRANSFORMER_BLOCKS}",
        transformer_blocks,
    )
    require(0 < step < 1e3, "step", "in (0, 1000), in units of the pixel range", step)
    return rate_values(rate_set), klt_basis()[1][:channels].sqrt() / step
