"""UIDSC's codec: the pixels that a mask keeps, straight to channel symbols and back, by networks that know the SNR."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.jscc.channel_state import StateAwareBlock, through
from linksim.blocks.jscc.mask_attention import MaskGuidedAttention
from linksim.blocks.jscc.mask_side import MASK_DIMENSIONS, mask_dimensions, mask_logits
from linksim.blocks.jscc.transform_start import power_loading, take_layers, take_widened, transform_start
from linksim.blocks.jscc.undo_fading import received_snr_db, to_symbols, undo_fading
from linksim.blocks.rate_set import RateSet, rate_values
from linksim.blocks.vectorizer.conv_transform import TOKEN, WIDTHS, analysis_layers, synthesis_layers
from linksim.blocks.vectorizer.klt import MEAN, klt_basis
from linksim.blocks.vectorizer.klt_start import token_basis
from linksim.blocks.vectorizer.layers import scaled_convolution, seeded_initialization, zero_convolution
from linksim.errors import DimensionError
from linksim.precision import single_precision
from linksim.types import PATCH, Codeword, Decibels, Lengths, Mask, ReceivedCodeword, Tokens, sent_mask
from linksim.weights import load_part

MASKED_RATES = (1, 16, 32, 48, 64, 96, 128)
"""Complex uses per patch; 1, the least, is that of a patch of which nothing is kept, where the rate map says so."""
ALL_DIMENSIONS = 2 * max(MASKED_RATES)
DIMENSIONS = ALL_DIMENSIONS - MASK_DIMENSIONS
"""Real dimensions of a patch, and those of its pixels."""
STEEPNESS = 20.0
"""Of the gate's logits at the start, in units of what is left out."""
PIXELS = TOKEN**2
SEEN = 2
"""Beside its dimensions the receiver sees of each patch its strength, and whether it holds a kept pixel."""
Trunk = nn.Sequential


class UIDSCEncoder(Block):
    """Map the kept pixels to k complex symbols per patch, by a network that sees mask and SNR beside a KLT.

    What the mask leaves out goes in as mid-grey, of which the KLT makes zeros, and a patch without a kept pixel sends
    zeros only, so that all power is left to the others. The first 29 real dimensions of each patch describe its share
    of the mask (`mask_dimensions`); so the receiver can draw what was left out in black, as UIDSC has it.
    `MaskGuidedAttention` stands at 1/4 of the picture's size, `ChannelStateEmbedding` before each residual block. A
    rate k sends the first 2k real dimensions. Without a mask the whole picture is kept, and MGA is passed by, which is
    UIDSC's first stage of training. `mask_attention`: whether there is an MGA. `weights`: a shipped name ("uidsc") or
    the path of a .safetensors file; None leaves it untrained, a KLT with power loading.

    UIDSC's layers are plain convolutions with batch normalisation, down to 1/4 of the picture's size. Here they are
    residual blocks down to 1/16, where the KLT works that training starts from.

    Shapes: tokens [batch, 48, height/4, width/4]; lengths [batch, rows, cols] complex uses, at most 128; snr_db
    [batch], the mean SNR, trained for -5 to 25 dB; mask [batch, height, width] of the picture before it was padded; out
    [batch, rows, cols, kmax], zero past k. Gradients pass.
    Source: UIDSC (arXiv 2508.05884), eq. 2 and section III-D.

    Raises:
        DimensionError: the mask is not of the picture's size.
        WeightsError: the weights are unknown or do not fit.

    >>> tokens, lengths = torch.full((1, 48, 8, 12), 0.5), torch.full((1, 2, 3), 16)
    >>> UIDSCEncoder()(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0])).shape
    torch.Size([1, 2, 3, 16])
    """

    def __init__(self, *, mask_attention: bool = True, weights: str | None = None) -> None:
        super().__init__()
        with seeded_initialization():
            first, *rest = analysis_layers(StateAwareBlock)
            self.first, self.rest = Trunk(first, rest.pop(0)), Trunk(*rest)
            self.attention = MaskGuidedAttention(channels=WIDTHS[0]) if mask_attention else None
            self.klt = nn.Conv2d(3 * PIXELS, DIMENSIONS, PATCH // TOKEN, PATCH // TOKEN, bias=False)
            loaded = token_basis(DIMENSIONS, TOKEN) * power_loading(DIMENSIONS)[:, None, None, None]
            self.klt.weight = nn.Parameter(loaded)
            self.project = zero_convolution(WIDTHS[2], DIMENSIONS)
        load_part(self, weights, "uidsc_encoder")

    @single_precision
    def forward(self, tokens: Tokens, lengths: Lengths, snr_db: Decibels, mask: Mask | None = None) -> Codeword:
        kept = None if mask is None else _padded(mask, tokens)
        centred = tokens - MEAN
        if kept is not None:
            centred = centred * functional.pixel_unshuffle(kept, TOKEN).repeat(1, 3, 1, 1)
        centred = centred.contiguous(memory_format=torch.channels_last)
        features = through(self.first, centred, snr_db)
        if kept is not None and self.attention is not None:
            features = self.attention(features=features, mask=kept[:, 0] > 0)
        coded = self.project(through(self.rest, features, snr_db)).float()
        # As in the transforms: half precision would cost the KLT quality.
        with torch.autocast(tokens.device.type, enabled=False):
            dimensions = self.klt(centred.float()) + coded
        if kept is None:
            kept = torch.ones_like(tokens[:, :1]).repeat_interleave(TOKEN, 2).repeat_interleave(TOKEN, 3)
        dimensions = torch.cat([mask_dimensions(kept), dimensions * functional.max_pool2d(kept, PATCH)], 1)
        most = int(lengths.max())
        return to_symbols(dimensions[:, : 2 * most]) * sent_mask(lengths, most)


class UIDSCDecoder(Block):
    """Rebuild the kept pixels, black elsewhere, from the received symbols: `UIDSCEncoder`'s other end.

    It is not told the mask but by what was received. A gate for each pixel, from the dimensions that describe the mask
    and from the network, blackens what was left out. A patch whose length is the least of V is known to be empty, and
    is black; so the rate map can tell which patches the mask touches (`MaskedRate`), and then the header pays for that.
    The dimensions are weighed for the noise with which they came (Wiener).

    Shapes: received as `ReceivedCodeword`; out [batch, 48, 4*rows, 4*cols]. A channel's known gain is undone; the SNR
    is that of the received symbols, trained for -5 to 25 dB. Gradients pass.
    Source: UIDSC (arXiv 2508.05884), eq. 3 and section III-E; gate, empty patches and Wiener weights are linksim's.

    Raises:
        ParameterError: the set is unknown.
        WeightsError: the weights are unknown or do not fit.

    >>> lengths, y = torch.full((1, 1, 1), 16), torch.ones(1, 1, 1, 16) + 0j
    >>> UIDSCDecoder()(received=ReceivedCodeword(
    ...     y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))).shape
    torch.Size([1, 48, 4, 4])
    """

    def __init__(self, *, rate_set: RateSet = MASKED_RATES, weights: str | None = None) -> None:
        super().__init__()
        self.least = rate_values(rate_set)[0]
        with seeded_initialization():
            self.klt = nn.ConvTranspose2d(DIMENSIONS, 3 * PIXELS, PATCH // TOKEN, PATCH // TOKEN, bias=False)
            self.klt.weight = nn.Parameter(token_basis(DIMENSIONS, TOKEN))
            self.project = scaled_convolution(DIMENSIONS + SEEN, WIDTHS[2], 1)
            *layers, _ = synthesis_layers(StateAwareBlock)
            self.trunk = Trunk(*layers)
            self.last = zero_convolution(WIDTHS[0], 4 * PIXELS, 3)
            self.steepness = nn.Parameter(torch.tensor(STEEPNESS))
        self.register_buffer("deviation", klt_basis()[1][:DIMENSIONS].sqrt(), persistent=False)
        load_part(self, weights, "uidsc_decoder")

    @single_precision
    def forward(self, received: ReceivedCodeword) -> Tokens:
        symbols, noise = undo_fading(received, ALL_DIMENSIONS)
        power = received.power[:, None, None, None]
        sent = sent_mask(received.lengths, ALL_DIMENSIONS // 2).repeat_interleave(2, -1)
        told = received.lengths > self.least
        snr_db = received_snr_db(noise, sent)
        scaled, scaled_noise = symbols * power.sqrt(), noise * power
        present, left_out = mask_logits(scaled[..., :MASK_DIMENSIONS], scaled_noise[..., :MASK_DIMENSIONS])
        estimate = self._wiener(scaled, scaled_noise, sent)
        energy = _excess(symbols, noise, sent)
        seen = torch.cat([energy[:, None], torch.sigmoid(present)], 1)
        estimate = estimate.movedim(-1, 1).contiguous(memory_format=torch.channels_last)
        found = self.last(through(self.trunk, self.project(torch.cat([estimate, seen], 1)), snr_db)).float()
        with torch.autocast(symbols.device.type, enabled=False):
            tokens = self.klt(estimate.float()) + found[:, : 3 * PIXELS] + MEAN
        outline = functional.pixel_unshuffle(self.steepness * (0.5 - left_out), TOKEN)
        patch = functional.interpolate(torch.sigmoid(present) * told[:, None], scale_factor=PATCH // TOKEN)
        return tokens * (torch.sigmoid(found[:, 3 * PIXELS :] + outline) * patch).repeat(1, 3, 1, 1)

    def _wiener(self, scaled: Tensor, noise: Tensor, sent: Tensor) -> Tensor:
        """The pixels' dimensions as power loading sent them, to their least squared error; noise per real dimension."""
        deviation = self.get_buffer("deviation")
        weight = deviation.pow(1.5) / (deviation + noise[..., MASK_DIMENSIONS:])
        return scaled[..., MASK_DIMENSIONS:] * weight * sent[..., MASK_DIMENSIONS:]


def _padded(mask: Tensor, tokens: Tensor) -> Tensor:
    """The mask as floats [batch, 1, height, width] of the padded picture, False where that is padding."""
    height, width = (TOKEN * size for size in tokens.shape[2:])
    if not (height - PATCH < mask.shape[1] <= height and width - PATCH < mask.shape[2] <= width):
        raise DimensionError(
            f"mask must be of the picture's size, which is {height}x{width} pixels with padding (got "
            f"{mask.shape[1]}x{mask.shape[2]})"
        )
    return functional.pad(mask[:, None].float(), (0, width - mask.shape[2], 0, height - mask.shape[1]))


def _excess(symbols: Tensor, noise: Tensor, sent: Tensor) -> Tensor:
    """By how much each patch's symbols are stronger than noise, log1p of the ratio, [batch, rows, cols]."""
    ratio = (symbols.square() / noise * sent).sum(-1) / sent.sum(-1).clamp_min(1)
    return torch.log1p((ratio - 1).clamp_min(0))


def take_transform(encoder: nn.Module, decoder: nn.Module, weights: str) -> None:
    """Start from SA-OOSC's codec with the transform "conv_light", as far as the layers are the same.

    Raises `WeightsError` where the weights are unknown, hold no such codec, or one of another transform.
    """
    start = transform_start(weights, DIMENSIONS, "conv_light")
    near, far = encoder.state_dict(), decoder.state_dict()
    gain = power_loading(DIMENSIONS)[:, None, None, None]
    first, layers, last = 2, len(analysis_layers()), len(synthesis_layers()) - 1
    take_layers(near, "first", start.analysis, range(first))
    take_layers(near, "rest", start.analysis, range(first, layers))
    near["klt.weight"] = start.klt * gain
    near["project.weight"], near["project.bias"] = start.tail_weight * gain, start.tail_bias * gain.flatten()
    far["klt.weight"], far["project.bias"] = start.inverse_klt, start.head_bias
    take_widened(far, "project.weight", start.head_weight)
    take_layers(far, "trunk", start.synthesis, range(last))
    for name in ("weight", "bias"):
        far[f"last.{name}"][: 3 * PIXELS] = start.synthesis[f"{last}.{name}"]
    encoder.load_state_dict(near)
    decoder.load_state_dict(far)
