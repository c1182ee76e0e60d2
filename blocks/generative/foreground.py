"""The branch of the foreground: attention in windows, whose keys look where the predictor points."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.generative.semantic_importance import PATCH_CELLS
from linksim.blocks.vectorizer.window_attention import TransformerBlock, variance_preserving_linear, zero_linear
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import Foreground

HEADS, WINDOW, EXPANSION = 4, 8, 2
ABSENT = -20.0
"""What is added to the attention's logits at places of the background."""


class ForegroundEncoder(Block):
    """Refine the foreground's features by attention with offsets, then by a Swin block.

    Queries are the foreground's features, keys these plus the same warped by the offsets (eq. 15), values these times
    the spatial attention (eq. 16). Attention is among the foreground's places in each window of 8x8 places (eq. 17),
    and what it gives returns to the foreground's patches (eq. 18). A Swin block with shifted windows follows. Both add
    to the features, and are zero at the start.

    The paper attends within a patch. A patch has 2x2 places here, so that the mask is as fine as the rate map; windows
    of 16 patches see more.

    Shapes: features [batch, channels, 2*rows, 2*cols]; foreground [batch, rows, cols]; offsets [batch, 2, 2*rows,
    2*cols]; spatial_attention [batch, 2*rows, 2*cols]; out as features, zero in the background. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eqs. 4 and 15 to 18.

    Raises:
        ParameterError: `channels` is no positive multiple of 4.

    >>> places = {"offsets": torch.zeros(1, 2, 4, 4), "spatial_attention": torch.ones(1, 4, 4)}
    >>> features, foreground = torch.ones(1, 8, 4, 4), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    >>> out = ForegroundEncoder(channels=8)(features=features, foreground=foreground, **places)
    >>> out[0, 0, 0].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """

    def __init__(self, *, channels: int = 128) -> None:
        super().__init__()
        require(channels > 0 and channels % HEADS == 0, "channels", f"a positive multiple of {HEADS}", channels)
        self.norm = nn.LayerNorm(channels)
        self.query, self.key, self.value = (variance_preserving_linear(channels, channels) for _ in range(3))
        self.out = zero_linear(channels, channels)
        self.swin = TransformerBlock(channels, HEADS, WINDOW, shifted=True, expansion=EXPANSION)

    @single_precision
    def forward(
        self,
        features: Float[Tensor, "batch channels fine_rows fine_cols"],
        foreground: Foreground,
        offsets: Float[Tensor, "batch 2 fine_rows fine_cols"],
        spatial_attention: Float[Tensor, "batch fine_rows fine_cols"],
    ) -> Float[Tensor, "batch channels fine_rows fine_cols"]:
        inside = at_places(foreground)
        kept = features * inside
        seen = self.norm(kept.movedim(1, -1))
        warped = self.norm(warp(kept, offsets).movedim(1, -1))
        query, key = self.query(seen), self.key(seen + warped)
        value = self.value(seen) * spatial_attention[..., None]
        attended = self.out(_among(query, key, value, inside[:, 0])).movedim(-1, 1)
        return self.swin(kept + inside * attended) * inside


class ForegroundDecoder(Block):
    """Refine the foreground's received features by two Swin blocks: `ForegroundEncoder`'s other end.

    Shapes: features [batch, channels, 2*rows, 2*cols]; foreground [batch, rows, cols], 0 to 1; out as features, times
    foreground. Gradients pass.
    Source: GenED-SC (arXiv 2606.04015), eq. 8.

    Raises:
        ParameterError: `channels` is no positive multiple of 4.

    >>> features, foreground = torch.ones(1, 8, 2, 4), torch.tensor([[[1.0, 0.0]]])
    >>> ForegroundDecoder(channels=8)(features=features, foreground=foreground)[0, 0, 0].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """

    def __init__(self, *, channels: int = 128) -> None:
        super().__init__()
        require(channels > 0 and channels % HEADS == 0, "channels", f"a positive multiple of {HEADS}", channels)
        self.swin = nn.Sequential(
            *(TransformerBlock(channels, HEADS, WINDOW, shifted=on, expansion=EXPANSION) for on in (False, True))
        )

    @single_precision
    def forward(
        self, features: Float[Tensor, "batch channels fine_rows fine_cols"], foreground: Foreground
    ) -> Float[Tensor, "batch channels fine_rows fine_cols"]:
        inside = at_places(foreground)
        kept = features * inside
        # What a patch has of both branches must be once its features, also where it is half foreground.
        return kept + inside * (self.swin(kept) - kept)


def at_places(foreground: Tensor) -> Tensor:
    """A value per patch [batch, rows, cols] at each place of the features, [batch, 1, 2*rows, 2*cols]."""
    return foreground[:, None].repeat_interleave(PATCH_CELLS, 2).repeat_interleave(PATCH_CELLS, 3)


def warp(features: Tensor, offsets: Tensor) -> Tensor:
    """Features [batch, channels, rows, cols] taken `offsets` [batch, 2, rows, cols] places further right and down,
    linear between the places, those at the edge beyond it."""
    rows, cols = features.shape[2:]
    down, right = torch.meshgrid(
        torch.arange(rows, device=features.device), torch.arange(cols, device=features.device), indexing="ij"
    )
    place = torch.stack([right + offsets[:, 0], down + offsets[:, 1]], -1)
    size = torch.tensor([cols, rows], device=features.device)
    return functional.grid_sample(
        features, ((2 * place + 1) / size - 1).to(features.dtype), padding_mode="border", align_corners=False
    )


def _among(query: Tensor, key: Tensor, value: Tensor, inside: Tensor) -> Tensor:
    """Attention in each window [batch, rows, cols, width], to the places that are inside, [batch, rows, cols]."""
    batch, rows, cols, width = query.shape
    down, right = (-size % WINDOW for size in (rows, cols))

    def windows(x: Tensor) -> Tensor:
        x = functional.pad(x, (0, 0, 0, right, 0, down))
        x = x.unflatten(2, (-1, WINDOW)).unflatten(1, (-1, WINDOW)).transpose(2, 3)
        return x.reshape(-1, WINDOW**2, x.shape[-1])

    split = [windows(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for x in (query, key, value)]
    bias = ABSENT * (1 - windows(inside[..., None]).transpose(1, 2)[:, None])
    mixed = functional.scaled_dot_product_attention(*split, attn_mask=bias.to(query.dtype))
    grid = (rows + down) // WINDOW, (cols + right) // WINDOW
    mixed = mixed.transpose(1, 2).reshape(batch, *grid, WINDOW, WINDOW, width).transpose(2, 3)
    return mixed.reshape(batch, rows + down, cols + right, width)[:, :rows, :cols]
