"""DeepJSCC as published: five convolutions each way, for one rate and one SNR."""

from torch import nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.jscc.deepjscc import common_length
from linksim.blocks.jscc.undo_fading import to_symbols, undo_fading
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import PATCH, Codeword, Lengths, ReceivedCodeword, Tokens
from linksim.weights import load_part

CNN_USES = 64
"""Complex uses per patch of 16x16 pixels: 8 real channels at 1/4 of the picture's size, CBR 1/12."""
DOWN = 4
LAST_LAYER = "deepjscc_cnn_encoder.network.8.weight"
"""Whose channels say the rate, in files of weights."""
WIDTHS = (16, 32)


def _channels(uses: int) -> int:
    """Real channels at 1/4 of the picture's size."""
    require(uses > 0 and uses % 8 == 0 and uses <= 384, "uses", "a multiple of 8 in 8..384", uses)
    return 2 * uses // (PATCH // DOWN) ** 2


def uses_of(channels: int) -> int:
    """Complex uses per patch of so many real channels."""
    return channels * (PATCH // DOWN) ** 2 // 2


class DeepJSCCCNNEncoder(Block):
    """Map pixels to `uses` complex symbols per patch by five 5x5 convolutions with PReLU, two of stride 2.

    It knows neither SNR nor mask. `weights`: a shipped name or the path of a .safetensors file; None leaves it
    untrained.

    Shapes: tokens [batch, 3, height, width], tokens of one pixel; lengths [batch, rows, cols], all `uses`; out [batch,
    rows, cols, uses]. Gradients pass.
    Source: Bourtsoulatze, Kurka and Gündüz, IEEE Trans. Cogn. Commun. Netw. 2019, figure 2.

    Raises:
        ParameterError: `uses` is no multiple of 8 in 8..384, or the lengths are not `uses`.
        WeightsError: the weights are unknown or do not fit.

    >>> import torch
    >>> encoder = DeepJSCCCNNEncoder()
    >>> encoder(tokens=torch.zeros(1, 3, 32, 48), lengths=torch.full((1, 2, 3), 64)).shape
    torch.Size([1, 2, 3, 64])
    """

    def __init__(self, *, uses: int = CNN_USES, weights: str | None = None) -> None:
        super().__init__()
        self.uses = uses
        thin, wide = WIDTHS
        with seeded_initialization():
            self.network = nn.Sequential(
                *_convolution(3, thin, 2),
                *_convolution(thin, wide, 2),
                *_convolution(wide, wide),
                *_convolution(wide, wide),
                *_convolution(wide, _channels(uses)),
            )
        load_part(self, weights, "deepjscc_cnn_encoder")

    @single_precision
    def forward(self, tokens: Tokens, lengths: Lengths) -> Codeword:
        common_length(lengths, (self.uses,))
        return to_symbols(functional.pixel_unshuffle(self.network(tokens), PATCH // DOWN))


class DeepJSCCCNNDecoder(Block):
    """Rebuild the pixels by five transposed convolutions: `DeepJSCCCNNEncoder`'s other end.

    Shapes: received as `ReceivedCodeword`, all lengths `uses`; out [batch, 3, 16*rows, 16*cols] in [0, 1]. A channel's
    known gain is undone. Gradients pass.
    Source: as `DeepJSCCCNNEncoder`.

    Raises:
        ParameterError: `uses` is no multiple of 8 in 8..384, or the lengths are not `uses`.
        WeightsError: the weights are unknown or do not fit.

    >>> import torch
    >>> lengths, y = torch.full((1, 1, 1), 64), torch.ones(1, 1, 1, 64) + 0j
    >>> DeepJSCCCNNDecoder()(received=ReceivedCodeword(
    ...     y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))).shape
    torch.Size([1, 3, 16, 16])
    """

    def __init__(self, *, uses: int = CNN_USES, weights: str | None = None) -> None:
        super().__init__()
        self.uses = uses
        thin, wide = WIDTHS
        with seeded_initialization():
            self.network = nn.Sequential(
                *_transposed(_channels(uses), wide),
                *_transposed(wide, wide),
                *_transposed(wide, wide),
                *_transposed(wide, thin, 2),
                nn.ConvTranspose2d(thin, 3, 5, 2, 2, output_padding=1),
                nn.Sigmoid(),
            )
        load_part(self, weights, "deepjscc_cnn_decoder")

    @single_precision
    def forward(self, received: ReceivedCodeword) -> Tokens:
        common_length(received.lengths, (self.uses,))
        symbols, _ = undo_fading(received, 2 * self.uses)
        return self.network(functional.pixel_shuffle(symbols.movedim(-1, 1), PATCH // DOWN)).float()


def _convolution(inputs: int, outputs: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 5, stride, 2), nn.PReLU(outputs)


def _transposed(inputs: int, outputs: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.ConvTranspose2d(inputs, outputs, 5, stride, 2, output_padding=stride - 1), nn.PReLU(outputs)
