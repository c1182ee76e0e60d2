"""Pictures to tokens and back."""

from typing import NamedTuple

import torch
from torch.nn import functional

from linksim.block import Block
from linksim.errors import DimensionError, require
from linksim.types import PATCH, Image, Size, Tokens


class Tokenized(NamedTuple):
    """Tokens, and the size of the picture before padding."""

    tokens: Tokens
    size: Size


class Tokenizer(Block):
    """Pad to whole 16x16 patches by repeating the edge, then space to depth.

    Shapes: image [batch, 3, height, width]; tokens [batch, 3*token*token, height/token, width/token] of the padded
    picture; size [batch, 2] is (height, width) of the original. `token` is the token's edge in pixels: 2 for Swin
    transformers, 4 for convolutions. Gradients pass.
    Source: SA-OOSC, section 3 and appendix 11.

    Raises:
        ParameterError: `token` is not 1, 2, 4, 8 or 16.

    >>> tokens, size = Tokenizer(token=4)(image=torch.zeros(1, 3, 20, 32))
    >>> tokens.shape, size.tolist()
    (torch.Size([1, 48, 8, 8]), [[20, 32]])
    """

    def __init__(self, *, token: int = 4) -> None:
        super().__init__()
        require(token in (1, 2, 4, 8, 16), "token", "1, 2, 4, 8 or 16 pixels", token)
        self.token = token

    def forward(self, image: Image) -> Tokenized:
        batch, _, height, width = image.shape
        if height == 0 or width == 0:
            raise DimensionError(f"a picture needs at least one pixel (got {height}x{width})")
        padded = functional.pad(image, (0, -width % PATCH, 0, -height % PATCH), mode="replicate")
        size = torch.tensor([[height, width]], device=image.device).expand(batch, 2)
        return Tokenized(functional.pixel_unshuffle(padded, self.token), size)


class Detokenizer(Block):
    """Depth to space, then crop to the size that crossed the channel.

    Shapes: tokens [batch, 3*token*token, rows, cols]; size [batch, 2]; out [batch, 3, height, width].
    All pictures of a batch have one size: the largest of `size`. Gradients pass.

    Raises:
        DimensionError: the channels are not 3 times a square, or the size does not fit the tokens.

    >>> Detokenizer()(tokens=torch.zeros(1, 48, 8, 8), size=torch.tensor([[20, 32]])).shape
    torch.Size([1, 3, 20, 32])
    """

    def forward(self, tokens: Tokens, size: Size) -> Image:
        token = round((tokens.shape[1] / 3) ** 0.5)
        if 3 * token * token != tokens.shape[1]:
            raise DimensionError(f"tokens must have 3*p*p channels (got {tokens.shape[1]})")
        image = functional.pixel_shuffle(tokens, token)
        height, width = size.amax(0).tolist()
        if height > image.shape[2] or width > image.shape[3]:
            raise DimensionError(f"size {height}x{width} exceeds the tokens' {image.shape[2]}x{image.shape[3]} pixels")
        return image[:, :, :height, :width]
