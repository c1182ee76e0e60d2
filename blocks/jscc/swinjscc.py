"""SwinJSCC: straight from the picture to channel symbols and back, modulated by the SNR and the rate."""

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.jscc.transform_start import power_loading, transform_start
from linksim.blocks.jscc.undo_fading import to_symbols, undo_fading
from linksim.blocks.vectorizer.conv_transform import TOKEN, WIDTHS, analysis_layers, synthesis_layers
from linksim.blocks.vectorizer.klt import MEAN, klt_basis
from linksim.blocks.vectorizer.klt_start import token_basis
from linksim.blocks.vectorizer.layers import scaled_convolution, seeded_initialization, zero_convolution
from linksim.blocks.vectorizer.window_attention import transformer, variance_preserving_linear, zero_linear
from linksim.errors import ParameterError
from linksim.precision import single_precision
from linksim.types import PATCH, Codeword, Decibels, Lengths, ReceivedCodeword, Tokens, sent_mask
from linksim.weights import load_part

MAX_USES = 64
ANY_RATE = tuple(range(1, MAX_USES + 1))
"""All the lengths that a patch can have."""
WIDTH, HEADS, WINDOW, TRANSFORMER_BLOCKS = WIDTHS[2], 6, 8, 2
HIDDEN, LAYERS = 128, 3
SNRS_DB, MEAN_SNR_DB = (-5.0, 25.0), 10.0


class ModNet(nn.Module):
    """Features times a gate in 0..2 that a number decides with them: the SNR, or the rate; 1 at the start.

    Shapes: x [batch, width, rows, cols]; condition [batch, rows, cols], about 0 to 1; out like x.
    Source: SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025, section III, with 3 layers for 7.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            variance_preserving_linear(width if n == 0 else HIDDEN, HIDDEN) for n in range(LAYERS)
        )
        self.scales = nn.ModuleList(
            nn.Sequential(variance_preserving_linear(1, HIDDEN), nn.SiLU(), variance_preserving_linear(HIDDEN, HIDDEN))
            for _ in range(LAYERS)
        )
        self.last = zero_linear(HIDDEN, width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        hidden = x.movedim(1, -1)
        for layer, scale in zip(self.layers, self.scales, strict=True):
            hidden = layer(hidden) * scale(condition[..., None])
        return x * (2 * torch.sigmoid(self.last(hidden))).movedim(-1, 1)


class SwinJSCCEncoder(Block):
    """Map tokens to k complex symbols per patch by a network beside a KLT, one model for all SNRs and rates.

    Gates that see the SNR (Channel ModNet), then gates that see the rate (Rate ModNet) modulate the features; the first
    2k real dimensions are sent. The paper selects dimensions by the gates' size and must tell the receiver which; a
    prefix needs no telling. Windowed attention works at 1/16 of the picture's size; the paper's first stages, at finer
    ones, are here the convolutions of the transform "conv", which a CPU can train. `weights`: a shipped
    name ("swinjscc") or the path of a .safetensors file; None leaves it untrained, a KLT with power loading.

    Shapes: tokens [batch, 48, height/4, width/4]; lengths [batch, rows, cols] complex uses, 1 to 64; snr_db [batch],
    the mean SNR that the transmitter counts on; out [batch, rows, cols, 64], zero past k. Gradients pass.
    Source: SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025.

    Raises:
        ParameterError: a length is over 64.
        WeightsError: the weights are unknown or do not fit.

    >>> tokens, lengths = torch.full((1, 48, 8, 12), 0.5), torch.full((1, 2, 3), 10)
    >>> SwinJSCCEncoder()(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0])).shape
    torch.Size([1, 2, 3, 64])
    """

    most_uses = MAX_USES

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        dimensions = 2 * self.most_uses
        with seeded_initialization():
            self.trunk = nn.Sequential(*analysis_layers())
            self.transformer = transformer(WIDTH, HEADS, WINDOW, TRANSFORMER_BLOCKS)
            self.channel_gates, self.rate_gates = ModNet(WIDTH), ModNet(WIDTH)
            self.project = zero_convolution(WIDTH, dimensions)
        self.klt = nn.Conv2d(3 * TOKEN**2, dimensions, PATCH // TOKEN, PATCH // TOKEN, bias=False)
        self.klt.weight = nn.Parameter(token_basis(dimensions, TOKEN) * power_loading(dimensions)[:, None, None, None])
        load_part(self, weights, "swinjscc_encoder")

    @single_precision
    def forward(self, tokens: Tokens, lengths: Lengths, snr_db: Decibels) -> Codeword:
        centred = (tokens - MEAN).contiguous(memory_format=torch.channels_last)
        return self.symbols(self.trunk(centred), centred, lengths, snr_db)

    def symbols(self, features: Tensor, centred: Tensor, lengths: Tensor, snr_db: Tensor) -> Tensor:
        """The symbols from what the trunk makes of the centred tokens."""
        _check(lengths, self.most_uses)
        quality = snr_db.clamp(*SNRS_DB)[:, None, None].expand(lengths.shape)
        features = self.transformer(features)
        features = self.channel_gates(features, _about_one(quality).to(centred))
        features = self.rate_gates(features, _rate(lengths).to(centred))
        coded = self.project(features).float()
        # As in the transforms: half precision would cost the KLT quality.
        with torch.autocast(centred.device.type, enabled=False):
            coded = coded + self.klt(centred.float())
        return to_symbols(coded * sent_mask(2 * lengths, 2 * self.most_uses).movedim(-1, 1))


class SwinJSCCDecoder(Block):
    """Rebuild the tokens from the received symbols: `SwinJSCCEncoder`'s other end.

    Every symbol counts by its own noise variance in the KLT's part; the gates see each patch's mean SNR and rate.

    Shapes: received as `ReceivedCodeword`, kmax at most 64; out [batch, 48, 4*rows, 4*cols]. Gradients pass.
    Source: as `SwinJSCCEncoder`.

    Raises:
        ParameterError: a length is over 64.
        WeightsError: the weights are unknown or do not fit.

    >>> lengths, y = torch.full((1, 1, 1), 16), torch.ones(1, 1, 1, 16) + 0j
    >>> SwinJSCCDecoder()(received=ReceivedCodeword(
    ...     y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))).shape
    torch.Size([1, 48, 4, 4])
    """

    most_uses = MAX_USES

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        dimensions = 2 * self.most_uses
        deviation = klt_basis()[1][:dimensions].sqrt()
        self.register_buffer("deviation", deviation[:, None, None].clone(), persistent=False)
        with seeded_initialization():
            self.project = scaled_convolution(dimensions, WIDTH, 1)
            self.rate_gates, self.channel_gates = ModNet(WIDTH), ModNet(WIDTH)
            self.transformer = transformer(WIDTH, HEADS, WINDOW, TRANSFORMER_BLOCKS)
            self.trunk = nn.Sequential(*synthesis_layers())
        self.klt = nn.ConvTranspose2d(dimensions, 3 * TOKEN**2, PATCH // TOKEN, PATCH // TOKEN, bias=False)
        self.klt.weight = nn.Parameter(token_basis(dimensions, TOKEN) * deviation.sqrt()[:, None, None, None])
        load_part(self, weights, "swinjscc_decoder")

    @single_precision
    def forward(
        self,
        received: ReceivedCodeword,
    ) -> Tokens:
        features, weighted = self.features(received)
        return self.tokens(self.trunk(features), weighted)

    def features(self, received: ReceivedCodeword, amplitude: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """What the trunk is given, and the received dimensions weighed for their noise; `amplitude` as for
        `undo_fading`."""
        _check(received.lengths, self.most_uses)
        symbols, noise = undo_fading(received, 2 * self.most_uses, amplitude)
        sent = sent_mask(2 * received.lengths, 2 * self.most_uses)
        mean_snr = (sent / (2 * noise)).sum(-1) / sent.sum(-1).clamp_min(1)
        quality = (10 * torch.log10(mean_snr.clamp_min(1e-9))).clamp(*SNRS_DB)
        scale = received.power[:, None, None, None]
        deviation = self.get_buffer("deviation")
        wiener = deviation / (deviation + (noise * scale).movedim(-1, 1))
        weighted = ((symbols * scale.sqrt() * sent).movedim(-1, 1) * wiener).contiguous(
            memory_format=torch.channels_last
        )
        # The symbols of the weakest dimensions come as strong as those of the first.
        features = self.project(weighted * deviation.rsqrt())
        features = self.rate_gates(features, _rate(received.lengths).to(features))
        features = self.channel_gates(features, _about_one(quality).to(features))
        return self.transformer(features), weighted

    def tokens(self, found: Tensor, weighted: Tensor) -> Tensor:
        """The tokens from what the trunk found and the weighed dimensions."""
        with torch.autocast(weighted.device.type, enabled=False):
            return self.klt(weighted.float()) + found.float() + MEAN


def take_transform(encoder: nn.Module, decoder: nn.Module, weights: str) -> None:
    """Start from SA-OOSC's codec with the transform "conv", as DeepJSCC can.

    Raises `WeightsError` where the weights are unknown, hold no such codec, or one of another transform.
    """
    start = transform_start(weights, 2 * MAX_USES)
    near, far = encoder.state_dict(), decoder.state_dict()
    near |= {f"trunk.{key}": tensor for key, tensor in start.analysis.items()}
    far |= {f"trunk.{key}": tensor for key, tensor in start.synthesis.items()}
    gain = power_loading(2 * MAX_USES)[:, None, None, None]
    near["klt.weight"] = start.klt * gain
    near["project.weight"] = start.tail_weight * gain
    near["project.bias"] = start.tail_bias * gain.flatten()
    far["klt.weight"] = start.inverse_klt / gain
    # What the network sees is scaled to unit size: by the loading once to undo it, and once more.
    far["project.weight"] = start.head_weight / gain.movedim(0, 1).square()
    far["project.bias"] = start.head_bias
    encoder.load_state_dict(near)
    decoder.load_state_dict(far)


def _check(lengths: Tensor, most: int) -> None:
    if bool((lengths > most).any()):
        raise ParameterError(f"'lengths' must be at most {most} complex uses (got {int(lengths.max())})")


def _about_one(quality_db: Tensor) -> Tensor:
    return (quality_db - MEAN_SNR_DB) / 10


def _rate(lengths: Tensor) -> Tensor:
    return torch.log2(lengths.clamp_min(1).float()) / 3 - 1
