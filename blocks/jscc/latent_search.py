"""A search, at the transmitter, for the latent that the receiver's networks make most of."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.channels.noise import complex_normal
from linksim.blocks.jscc.neural import JSCCDecoder, JSCCEncoder
from linksim.blocks.jscc.power_normalizer import PowerNormalizer
from linksim.blocks.vectorizer.hv import HVDevectorizer
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Decibels, Importance, Latent, Lengths, ReceivedCodeword, Tokens, sent_mask

LEARNING_RATE, FULL_STEPS = 0.03, 30
"""At the first step, in quantisation steps of the latent, where there are so many steps or more; with fewer it is less
in proportion. It falls linearly to nothing, so that the noise of the last steps averages out."""
MIN_ERROR = 1e-5
"""Squared error in the pixel range, about 50 dB: patches that are as good as that gain nothing more."""


class LatentSearch(Block):
    """Move the latent by so many steps of gradient descent through the joint coder, an AWGN channel and the transform.

    The transmitter knows the receiver's networks, and so it can try what they will show. Each step sends the latent
    with new noise of the mean SNR, and raises the weighted PSNR of the patches, SAD, of what comes out.
    Nothing changes at the receiver, and nothing more is sent.

    Args:
        steps: how many; each takes about as long as sending the picture without a search.
        weights, transform, transformer_blocks, importance_gain_db: the codec's, see `HVVectorizer` and `JSCCEncoder`.
        importance_weights: of the PSNR of patches of background, low, medium and high importance.

    Shapes: tokens, latent, lengths, base_rate, snr_db as for `HVVectorizer` and `JSCCEncoder`; importance
    [batch, rows, cols], 0 if absent; out as latent. No gradient.
    Source: SAD, SA-OOSC appendix 8; Campos et al., Content Adaptive Optimization for Neural Image Compression, CVPR
    workshops 2019.

    Raises:
        ParameterError: `steps` is negative, or a parameter of the codec is out of range.
        WeightsError: the weights are unknown or do not fit.

    >>> tokens, latent, lengths = torch.rand(1, 48, 8, 8), torch.randn(1, 256, 2, 2), torch.full((1, 2, 2), 8)
    >>> search = LatentSearch(steps=1).seed(1)
    >>> search(tokens=tokens, latent=latent, lengths=lengths, snr_db=torch.tensor([10.0])).shape
    torch.Size([1, 256, 2, 2])
    """

    def __init__(
        self,
        *,
        steps: int = 30,
        weights: str | None = None,
        transform: str = "conv",
        transformer_blocks: int = 0,
        importance_gain_db: float = 0.0,
        importance_weights: tuple[float, float, float, float] = (1.0, 2.0, 4.0, 8.0),
    ) -> None:
        super().__init__()
        require(steps >= 0, "effort", "at least 0 steps", steps)
        self.steps = steps
        joint: dict[str, Any] = {
            "transformer_blocks": transformer_blocks,
            "importance_gain_db": importance_gain_db,
            "weights": weights,
        }
        self.encoder, self.decoder = JSCCEncoder(**joint), JSCCDecoder(**joint)
        self.devectorizer = HVDevectorizer(transform=transform, weights=weights)
        self.normalizer = PowerNormalizer()
        self.register_buffer("weights", torch.tensor(importance_weights), persistent=False)

    @single_precision
    def forward(
        self,
        tokens: Tokens,
        latent: Latent,
        lengths: Lengths,
        snr_db: Decibels,
        base_rate: Lengths | None = None,
        importance: Importance | None = None,
    ) -> Latent:
        weights = self._patch_weights(lengths, importance)
        with torch.enable_grad():
            found = nn.Parameter(latent.detach().clone())
            optimizer = torch.optim.Adam([found], lr=LEARNING_RATE * min(1.0, self.steps / FULL_STEPS))
            falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, max(self.steps, 1))
            for _ in range(self.steps):
                shown = self._received(found, lengths, snr_db, base_rate)
                optimizer.zero_grad()
                found.grad = torch.autograd.grad(_error(shown, tokens, weights), found)[0]
                optimizer.step()
                falling.step()
        return found.detach()

    def _received(self, latent: Tensor, lengths: Tensor, snr_db: Tensor, base_rate: Tensor | None) -> Tensor:
        """The tokens that the receiver would show, with new noise."""
        coded = self.encoder(latent=latent, lengths=lengths, snr_db=snr_db, base_rate=base_rate)
        codeword, power = self.normalizer(codeword=coded, lengths=lengths)
        sent = sent_mask(lengths, codeword.shape[-1])
        variance = 10.0 ** (-snr_db / 10.0)[:, None, None, None].expand(sent.shape)
        noise = complex_normal(tuple(codeword.shape), codeword, self.rng) * variance.sqrt() * sent
        received = ReceivedCodeword(
            codeword + noise, sent.to(codeword), torch.where(sent, variance, 1.0), lengths, power
        )
        return self.devectorizer(latent=self.decoder(received=received, base_rate=base_rate))

    def _patch_weights(self, lengths: Tensor, importance: Tensor | None) -> Tensor:
        weights = self.get_buffer("weights")
        weights = torch.ones(lengths.shape, device=lengths.device) if importance is None else weights[importance.long()]
        return weights / weights.mean((1, 2), keepdim=True)


def _error(shown: Tensor, tokens: Tensor, weights: Tensor) -> Tensor:
    """Sum of the logarithms of the patches' squared errors by their weights [batch, rows, cols]: minus SAD."""
    by_token = (shown - tokens).square().mean(1, keepdim=True)
    by_patch = functional.avg_pool2d(by_token, shown.shape[2] // weights.shape[1])[:, 0]
    return (weights * (by_patch + MIN_ERROR).log()).sum()
