"""The rate that training can push on."""

from jaxtyping import Float
from torch import Tensor

from linksim.block import Block
from linksim.types import PATCH, Entropy, Score


class BitsPerPixel(Block):
    """Bits of latent and hyper latent per pixel of the (padded) picture.

    ||k||_1, which SA-OOSC's eqs. 18 to 20 count, is a step function of the entropy and has no gradient: the rate trains
    through the entropy itself, to which k is proportional (eq. 14).

    Shapes: entropy [batch, rows, cols] in bits; hyper_bits [batch]; out.value [batch] in bits per pixel.
    Gradients pass.
    Source: SA-OOSC eqs. 12, 13; NTSCC, Dai et al., IEEE JSAC 2022.

    >>> import torch
    >>> BitsPerPixel()(entropy=torch.full((1, 2, 2), 64.0), hyper_bits=torch.tensor([256.0])).value.item()
    0.5
    """

    def forward(self, entropy: Entropy, hyper_bits: Float[Tensor, "batch"]) -> Score:
        pixels = entropy[0].numel() * PATCH * PATCH
        return Score((entropy.sum((1, 2)) + hyper_bits) / pixels)
