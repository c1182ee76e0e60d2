"""NTSCC as its authors published it, without side information: a transform, its prior, a joint coder of all rates."""

from typing import NamedTuple

import torch

from linksim.block import Block
from linksim.blocks.jscc.published.ntscc_networks import Analysis, JointDecoder, JointEncoder, Prior, Synthesis
from linksim.blocks.jscc.published.ntscc_sizes import ntscc_sizes_of
from linksim.blocks.jscc.undo_fading import to_symbols, undo_fading
from linksim.blocks.rate_set import levels_of
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.precision import single_precision
from linksim.types import Codeword, Entropy, Latent, Lengths, ReceivedCodeword, Tokens, sent_mask
from linksim.weights import load_part


class NTSCCVectorized(NamedTuple):
    """The latent, the probability of each of its numbers, and the bits of each patch by these."""

    latent: Latent
    likelihood: Latent
    entropy: Entropy


class PublishedNTSCCVectorizer(Block):
    """Map pixels to the latent by NTSCC's own transform, and say how much each patch has to tell.

    The entropy is of the latent as it is, not rounded, with probabilities of at least 1e-10, as in the authors' code.
    `HVVectorizer` is linksim's own. `weights`: the path of a file that `linksim import ntscc` wrote; None leaves
    networks of the authors' size untrained.

    Shapes: tokens [batch, 3, 16*rows, 16*cols], tokens of one pixel; latent and likelihood [batch, width, rows, cols],
    the width 256 for None; entropy [batch, rows, cols] in bits. Gradients pass.
    Source: NTSCC, Dai et al., IEEE JSAC 2022.

    Raises:
        WeightsError: the weights are no published NTSCC's, or do not fit.

    >>> PublishedNTSCCVectorizer()(tokens=torch.zeros(1, 3, 32, 48)).entropy.shape
    torch.Size([1, 2, 3])
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        sizes = ntscc_sizes_of(weights)
        with seeded_initialization():
            self.analysis, self.prior = Analysis(sizes.analysis), Prior(sizes.width, sizes.hyper)
        load_part(self, weights, "published_ntscc_vectorizer")

    @single_precision
    def forward(self, tokens: Tokens) -> NTSCCVectorized:
        latent = self.analysis(tokens).float()
        likelihood = self.prior(latent)
        return NTSCCVectorized(latent, likelihood, -likelihood.log2().sum(1))


class PublishedNTSCCEncoder(Block):
    """Map the latent to channel symbols by NTSCC's joint coder: each patch sends as many dimensions as its rate says.

    `weights` as for `PublishedNTSCCVectorizer`.

    Shapes: latent and likelihood as `PublishedNTSCCVectorizer` gives them; lengths [batch, rows, cols], complex uses,
    for None 8, 16, ..., 128, with 51, 59, 67, 80 and 93 among them; out [batch, rows, cols, kmax], zero past k.
    Gradients pass.
    Source: as `PublishedNTSCCVectorizer`.

    Raises:
        ParameterError: a length is not one of the weights' rates.
        WeightsError: as `PublishedNTSCCVectorizer`.

    >>> latent, lengths = torch.zeros(1, 256, 2, 3), torch.full((1, 2, 3), 16)
    >>> PublishedNTSCCEncoder()(latent=latent, likelihood=latent + 0.5, lengths=lengths).shape
    torch.Size([1, 2, 3, 16])
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        self.sizes = ntscc_sizes_of(weights)
        with seeded_initialization():
            self.network = JointEncoder(self.sizes)
        load_part(self, weights, "published_ntscc_encoder")

    @single_precision
    def forward(self, latent: Latent, likelihood: Latent, lengths: Lengths) -> Codeword:
        levels = levels_of(lengths, torch.tensor(self.sizes.lengths, device=lengths.device))
        most = 2 * int(lengths.max())
        dimensions = self.network(latent, likelihood, levels)[:, :most]
        return to_symbols(dimensions * sent_mask(2 * lengths, most).movedim(-1, 1))


class PublishedNTSCCDecoder(Block):
    """Estimate the latent from the received symbols: `PublishedNTSCCEncoder`'s other end.

    Shapes: received as `ReceivedCodeword`; out [batch, width, rows, cols]. A channel's known gain is undone; the
    networks do not know the SNR. Gradients pass.
    Source: as `PublishedNTSCCVectorizer`.

    Raises:
        ParameterError, WeightsError: as `PublishedNTSCCEncoder`.

    >>> lengths, y = torch.full((1, 1, 1), 16), torch.ones(1, 1, 1, 16) + 0j
    >>> received = ReceivedCodeword(y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))
    >>> PublishedNTSCCDecoder()(received=received).shape
    torch.Size([1, 256, 1, 1])
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        self.sizes = ntscc_sizes_of(weights)
        with seeded_initialization():
            self.network = JointDecoder(self.sizes)
        load_part(self, weights, "published_ntscc_decoder")

    @single_precision
    def forward(self, received: ReceivedCodeword) -> Latent:
        levels = levels_of(received.lengths, torch.tensor(self.sizes.lengths, device=received.lengths.device))
        symbols, _ = undo_fading(received, self.sizes.width)
        sent = sent_mask(2 * received.lengths, self.sizes.width)
        values = symbols * sent * received.power[:, None, None, None].sqrt()
        return self.network(values.movedim(-1, 1), levels).float()


class PublishedNTSCCDevectorizer(Block):
    """Rebuild the pixels from the latent: `PublishedNTSCCVectorizer`'s other end.

    Shapes: latent [batch, width, rows, cols]; out [batch, 3, 16*rows, 16*cols], about 0 to 1. Gradients pass.
    Source: as `PublishedNTSCCVectorizer`.

    Raises:
        WeightsError: as `PublishedNTSCCVectorizer`.

    >>> PublishedNTSCCDevectorizer()(latent=torch.zeros(1, 256, 2, 3)).shape
    torch.Size([1, 3, 32, 48])
    """

    def __init__(self, *, weights: str | None = None) -> None:
        super().__init__()
        sizes = ntscc_sizes_of(weights)
        with seeded_initialization():
            self.synthesis = Synthesis(sizes.synthesis)
        load_part(self, weights, "published_ntscc_devectorizer")

    @single_precision
    def forward(self, latent: Latent) -> Tokens:
        return self.synthesis(latent).float()
