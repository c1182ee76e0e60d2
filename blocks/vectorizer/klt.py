"""The Karhunen-Loeve transform (PCA) of 16x16 blocks: a vectorizer in closed form."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.errors import require
from linksim.precision import full_precision
from linksim.types import PATCH, Entropy, Latent, Tokens

MEAN = 0.5
"""What is subtracted from every pixel: mid-grey, so that a lost patch is rebuilt as mid-grey."""
DEFAULT_STEP = 0.3
"""The quantisation step in units of the pixel range; it sets the scale of x and the fineness at which e counts bits."""


@cache
def klt_basis() -> tuple[Tensor, Tensor]:
    """The shipped basis: eigenvectors float [256, 3*16*16], orthonormal rows, and eigenvalues float [256], falling.

    Fitted by `scripts/fit_klt_basis.py`.
    """
    from safetensors.torch import load

    tensors = load(files("linksim.blocks.vectorizer").joinpath("klt_basis.safetensors").read_bytes())
    return tensors["eigenvectors"].float(), tensors["eigenvalues"].float()


class Vectorized(NamedTuple):
    """The latent in units of the quantisation step, and the bits that each patch is worth."""

    latent: Latent
    entropy: Entropy


class KLTVectorizer(Block):
    """Project each 16x16x3 block on the first `channels` eigenvectors; count its bits with a Gaussian model.

    Shapes: tokens [batch, 3*p*p, height/p, width/p]; latent [batch, channels, rows, cols], real, in units of `step`;
    entropy [batch, rows, cols] in bits: e = sum over c of log2(1 + x_c^2)/2, the rate of a Gaussian of variance x_c^2
    behind noise of one squared step.
    Source: Gaussian rate, Cover and Thomas, Elements of Information Theory, ch. 9; KLT, Proakis and Manolakis.
    Gradients pass.

    Raises:
        ParameterError: `channels` is not in 1..256 or `step` is not positive.

    >>> latent, entropy = KLTVectorizer()(tokens=torch.full((1, 48, 8, 8), 0.5))
    >>> latent.shape, entropy.abs().max().item()
    (torch.Size([1, 256, 2, 2]), 0.0)
    """

    def __init__(self, *, channels: int = 256, step: float = DEFAULT_STEP) -> None:
        super().__init__()
        require(isinstance(channels, int) and 0 < channels <= 256, "channels", "an integer in 1..256", channels)
        require(0 < step < 1e3, "step", "in (0, 1000), in units of the pixel range", step)
        self.step = step
        self.register_buffer("basis", klt_basis()[0][:channels].clone())

    @full_precision
    def forward(self, tokens: Tokens) -> Vectorized:
        token = round((tokens.shape[1] / 3) ** 0.5)
        blocks = functional.pixel_unshuffle(functional.pixel_shuffle(tokens, token) - MEAN, PATCH)
        latent = torch.einsum("kc,bcij->bkij", self.get_buffer("basis").to(blocks), blocks) / self.step
        return Vectorized(latent, torch.log2(1.0 + latent.square()).sum(1) / 2)


class KLTDevectorizer(Block):
    """Rebuild the blocks from their coefficients.

    Shapes: latent [batch, channels, rows, cols] in units of `step`; out: tokens [batch, 3*token*token, ...].
    The transpose of KLTVectorizer; what lies outside the kept eigenvectors is lost. Gradients pass.

    Raises:
        ParameterError: `channels`, `step` or `token` is out of range.

    >>> KLTDevectorizer()(latent=torch.zeros(1, 256, 2, 2)).unique().tolist()
    [0.5]
    """

    def __init__(self, *, channels: int = 256, step: float = DEFAULT_STEP, token: int = 4) -> None:
        super().__init__()
        require(isinstance(channels, int) and 0 < channels <= 256, "channels", "an integer in 1..256", channels)
        require(0 < step < 1e3, "step", "in (0, 1000), in units of the pixel range", step)
        require(token in (1, 2, 4, 8, 16), "token", "1, 2, 4, 8 or 16 pixels", token)
        self.step, self.token = step, token
        self.register_buffer("basis", klt_basis()[0][:channels].clone())

    @full_precision
    def forward(self, latent: Latent) -> Tokens:
        blocks = torch.einsum("kc,bkij->bcij", self.get_buffer("basis").to(latent), latent * self.step)
        return functional.pixel_unshuffle(functional.pixel_shuffle(blocks, PATCH) + MEAN, self.token)
