"""GenED-SC's first stage: foreground and background by branches of their own, straight to channel symbols and back."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.generative.background import BackgroundDecoder, BackgroundEncoder, BranchFusion
from linksim.blocks.generative.foreground import ForegroundDecoder, ForegroundEncoder
from linksim.blocks.generative.semantic_importance import SemanticImportancePredictor
from linksim.blocks.jscc.channel_state import StateAwareBlock, through
from linksim.blocks.jscc.serializer import sent_mask
from linksim.blocks.jscc.transform_start import power_loading, take_layers, take_widened, transform_start
from linksim.blocks.jscc.undo_fading import received_snr_db, to_symbols, undo_fading
from linksim.blocks.vectorizer.conv_transform import TOKEN, WIDTHS, analysis_layers, synthesis_layers
from linksim.blocks.vectorizer.klt import MEAN, klt_basis
from linksim.blocks.vectorizer.klt_start import token_basis
from linksim.blocks.vectorizer.layers import scaled_convolution, seeded_initialization, zero_convolution
from linksim.precision import single_precision
from linksim.types import PATCH, Codeword, Decibels, Foreground, Lengths, ReceivedCodeword, ScoreMap, Tokens
from linksim.weights import load_part

GENED_RATES = (*range(1, 33), *range(34, 97, 2))
"""Complex uses per patch: fine steps, so that two lengths spend any budget."""
DIMENSIONS = 2 * max(GENED_RATES)
FINE = WIDTHS[1]
"""Channels at 1/8 of the picture's size, where the branches are."""
NEAR_LAYERS, FAR_LAYERS = 5, 6
"""Of the transform's layers those before the branches at the transmitter, and at the receiver."""


class RoutedFeatures(NamedTuple):
    """The picture's features, and what `SemanticImportancePredictor` says of them."""

    features: Float[Tensor, "batch channels fine_rows fine_cols"]
    foreground: Foreground
    foreground_logits: Float[Tensor, "batch rows cols"]
    score: ScoreMap
    offsets: Float[Tensor, "batch 2 fine_rows fine_cols"]
    channel_attention: Float[Tensor, "batch channels"]
    spatial_attention: Float[Tensor, "batch fine_rows fine_cols"]


class GenEDRouter(Block):
    """The features of a picture at 1/8 of its size (f_img, eq. 1), and what `SemanticImportancePredictor` says of them.

    `most_share`, `noise_on`: see there. `weights`: a shipped name ("gened_sc") or the path of a .safetensors file; None
    leaves it untrained.

    Shapes: tokens [batch, 48, height/4, width/4]; snr_db [batch], the mean SNR; features [batch, 128, height/8,
    width/8]; the others as `SemanticImportancePredictor` has them. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 1, 3 and 12 to 14.

    Raises:
        ParameterError: as `SemanticImportancePredictor`.
        WeightsError: the weights are unknown or do not fit.

    >>> routed = GenEDRouter()(tokens=torch.full((1, 48, 8, 12), 0.5), snr_db=torch.tensor([10.0]))
    >>> routed.features.shape, routed.foreground.shape
    (torch.Size([1, 128, 4, 6]), torch.Size([1, 2, 3]))
    """

    def __init__(self, *, most_share: float = 0.5, noise_on: str = "logits", weights: str | None = None) -> None:
        super().__init__()
        with seeded_initialization():
            self.trunk = nn.Sequential(*analysis_layers(StateAwareBlock)[:NEAR_LAYERS])
            self.predictor = SemanticImportancePredictor(channels=FINE, most_share=most_share, noise_on=noise_on)
        load_part(self, weights, "gened_router")

    @single_precision
    def forward(self, tokens: Tokens, snr_db: Decibels) -> RoutedFeatures:
        centred = (tokens - MEAN).contiguous(memory_format=torch.channels_last)
        features = through(self.trunk, centred, snr_db)
        return RoutedFeatures(features, *self.predictor(features=features))


class GenEDEncoder(Block):
    """Map a picture's routed features to k complex symbols per patch, foreground and background by their own branch.

    The branches' sum goes on through the rest of the transform and comes beside a KLT of the tokens. A rate k sends the
    first 2k real dimensions. `dual_branch` False leaves both branches out, for comparison. `weights`: a shipped name
    ("gened_sc") or the path of a .safetensors file; None leaves it untrained, a KLT with power loading.

    The paper sends the branches one after the other, and leaves open how many symbols each gets. Here the rate map
    says that, patch by patch.

    Shapes: tokens [batch, 48, height/4, width/4]; features, foreground, offsets, channel_attention and
    spatial_attention as `GenEDRouter` gives them; lengths [batch, rows, cols] complex uses, at most 96; snr_db [batch],
    the mean SNR, trained for -5 to 25 dB; out [batch, rows, cols, kmax], zero past k. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 4 to 6 and 15 to 20.

    Raises:
        WeightsError: the weights are unknown or do not fit.

    >>> tokens, snr_db = torch.full((1, 48, 8, 12), 0.5), torch.tensor([10.0])
    >>> routed = GenEDRouter()(tokens=tokens, snr_db=snr_db)._asdict()
    >>> taken = {name: routed[name] for name in GenEDEncoder().input_ports if name in routed}
    >>> GenEDEncoder()(tokens=tokens, snr_db=snr_db, lengths=torch.full((1, 2, 3), 16), **taken).shape
    torch.Size([1, 2, 3, 16])
    """

    def __init__(self, *, dual_branch: bool = True, weights: str | None = None) -> None:
        super().__init__()
        self.dual_branch = dual_branch
        with seeded_initialization():
            if dual_branch:
                self.foreground, self.background = ForegroundEncoder(channels=FINE), BackgroundEncoder(channels=FINE)
            self.rest = nn.Sequential(*analysis_layers(StateAwareBlock)[NEAR_LAYERS:])
            self.klt = nn.Conv2d(3 * TOKEN**2, DIMENSIONS, PATCH // TOKEN, PATCH // TOKEN, bias=False)
            loaded = token_basis(DIMENSIONS, TOKEN) * power_loading(DIMENSIONS)[:, None, None, None]
            self.klt.weight = nn.Parameter(loaded)
            self.project = zero_convolution(WIDTHS[2], DIMENSIONS)
        load_part(self, weights, "gened_encoder")

    @single_precision
    def forward(
        self,
        tokens: Tokens,
        features: Float[Tensor, "batch channels fine_rows fine_cols"],
        foreground: Foreground,
        offsets: Float[Tensor, "batch 2 fine_rows fine_cols"],
        channel_attention: Float[Tensor, "batch channels"],
        spatial_attention: Float[Tensor, "batch fine_rows fine_cols"],
        lengths: Lengths,
        snr_db: Decibels,
    ) -> Codeword:
        if self.dual_branch:
            features = self.foreground(
                features=features, foreground=foreground, offsets=offsets, spatial_attention=spatial_attention
            ) + self.background(features=features, foreground=foreground, channel_attention=channel_attention)
        features = features.contiguous(memory_format=torch.channels_last)
        coded = self.project(through(self.rest, features, snr_db)).float()
        # As in the transforms: half precision would cost the KLT quality.
        with torch.autocast(tokens.device.type, enabled=False):
            dimensions = self.klt((tokens - MEAN).float()) + coded
        most = int(lengths.max())
        return to_symbols(dimensions[:, : 2 * most]) * sent_mask(lengths, most)


class GenEDDecoder(Block):
    """Rebuild the tokens from the received symbols by a branch for the foreground and one for the background.

    The receiver knows the foreground where the rate map has two lengths: the longer one is the foreground's
    (`ForegroundRate`), and the header pays for the map. Where all lengths are the same, nobody tells it, and it
    weighs both branches by a map that it estimates from what it received. The dimensions are weighed for the noise with
    which they came (Wiener). `dual_branch`, `weights`: as for `GenEDEncoder`.

    Shapes: received as `ReceivedCodeword`; out [batch, 48, 4*rows, 4*cols]. A channel's known gain is undone; the SNR
    is that of the received symbols, trained for -5 to 25 dB. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 8 to 10; how the receiver knows the mask, which the paper leaves open, is
    linksim's.

    Raises:
        WeightsError: the weights are unknown or do not fit.

    >>> lengths, y = torch.full((1, 1, 1), 16), torch.ones(1, 1, 1, 16) + 0j
    >>> GenEDDecoder()(received=ReceivedCodeword(
    ...     y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))).shape
    torch.Size([1, 48, 4, 4])
    """

    def __init__(self, *, dual_branch: bool = True, weights: str | None = None) -> None:
        super().__init__()
        self.dual_branch = dual_branch
        with seeded_initialization():
            self.klt = nn.ConvTranspose2d(DIMENSIONS, 3 * TOKEN**2, PATCH // TOKEN, PATCH // TOKEN, bias=False)
            self.klt.weight = nn.Parameter(token_basis(DIMENSIONS, TOKEN))
            self.project = scaled_convolution(DIMENSIONS, WIDTHS[2], 1)
            layers = synthesis_layers(StateAwareBlock)
            self.coarse, self.fine = nn.Sequential(*layers[:FAR_LAYERS]), nn.Sequential(*layers[FAR_LAYERS:])
            if dual_branch:
                self.estimate = nn.Conv2d(WIDTHS[2], 1, 3, padding=1)
                self.foreground, self.background = ForegroundDecoder(channels=FINE), BackgroundDecoder(channels=FINE)
                self.fusion = BranchFusion(channels=FINE)
        self.register_buffer("deviation", klt_basis()[1][:DIMENSIONS].sqrt(), persistent=False)
        load_part(self, weights, "gened_decoder")

    @single_precision
    def forward(self, received: ReceivedCodeword) -> Tokens:
        symbols, noise = undo_fading(received, DIMENSIONS)
        power = received.power[:, None, None, None]
        sent = sent_mask(received.lengths, DIMENSIONS // 2).repeat_interleave(2, -1)
        snr_db = received_snr_db(noise, sent)
        deviation = self.get_buffer("deviation")
        wiener = deviation.pow(1.5) / (deviation + noise * power) * sent
        estimate = (symbols * power.sqrt() * wiener).movedim(-1, 1).contiguous(memory_format=torch.channels_last)
        coarse = self.project(estimate)
        features = through(self.coarse, coarse, snr_db)
        if self.dual_branch:
            foreground = self._foreground(received.lengths, coarse)
            features = self.fusion(
                foreground=self.foreground(features=features, foreground=foreground),
                background=self.background(features=features, foreground=foreground),
            )
        features = features.contiguous(memory_format=torch.channels_last)
        found = through(self.fine, features, snr_db).float()
        with torch.autocast(symbols.device.type, enabled=False):
            return self.klt(estimate.float()) + found + MEAN

    def _foreground(self, lengths: Tensor, coarse: Tensor) -> Tensor:
        known, told = told_foreground(lengths)
        return torch.where(told[:, None, None], known.to(coarse), torch.sigmoid(self.estimate(coarse)[:, 0]))


def told_foreground(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The foreground that a rate map of two lengths tells, [batch, rows, cols], and whether it is told, [batch]."""
    least, most = lengths.amin((1, 2)), lengths.amax((1, 2))
    return 2 * lengths > (least + most)[:, None, None], most > least


def take_transform(router: nn.Module, encoder: nn.Module, decoder: nn.Module, weights: str) -> None:
    """Start from SA-OOSC's codec with the transform "conv_light".

    Raises `WeightsError` where the weights are unknown, hold no such codec, or one of another transform.
    """
    start = transform_start(weights, DIMENSIONS, "conv_light")
    first, near, far = router.state_dict(), encoder.state_dict(), decoder.state_dict()
    gain = power_loading(DIMENSIONS)[:, None, None, None]
    take_layers(first, "trunk", start.analysis, range(NEAR_LAYERS))
    take_layers(near, "rest", start.analysis, range(NEAR_LAYERS, len(analysis_layers())))
    near["klt.weight"] = start.klt * gain
    near["project.weight"], near["project.bias"] = start.tail_weight * gain, start.tail_bias * gain.flatten()
    far["klt.weight"], far["project.bias"] = start.inverse_klt, start.head_bias
    take_widened(far, "project.weight", start.head_weight)
    take_layers(far, "coarse", start.synthesis, range(FAR_LAYERS))
    take_layers(far, "fine", start.synthesis, range(FAR_LAYERS, len(synthesis_layers())))
    for module, state in ((router, first), (encoder, near), (decoder, far)):
        module.load_state_dict(state)
