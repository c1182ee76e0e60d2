"""DeepJSCC: convolutions straight from the picture to channel symbols and back, for fixed rates and one SNR."""

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.jscc.transform_start import power_loading, transform_start
from linksim.blocks.jscc.undo_fading import to_symbols, undo_fading
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.blocks.vectorizer.conv_transform import TOKEN, WIDTHS, analysis_layers, synthesis_layers
from linksim.blocks.vectorizer.klt import MEAN, klt_basis
from linksim.blocks.vectorizer.klt_start import token_basis
from linksim.blocks.vectorizer.layers import scaled_convolution, seeded_initialization, zero_convolution
from linksim.errors import ParameterError
from linksim.precision import single_precision
from linksim.types import PATCH, Codeword, Lengths, ReceivedCodeword, Tokens
from linksim.weights import load_part

FIXED_RATES = (15, 16, 32, 48, 64)
"""Complex uses per patch that there are layers for: SA-OOSC's CBR 0.0201 from below, 1/48, 1/24, 1/16 and 1/12."""
START_NOISE = 0.1
"""Noise over mean signal in a dimension that untrained weights are set for: 10 dB."""


def wiener(uses: int) -> Tensor:
    """What makes an estimate of each dimension, so loaded and received with noise of 10 dB, [2k]."""
    deviation = klt_basis()[1][: 2 * uses].sqrt()
    return deviation.sqrt() * deviation / (deviation + START_NOISE * deviation.mean())


class Entrance(nn.Module):
    """Features and tokens to the 2k real dimensions of one rate: a KLT with power loading plus a projection."""

    def __init__(self, uses: int) -> None:
        super().__init__()
        self.klt = nn.Conv2d(3 * TOKEN**2, 2 * uses, PATCH // TOKEN, PATCH // TOKEN, bias=False)
        self.klt.weight = nn.Parameter(token_basis(2 * uses, TOKEN) * power_loading(2 * uses)[:, None, None, None])
        self.project = zero_convolution(WIDTHS[2], 2 * uses)

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        coded = self.project(features).float()
        # As in the transforms: half precision would cost the KLT quality.
        with torch.autocast(tokens.device.type, enabled=False):
            return self.klt(tokens.float()) + coded


class Exit(nn.Module):
    """Received dimensions of one rate to tokens, by the KLT's transpose with Wiener weights, and to features."""

    def __init__(self, uses: int) -> None:
        super().__init__()
        self.klt = nn.ConvTranspose2d(2 * uses, 3 * TOKEN**2, PATCH // TOKEN, PATCH // TOKEN, bias=False)
        self.klt.weight = nn.Parameter(token_basis(2 * uses, TOKEN) * wiener(uses)[:, None, None, None])
        self.project = scaled_convolution(2 * uses, WIDTHS[2], 1)

    def forward(self, received: Tensor) -> tuple[Tensor, Tensor]:
        features = self.project(received)
        with torch.autocast(received.device.type, enabled=False):
            return self.klt(received.float()), features


class DeepJSCCEncoder(Block):
    """Map tokens to k complex symbols per patch by a convolutional network beside a KLT; k is the same for all patches.

    One network for all rates of `rate_set`, the layer next to the channel being each rate's own. It knows no SNR and
    no importance. `weights`: a shipped name ("deepjscc") or the path of a .safetensors file; None leaves it untrained,
    a KLT with power loading.

    Shapes: tokens [batch, 48, height/4, width/4]; lengths [batch, rows, cols] complex uses, all alike and in V; out
    [batch, rows, cols, k]. Gradients pass.
    Source: Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019; the layers are those of the transform
    "conv".

    Raises:
        ParameterError: the lengths differ or are not in V.
        WeightsError: the weights are unknown or do not fit.

    >>> tokens, lengths = torch.full((1, 48, 8, 12), 0.5), torch.full((1, 2, 3), 16)
    >>> DeepJSCCEncoder()(tokens=tokens, lengths=lengths).shape
    torch.Size([1, 2, 3, 16])
    """

    def __init__(self, *, rate_set: RateSet = FIXED_RATES, weights: str | None = None) -> None:
        super().__init__()
        self.values = rate_values(rate_set)
        with seeded_initialization():
            self.trunk = nn.Sequential(*analysis_layers())
            self.entrances = nn.ModuleDict({str(uses): Entrance(uses) for uses in self.values})
        load_part(self, weights, "deepjscc_encoder")

    @single_precision
    def forward(self, tokens: Tokens, lengths: Lengths) -> Codeword:
        entrance = self.entrances[str(common_length(lengths, self.values))]
        centred = (tokens - MEAN).contiguous(memory_format=torch.channels_last)
        return to_symbols(entrance(centred, self.trunk(centred)))


class DeepJSCCDecoder(Block):
    """Rebuild the tokens from the received symbols: `DeepJSCCEncoder`'s other end.

    Shapes: received as `ReceivedCodeword`, all lengths the same and in V; out [batch, 48, 4*rows, 4*cols]. A channel's
    known gain is undone; the noise variance is not used. Lengths of 0, of a lost header, are taken for the smallest.
    Gradients pass.
    Source: as `DeepJSCCEncoder`.

    Raises:
        ParameterError: the lengths differ or are not in V.
        WeightsError: the weights are unknown or do not fit.

    >>> lengths, y = torch.full((1, 1, 1), 16), torch.ones(1, 1, 1, 16) + 0j
    >>> DeepJSCCDecoder()(received=ReceivedCodeword(
    ...     y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))).shape
    torch.Size([1, 48, 4, 4])
    """

    def __init__(self, *, rate_set: RateSet = FIXED_RATES, weights: str | None = None) -> None:
        super().__init__()
        self.values = rate_values(rate_set)
        with seeded_initialization():
            self.exits = nn.ModuleDict({str(uses): Exit(uses) for uses in self.values})
            self.trunk = nn.Sequential(*synthesis_layers())
        load_part(self, weights, "deepjscc_decoder")

    @single_precision
    def forward(
        self,
        received: ReceivedCodeword,
    ) -> Tokens:
        uses = common_length(received.lengths, self.values)
        symbols, _ = undo_fading(received, 2 * uses)
        scaled = (symbols * received.power.sqrt()[:, None, None, None]).movedim(-1, 1)
        scaled = scaled.contiguous(memory_format=torch.channels_last)
        estimate, features = self.exits[str(uses)](scaled)
        return estimate + self.trunk(features).float() + MEAN


def take_transform(encoder: nn.Module, decoder: nn.Module, weights: str) -> None:
    """Start from SA-OOSC's codec with the transform "conv": its networks, and its first latent channels as dimensions.

    Raises `WeightsError` where the weights are unknown, hold no such codec, or one of another transform.
    """
    start = transform_start(weights, 2 * max(FIXED_RATES))
    near, far = encoder.state_dict(), decoder.state_dict()
    near |= {f"trunk.{key}": tensor for key, tensor in start.analysis.items()}
    far |= {f"trunk.{key}": tensor for key, tensor in start.synthesis.items()}
    for uses in FIXED_RATES:
        chosen, door = slice(0, 2 * uses), f"entrances.{uses}"
        gain = power_loading(2 * uses)[:, None, None, None]
        near[f"{door}.klt.weight"] = start.klt[chosen] * gain
        near[f"{door}.project.weight"] = start.tail_weight[chosen] * gain
        near[f"{door}.project.bias"] = start.tail_bias[chosen] * gain.flatten()
        estimate, door = wiener(uses)[:, None, None, None], f"exits.{uses}"
        far[f"{door}.klt.weight"] = start.inverse_klt[chosen] * estimate
        far[f"{door}.project.weight"] = start.head_weight[:, chosen] * estimate.movedim(0, 1)
        far[f"{door}.project.bias"] = start.head_bias
    encoder.load_state_dict(near)
    decoder.load_state_dict(far)


def common_length(lengths: Tensor, values: tuple[int, ...]) -> int:
    """The one length of all patches; of pictures whose header was lost, and has none, the others'.

    Raises `ParameterError` where there are several, or it is not in V.
    """
    found = [length for length in lengths.unique().tolist() if length] or [values[0]]
    if len(found) > 1 or found[0] not in values:
        raise ParameterError(f"'lengths' must hold one value of V = {list(values)} for all patches (got {found[:5]})")
    return int(found[0])
