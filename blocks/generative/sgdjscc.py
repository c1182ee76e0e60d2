"""SGDJSCC: a latent that knows nothing of the channel, and a diffusion model at the receiver that removes the noise."""

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.generative.edge_map import Edges
from linksim.blocks.generative.latent_denoiser import NO_NOISE_DB, LatentDenoiser
from linksim.blocks.jscc.swinjscc import SNRS_DB, SwinJSCCDecoder, SwinJSCCEncoder
from linksim.types import Codeword, Lengths, ReceivedCodeword, Text, Tokens, sent_mask

CODEC = "swinjscc_noisy"
"""Weights of the network around the latent."""


class SGDJSCCEncoder(Block):
    """A picture's latent by a network that is never told the SNR: SwinJSCC's at 15 dB.

    The paper's is the encoder of a variational autoencoder, at one rate. `weights`: a shipped name
    ("swinjscc_noisy"), the path of a .safetensors file, or None for an untrained network.

    Shapes: as `SwinJSCCEncoder`, without an SNR. Gradients pass.
    Source: SGDJSCC, Zhang et al., arXiv 2501.01138, section III; the network, SwinJSCC, Yang et al., 2025.

    Raises:
        ParameterError: a length is over 64.
        WeightsError: the weights are unknown or do not fit.

    >>> tokens, lengths = torch.full((1, 48, 8, 12), 0.5), torch.full((1, 2, 3), 10)
    >>> SGDJSCCEncoder(weights=None)(tokens=tokens, lengths=lengths).shape
    torch.Size([1, 2, 3, 64])
    """

    def __init__(self, *, weights: str | None = CODEC) -> None:
        super().__init__()
        self.network = SwinJSCCEncoder(weights=weights)

    def forward(self, tokens: Tokens, lengths: Lengths) -> Codeword:
        snr_db = torch.full((len(tokens),), NO_NOISE_DB, device=tokens.device)
        return self.network(tokens=tokens, lengths=lengths, snr_db=snr_db)


class SGDJSCCDecoder(Block):
    """Rebuild the tokens: the noise is estimated from the symbols and removed by `LatentDenoiser`; what is left is
    decoded as if there had been none.

    The receiver is not told the SNR: the symbols were sent with mean power 1, so that the power beyond that is noise.

    Args:
        steps: see `LatentDenoiser`.
        weights: of the denoiser, a shipped name ("sgdjscc"), a path, or None for an untrained network.
        codec: weights of the network around it, as for `SGDJSCCEncoder`.

    Shapes: received as `ReceivedCodeword`, kmax at most 64; edges and text as for `LatentDenoiser`; out [batch, 48,
    4*rows, 4*cols]. Gradients pass.
    Source: SGDJSCC, Zhang et al., arXiv 2501.01138, section IV, where a network estimates the SNR.

    Raises:
        ParameterError: a length is over 64, or `steps` is out of range.
        WeightsError: the weights are unknown or do not fit.

    >>> lengths, y = torch.full((1, 1, 1), 16), torch.ones(1, 1, 1, 16) + 0j
    >>> received = ReceivedCodeword(y, torch.ones_like(y), torch.full(y.shape, 0.1), lengths, torch.ones(1))
    >>> SGDJSCCDecoder(weights=None, codec=None)(received=received).shape
    torch.Size([1, 48, 4, 4])
    """

    def __init__(self, *, steps: int = 1, weights: str | None = "sgdjscc", codec: str | None = CODEC) -> None:
        super().__init__()
        self.denoiser = LatentDenoiser(steps=steps, weights=weights)
        self.network = SwinJSCCDecoder(weights=codec)

    def forward(self, received: ReceivedCodeword, edges: Edges | None = None, text: Text | None = None) -> Tokens:
        clean = self.denoiser(received=with_estimated_noise(received), edges=edges, text=text)
        return self.network(received=clean)


def with_estimated_noise(received: ReceivedCodeword) -> ReceivedCodeword:
    """The same with noise of the power that the symbols show beyond the signal's, within -5 to 25 dB.

    From the block that gives the noise only its shape over the symbols is taken, which an equaliser makes.
    """
    sent = sent_mask(received.lengths, received.codeword.shape[-1])
    extra = _mean(received.codeword.abs().square() - received.gain.abs().square(), sent)
    signal = _mean(received.gain.abs().square(), sent)
    least, most = (signal * 10 ** (-db / 10) for db in reversed(SNRS_DB))
    factor = extra.clamp(least, most) / _mean(received.noise_variance, sent).clamp_min(1e-12)
    noise = torch.where(sent > 0, received.noise_variance * factor[:, None, None, None], 1.0)
    return ReceivedCodeword(received.codeword, received.gain, noise, received.lengths, received.power)


def _mean(values: Tensor, sent: Tensor) -> Tensor:
    """Over the symbols of each picture that were sent."""
    return (values * sent).sum((1, 2, 3)) / sent.sum((1, 2, 3)).clamp_min(1)
