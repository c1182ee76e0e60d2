"""SwinJSCC as its authors published it, adapted to the rate: the strongest channels are sent, the header says which."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.jscc.deepjscc import common_length
from linksim.blocks.jscc.published.modulation import ModulationNetwork
from linksim.blocks.jscc.published.swin_sizes import SwinSizes, blocks_sizes
from linksim.blocks.jscc.published.swin_stages import SwinAnalysis, SwinSynthesis
from linksim.blocks.jscc.published.swinjscc import arrived_features, gated
from linksim.blocks.jscc.undo_fading import to_symbols
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.precision import single_precision
from linksim.types import ChannelMask, Codeword, Decibels, Lengths, ReceivedCodeword, Tokens
from linksim.weights import load_part


class AdaptiveCodeword(NamedTuple):
    """The codeword, and which channels of the features it holds."""

    codeword: Codeword
    channels: ChannelMask


class AdaptiveEncoderNetwork(nn.Module):
    """A picture [batch, 3, height, width] and SNRs [batch] to gated features [batch, channels, rows, cols] and the mask
    of the `count` channels whose gates are largest in sum, bool [batch, channels]."""

    def __init__(self, sizes: SwinSizes) -> None:
        super().__init__()
        self.analysis = SwinAnalysis(sizes.analysis)
        self.channel_gates = ModulationNetwork(sizes.channels, sizes.gates) if sizes.gates else None
        self.rate_gates = ModulationNetwork(sizes.channels, sizes.rate_gates)

    def forward(self, image: Tensor, snr_db: Tensor, count: int) -> tuple[Tensor, Tensor]:
        features = gated(self.channel_gates, self.analysis(image), snr_db)
        gates = self.rate_gates(features, torch.full_like(snr_db, float(count)))
        strength = gates.sum((2, 3))
        chosen = torch.zeros_like(strength, dtype=torch.bool).scatter(1, strength.topk(count).indices, value=True)
        return features * gates, chosen


class AdaptiveDecoderNetwork(nn.Module):
    """The other end of `AdaptiveEncoderNetwork`; channels that were not sent are zero."""

    def __init__(self, sizes: SwinSizes) -> None:
        super().__init__()
        self.channel_gates = ModulationNetwork(sizes.channels, sizes.gates) if sizes.gates else None
        self.synthesis = SwinSynthesis(sizes.synthesis)

    def forward(self, arrived: Tensor, snr_db: Tensor) -> Tensor:
        return self.synthesis(gated(self.channel_gates, arrived, snr_db))


class RateAdaptiveSwinJSCCEncoder(Block):
    """Map pixels to channel symbols by SwinJSCC's own network that adapts to the rate, or to SNR and rate.

    Of the features' channels those are sent whose gates are largest in sum, as many as the rate has room for. Which
    they are differs from picture to picture; the header carries it, a bit for each channel. The paper's code hands it
    to the receiver past the channel. `weights`: the path of a file that `linksim import swinjscc` wrote; None leaves a
    network of the authors' base size untrained.

    Shapes: tokens [batch, 3, 16*rows, 16*cols], tokens of one pixel; lengths [batch, rows, cols], one value of those
    that the sizes have, for None 4, 8, ..., 160; snr_db [batch], the mean SNR; codeword [batch, rows, cols, k];
    channels [batch, channels]. Gradients pass; the choice of the channels has none.
    Source: SwinJSCC, Yang et al., IEEE Trans. Cogn. Commun. Netw. 2025, section III.

    Raises:
        ParameterError: the lengths are not all alike, or not of the sizes' set.
        WeightsError: the weights are no published SwinJSCC's that adapts to the rate, or do not fit.

    >>> tokens, lengths = torch.zeros(1, 3, 32, 48), torch.full((1, 2, 3), 16)
    >>> sent = RateAdaptiveSwinJSCCEncoder()(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0]))
    >>> sent.codeword.shape, sent.channels.sum().item()
    (torch.Size([1, 2, 3, 16]), 32)
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        self.sizes = blocks_sizes(weights, adaptive=True)
        with seeded_initialization():
            self.network = AdaptiveEncoderNetwork(self.sizes)
        load_part(self, weights, "published_swinjscc_encoder")

    @single_precision
    def forward(self, tokens: Tokens, lengths: Lengths, snr_db: Decibels) -> AdaptiveCodeword:
        count = self.sizes.sent_channels(common_length(lengths, self.sizes.lengths))
        features, channels = self.network(tokens, snr_db, count)
        sent = features[channels].unflatten(0, (len(features), count))
        return AdaptiveCodeword(to_symbols(functional.pixel_unshuffle(sent, self.sizes.cells)), channels)


class RateAdaptiveSwinJSCCDecoder(Block):
    """Rebuild the pixels: `RateAdaptiveSwinJSCCEncoder`'s other end.

    Shapes: received as `ReceivedCodeword`; channels [batch, channels], as the header tells them, none for a picture
    whose header was lost; out [batch, 3, 16*rows, 16*cols], about 0 to 1. A channel's known gain is undone; the gates
    see the SNR of the received symbols. Gradients pass.
    Source: as `RateAdaptiveSwinJSCCEncoder`.

    Raises:
        ParameterError, WeightsError: as `RateAdaptiveSwinJSCCEncoder`.

    >>> lengths, y = torch.full((1, 1, 1), 16), torch.ones(1, 1, 1, 16) + 0j
    >>> received = ReceivedCodeword(y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))
    >>> RateAdaptiveSwinJSCCDecoder()(received=received, channels=torch.arange(320)[None] < 32).shape
    torch.Size([1, 3, 16, 16])
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        self.sizes = blocks_sizes(weights, adaptive=True)
        with seeded_initialization():
            self.network = AdaptiveDecoderNetwork(self.sizes)
        load_part(self, weights, "published_swinjscc_decoder")

    @single_precision
    def forward(self, received: ReceivedCodeword, channels: ChannelMask) -> Tokens:
        uses = common_length(received.lengths, self.sizes.lengths)
        arrived, snr_db = arrived_features(received, uses, self.sizes.cells)
        # The place of each channel among those sent.
        place = (channels.cumsum(1) - 1).clamp(0, arrived.shape[1] - 1)[..., None, None]
        features = arrived.gather(1, place.expand(-1, -1, *arrived.shape[2:])) * channels[..., None, None]
        return self.network(features, snr_db).float()
