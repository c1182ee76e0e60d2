"""SwinJSCC as its authors published it, for one rate: stages of windowed attention each way, gates by the SNR."""

from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.jscc.deepjscc import common_length
from linksim.blocks.jscc.published.modulation import ModulationNetwork
from linksim.blocks.jscc.published.swin_sizes import SwinSizes, blocks_sizes
from linksim.blocks.jscc.published.swin_stages import SwinAnalysis, SwinSynthesis
from linksim.blocks.jscc.undo_fading import received_snr_db, to_symbols, undo_fading
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.precision import single_precision
from linksim.types import Codeword, Decibels, Lengths, ReceivedCodeword, Tokens, sent_mask
from linksim.weights import load_part


class EncoderNetwork(nn.Module):
    """A picture [batch, 3, height, width] and SNRs [batch] to what is sent, [batch, channels, rows, cols]."""

    def __init__(self, sizes: SwinSizes) -> None:
        super().__init__()
        width = sizes.analysis[-1].width
        self.analysis = SwinAnalysis(sizes.analysis)
        self.channel_gates = ModulationNetwork(width, sizes.gates) if sizes.gates else None
        self.head = nn.Linear(width, sizes.channels)

    def forward(self, image: Tensor, snr_db: Tensor) -> Tensor:
        features = gated(self.channel_gates, self.analysis(image), snr_db)
        return self.head(features.movedim(1, -1)).movedim(-1, 1)


class DecoderNetwork(nn.Module):
    """The other end of `EncoderNetwork`."""

    def __init__(self, sizes: SwinSizes) -> None:
        super().__init__()
        width = sizes.synthesis[0].width
        self.head = nn.Linear(sizes.channels, width)
        self.channel_gates = ModulationNetwork(width, sizes.gates) if sizes.gates else None
        self.synthesis = SwinSynthesis(sizes.synthesis)

    def forward(self, arrived: Tensor, snr_db: Tensor) -> Tensor:
        features = self.head(arrived.movedim(1, -1)).movedim(-1, 1)
        return self.synthesis(gated(self.channel_gates, features, snr_db))


def gated(gates: ModulationNetwork | None, features: Tensor, snr_db: Tensor) -> Tensor:
    """Features [batch, width, rows, cols], each times its gate where there are gates."""
    return features if gates is None else features * gates(features, snr_db)


def arrived_features(received: ReceivedCodeword, uses: int, cells: int) -> tuple[Tensor, Tensor]:
    """What arrived as the encoder gave it, [batch, channels, rows, cols], and its SNR in dB, [batch]."""
    symbols, noise = undo_fading(received, 2 * uses)
    snr_db = received_snr_db(noise, sent_mask(2 * received.lengths, 2 * uses))
    values = (symbols * received.power[:, None, None, None].sqrt()).movedim(-1, 1)
    return functional.pixel_shuffle(values, cells), snr_db


class PublishedSwinJSCCEncoder(Block):
    """Map pixels to channel symbols by SwinJSCC's own network, for weights that its authors trained.

    The variant without adaptation, and the one that adapts to the SNR; each has one rate, that of its weights; of those
    that adapt to the rate see `RateAdaptiveSwinJSCCEncoder`. `SwinJSCCEncoder` is linksim's own, which a CPU can train.
    `weights`: the path of a file that `linksim import swinjscc` wrote; None leaves a network of the authors' base size
    untrained.

    Shapes: tokens [batch, 3, 16*rows, 16*cols], tokens of one pixel; lengths [batch, rows, cols], all as the weights
    have it, 48 for None; snr_db [batch], the mean SNR; out [batch, rows, cols, uses]. Gradients pass.
    Source: SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025.

    Raises:
        ParameterError: the lengths are not those of the weights.
        WeightsError: the weights are no published SwinJSCC's, or do not fit.

    >>> import torch
    >>> tokens, lengths = torch.zeros(1, 3, 32, 48), torch.full((1, 2, 3), 48)
    >>> PublishedSwinJSCCEncoder()(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0])).shape
    torch.Size([1, 2, 3, 48])
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        self.sizes = blocks_sizes(weights, adaptive=False)
        with seeded_initialization():
            self.network = EncoderNetwork(self.sizes)
        load_part(self, weights, "published_swinjscc_encoder")

    @single_precision
    def forward(self, tokens: Tokens, lengths: Lengths, snr_db: Decibels) -> Codeword:
        common_length(lengths, self.sizes.lengths)
        return to_symbols(functional.pixel_unshuffle(self.network(tokens, snr_db), self.sizes.cells))


class PublishedSwinJSCCDecoder(Block):
    """Rebuild the pixels: `PublishedSwinJSCCEncoder`'s other end.

    Shapes: received as `ReceivedCodeword`, all lengths as the weights have it; out [batch, 3, 16*rows, 16*cols], about
    0 to 1. A channel's known gain is undone; the gates see the SNR of the received symbols. Gradients pass.
    Source: as `PublishedSwinJSCCEncoder`.

    Raises:
        ParameterError, WeightsError: as `PublishedSwinJSCCEncoder`.

    >>> import torch
    >>> lengths, y = torch.full((1, 1, 1), 48), torch.ones(1, 1, 1, 48) + 0j
    >>> PublishedSwinJSCCDecoder()(received=ReceivedCodeword(
    ...     y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))).shape
    torch.Size([1, 3, 16, 16])
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        self.sizes = blocks_sizes(weights, adaptive=False)
        with seeded_initialization():
            self.network = DecoderNetwork(self.sizes)
        load_part(self, weights, "published_swinjscc_decoder")

    @single_precision
    def forward(self, received: ReceivedCodeword) -> Tokens:
        uses = common_length(received.lengths, self.sizes.lengths)
        return self.network(*arrived_features(received, uses, self.sizes.cells)).float()
