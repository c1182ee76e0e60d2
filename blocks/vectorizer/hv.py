"""SA-OOSC's vectorizer: a learned transform, and an entropy per patch from a hyperprior."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from linksim.block import Block
from linksim.blocks.vectorizer import conv_transform, swin_transform
from linksim.blocks.vectorizer.conv_transform import conv_analysis, conv_synthesis, light_block
from linksim.blocks.vectorizer.hyperprior import Hyperprior
from linksim.blocks.vectorizer.klt import MEAN
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.blocks.vectorizer.swin_transform import swin_analysis, swin_synthesis
from linksim.errors import DimensionError, require
from linksim.precision import single_precision
from linksim.types import Entropy, Latent, Tokens
from linksim.weights import load_part, shape_in, weights_path

LEARNED_CHANNELS, LEARNED_STEP = 256, 0.1
Part = Callable[[int, float], nn.Module]
"""Makes an analysis or a synthesis from the latent's channels and step."""
TRANSFORMS: Mapping[str, tuple[Part, Part, int]] = MappingProxyType(
    {
        "conv": (conv_analysis, conv_synthesis, conv_transform.TOKEN),
        "conv_light": (
            partial(conv_analysis, block=light_block),
            partial(conv_synthesis, block=light_block),
            conv_transform.TOKEN,
        ),
        "swin": (swin_analysis, swin_synthesis, swin_transform.TOKEN),
    }
)
"""Analysis, synthesis and edge of a token in pixels, by the transform's name."""


class HVVectorized(NamedTuple):
    """x; x as the entropy model sees it; z; e; the bits of z."""

    latent: Latent
    quantized: Latent
    hyper: Float[Tensor, "batch hyper_channels hyper_rows hyper_cols"]
    entropy: Entropy
    hyper_bits: Float[Tensor, "batch"]


class HVVectorizer(Block):
    """Turn tokens into the latent x and count what each patch is worth: e = -sum over channels of log2 p(x|z).

    x goes to the joint coder as it is. `quantized` is x with uniform noise of one step in training, rounded about its
    predicted mean in evaluation; e is counted on it, and `HVDevectorizer` rebuilds the picture from it where no channel
    lies between. z is rounded likewise; it is not sent.

    Shapes: tokens [batch, 48, height/4, width/4], of "swin" [batch, 12, height/2, width/2]; latent and quantized
    [batch, channels, rows, cols], real, in units of the quantisation step; hyper (z) [batch, 64, ceil(rows/4),
    ceil(cols/4)]; entropy (e) [batch, rows, cols] in bits;
    hyper_bits [batch], of the whole picture. Gradients pass in training; in evaluation rounding stops those through
    `quantized` and `hyper`.
    `transform`: "conv", residual convolutions for tokens of 4 pixels, "conv_light", the same at two fifths of the
    arithmetic, or "swin", the paper's transformers for tokens of 2; each beside a KLT. `weights`: a shipped name
    ("small") or the path of a .safetensors file; None leaves the vectorizer untrained, which is that KLT.
    Source: SA-OOSC eqs. 7 to 9 and appendix 11; Minnen et al., NeurIPS 2018.

    Raises:
        ParameterError: `transform` is unknown, `channels` not in 1..256 or `step` not positive.
        WeightsError: the weights are unknown or do not fit.
        DimensionError: the tokens are of another size than the transform takes.

    >>> vectorizer = HVVectorizer()
    >>> out = vectorizer.eval()(tokens=torch.full((1, 48, 8, 12), 0.5))
    >>> out.latent.shape, out.entropy.shape
    (torch.Size([1, 256, 2, 3]), torch.Size([1, 2, 3]))
    """

    def __init__(
        self,
        *,
        transform: str = "conv",
        channels: int = LEARNED_CHANNELS,
        step: float = LEARNED_STEP,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        analysis, _, self.token = find_transform(transform, channels, step)
        with seeded_initialization():
            self.analysis = analysis(channels, step)
            self.hyperprior = Hyperprior(channels, step)
        load_part(self, weights, "vectorizer")

    @single_precision
    def forward(self, tokens: Tokens) -> HVVectorized:
        wanted = 3 * self.token**2
        if tokens.shape[1] != wanted:
            raise DimensionError(f"tokens must have {wanted} channels, {self.token}x{self.token} pixels each "
                                 f"(got {tokens.shape[1]})")  # fmt: skip
        latent = self.analysis((tokens - MEAN).contiguous(memory_format=torch.channels_last))
        seen = self.hyperprior(latent, self.rng)
        hyper_bits = -torch.log2(seen.hyper_likelihood).sum((1, 2, 3))
        return HVVectorized(latent, seen.latent, seen.hyper, -torch.log2(seen.likelihood).sum(1), hyper_bits)


class HVDevectorizer(Block):
    """Rebuild the tokens from the latent: SA-OOSC's variational decoder f_d.

    Shapes: latent [batch, channels, rows, cols] in units of the quantisation step; out: tokens
    [batch, 48, 4*rows, 4*cols], of "swin" [batch, 12, 8*rows, 8*cols]. Gradients pass. Parameters as for
    `HVVectorizer`.
    Source: SA-OOSC appendix 11.

    Raises:
        ParameterError: `transform` is unknown, `channels` not in 1..256 or `step` not positive.
        WeightsError: the weights are unknown or do not fit.

    >>> HVDevectorizer()(latent=torch.zeros(1, 256, 2, 2)).unique().tolist()
    [0.5]
    """

    def __init__(
        self,
        *,
        transform: str = "conv",
        channels: int = LEARNED_CHANNELS,
        step: float = LEARNED_STEP,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        _, synthesis, _ = find_transform(transform, channels, step)
        with seeded_initialization():
            self.synthesis = synthesis(channels, step)
        load_part(self, weights, "devectorizer")

    @single_precision
    def forward(self, latent: Latent) -> Tokens:
        return self.synthesis(latent.contiguous(memory_format=torch.channels_last)) + MEAN


def transform_of(weights: str | None) -> str:
    """The transform that weights are of, by the shapes of their first layers; "conv" where there are none.

    Raises `WeightsError` where they are unknown, `FileError` where they cannot be read.
    """
    if weights is None:
        return "conv"
    klt, narrow = (shape_in(weights_path(weights, "vectorizer"), f"vectorizer.analysis.{name}.weight")
                   for name in ("klt", "network.1.narrow"))  # fmt: skip
    if klt[1:2] == (3 * swin_transform.TOKEN**2,):
        return "swin"
    return "conv_light" if narrow[2:] == (1, 1) else "conv"


def find_transform(transform: str, channels: int, step: float) -> tuple[Part, Part, int]:
    """Analysis, synthesis and token edge of a transform. Raises `ParameterError` naming what is out of range."""
    require(transform in TRANSFORMS, "transform", f"one of {', '.join(TRANSFORMS)}", transform)
    require(isinstance(channels, int) and 0 < channels <= 256, "channels", "an integer in 1..256", channels)
    require(0 < step < 1e3, "step", "in (0, 1000), in units of the pixel range", step)
    return TRANSFORMS[transform]
