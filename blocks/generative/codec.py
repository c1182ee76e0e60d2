"""GenED-SC's first stage: foreground and background by branches of their own, straight to channel symbols and back."""

from collections import OrderedDict
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.generative.background import BackgroundDecoder, BackgroundEncoder, BranchFusion
from linksim.blocks.generative.foreground import ForegroundDecoder, ForegroundEncoder
from linksim.blocks.generative.semantic_importance import SemanticImportancePredictor
from linksim.blocks.jscc.swinjscc import SwinJSCCDecoder, SwinJSCCEncoder
from linksim.blocks.vectorizer.conv_transform import WIDTHS, analysis_layers
from linksim.blocks.vectorizer.klt import MEAN
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.precision import single_precision
from linksim.types import Codeword, Decibels, Foreground, Lengths, ReceivedCodeword, ScoreMap, Tokens
from linksim.weights import load_part, read_weights, weights_path

GENED_RATES = (*range(1, 33), *range(34, 97, 2))
"""Complex uses per patch: fine steps, so that two lengths spend any budget."""
FINE = WIDTHS[1]
"""Channels at 1/8 of the picture's size, where the branches are."""
NEAR_LAYERS, FAR_LAYERS = 5, 6
"""Of the transform's layers those before the branches at the transmitter, and at the receiver."""
FOREGROUND_AMPLITUDE = 1.3
"""Of the foreground's symbols where the rate map tells which these are; those of the background have 1."""
SPINES = {
    "gened_router.trunk.": "swinjscc_encoder.trunk.",
    "gened_encoder.spine.": "swinjscc_encoder.",
    "gened_decoder.spine.": "swinjscc_decoder.",
}
"""What GenED-SC's parts share with SwinJSCC, by how the tensors' names begin."""


class _SpineEncoder(SwinJSCCEncoder):
    most_uses = max(GENED_RATES)


class _SpineDecoder(SwinJSCCDecoder):
    most_uses = max(GENED_RATES)


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

    Shapes: tokens [batch, 48, height/4, width/4]; features [batch, 128, height/8, width/8]; the others as
    `SemanticImportancePredictor` has them. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 1, 3 and 12 to 14.

    Raises:
        ParameterError: as `SemanticImportancePredictor`.
        WeightsError: the weights are unknown or do not fit.

    >>> routed = GenEDRouter()(tokens=torch.full((1, 48, 8, 12), 0.5))
    >>> routed.features.shape, routed.foreground.shape
    (torch.Size([1, 128, 4, 6]), torch.Size([1, 2, 3]))
    """

    def __init__(self, *, most_share: float = 0.5, noise_on: str = "logits", weights: str | None = None) -> None:
        super().__init__()
        with seeded_initialization():
            self.trunk = nn.Sequential(*analysis_layers()[:NEAR_LAYERS])
            self.predictor = SemanticImportancePredictor(channels=FINE, most_share=most_share, noise_on=noise_on)
        load_part(self, weights, "gened_router")

    @single_precision
    def forward(self, tokens: Tokens) -> RoutedFeatures:
        features = self.trunk((tokens - MEAN).contiguous(memory_format=torch.channels_last))
        return RoutedFeatures(features, *self.predictor(features=features))


class GenEDEncoder(Block):
    """Map a picture's routed features to k complex symbols per patch, foreground and background by their own branch.

    The branches' sum goes on through the rest of SwinJSCC's network (`SwinJSCCEncoder`), which sees the SNR and each
    patch's rate. A rate k sends the first 2k real dimensions. Where the rate map tells the foreground, see
    `told_foreground`, its symbols are sent with 1.3 times the amplitude. `dual_branch` False leaves both branches out,
    for comparison. `weights`: a shipped name ("gened_sc") or the path of a .safetensors file; None leaves it untrained,
    a KLT with power loading.

    The paper sends the branches one after the other, and leaves open how many symbols each gets. Here the rate map
    says that, patch by patch. The paper has no network after the branches' sum.

    Shapes: tokens [batch, 48, height/4, width/4]; features, foreground, offsets, channel_attention and
    spatial_attention as `GenEDRouter` gives them; lengths [batch, rows, cols] complex uses, at most 96; snr_db [batch],
    the mean SNR, trained for -1 to 15 dB; out [batch, rows, cols, 96], zero past k. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 4 to 6 and 15 to 20; SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun.
    Netw. 2025.

    Raises:
        ParameterError: a length is over 96.
        WeightsError: the weights are unknown or do not fit.

    >>> tokens, snr_db = torch.full((1, 48, 8, 12), 0.5), torch.tensor([10.0])
    >>> routed = GenEDRouter()(tokens=tokens)._asdict()
    >>> taken = {name: routed[name] for name in GenEDEncoder().input_ports if name in routed}
    >>> GenEDEncoder()(tokens=tokens, snr_db=snr_db, lengths=torch.full((1, 2, 3), 16), **taken).shape
    torch.Size([1, 2, 3, 96])
    """

    def __init__(self, *, dual_branch: bool = True, weights: str | None = None) -> None:
        super().__init__()
        self.dual_branch = dual_branch
        with seeded_initialization():
            if dual_branch:
                self.foreground, self.background = ForegroundEncoder(channels=FINE), BackgroundEncoder(channels=FINE)
            self.spine = _SpineEncoder()
            # Those before the branches are the router's. The others keep their names, which are SwinJSCC's.
            rest = list(self.spine.trunk.named_children())[NEAR_LAYERS:]
            self.spine.trunk = nn.Sequential(OrderedDict(rest))
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
        centred = (tokens - MEAN).contiguous(memory_format=torch.channels_last)
        features = self.spine.trunk(features.contiguous(memory_format=torch.channels_last))
        symbols = self.spine.symbols(features, centred, lengths, snr_db)
        return symbols * _amplitude(lengths)


class GenEDDecoder(Block):
    """Rebuild the tokens from the received symbols by a branch for the foreground and one for the background.

    The receiver knows the foreground where the rate map has two lengths: the longer one is the foreground's
    (`ForegroundRate`), and the header pays for the map. Where all lengths are the same, nobody tells it, and it
    weighs both branches by a map that it estimates from what it received. The branches are within SwinJSCC's network
    (`SwinJSCCDecoder`). `dual_branch`, `weights`: as for `GenEDEncoder`.

    Shapes: received as `ReceivedCodeword`; out [batch, 48, 4*rows, 4*cols]. A channel's known gain is undone; the SNR
    is that of the received symbols, trained for -1 to 15 dB. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 8 to 10; how the receiver knows the mask, which the paper leaves open, is
    linksim's.

    Raises:
        ParameterError: a length is over 96.
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
            self.spine = _SpineDecoder()
            if dual_branch:
                self.estimate = nn.Conv2d(WIDTHS[2], 1, 3, padding=1)
                self.foreground, self.background = ForegroundDecoder(channels=FINE), BackgroundDecoder(channels=FINE)
                self.fusion = BranchFusion(channels=FINE)
        load_part(self, weights, "gened_decoder")

    @single_precision
    def forward(self, received: ReceivedCodeword) -> Tokens:
        coarse, weighted = self.spine.features(received, _amplitude(received.lengths))
        features = self.spine.trunk[:FAR_LAYERS](coarse)
        if self.dual_branch:
            foreground = self._foreground(received.lengths, coarse)
            features = self.fusion(
                foreground=self.foreground(features=features, foreground=foreground),
                background=self.background(features=features, foreground=foreground),
            ).contiguous(memory_format=torch.channels_last)
        return self.spine.tokens(self.spine.trunk[FAR_LAYERS:](features), weighted)

    def _foreground(self, lengths: Tensor, coarse: Tensor) -> Tensor:
        known, told = told_foreground(lengths)
        return torch.where(told[:, None, None], known.to(coarse), torch.sigmoid(self.estimate(coarse)[:, 0]))


def told_foreground(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The foreground that a rate map of two lengths tells, [batch, rows, cols], and whether it is told, [batch]."""
    least, most = lengths.amin((1, 2)), lengths.amax((1, 2))
    return 2 * lengths > (least + most)[:, None, None], most > least


def _amplitude(lengths: Tensor) -> Tensor:
    known, told = told_foreground(lengths)
    return torch.where(known & told[:, None, None], FOREGROUND_AMPLITUDE, 1.0)[..., None]


def take_swinjscc(router: nn.Module, encoder: nn.Module, decoder: nn.Module, weights: str) -> None:
    """Start from SwinJSCC's weights; dimensions that only GenED-SC has start as a KLT.

    Raises `WeightsError` where the weights are unknown or hold no SwinJSCC.
    """
    given = read_weights(weights_path(weights, "swinjscc_encoder"))
    parts = {"gened_router": router, "gened_encoder": encoder, "gened_decoder": decoder}
    for part, module in parts.items():
        state = module.state_dict()
        for key in state:
            name = renamed(f"{part}.{key}")
            if name in given:
                _take(state[key], given[name], widened_input=key == "spine.project.weight")


def renamed(name: str) -> str:
    """The name that a tensor of GenED-SC has in SwinJSCC; "" where SwinJSCC has none."""
    return next((SPINES[start] + name.removeprefix(start) for start in SPINES if name.startswith(start)), "")


def _take(mine: Tensor, given: Tensor, *, widened_input: bool) -> None:
    if widened_input:
        mine.zero_()
    mine[tuple(slice(size) for size in given.shape)] = given
