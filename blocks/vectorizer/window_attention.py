"""Transformer blocks over windows of a grid: what Swin transforms and the joint coder are made of."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class WindowAttention(nn.Module):
    """Multi-head attention among the cells of each window of window x window cells, with a bias per relative position.

    The windows begin `shift` cells before the grid's corner; windows that reach beyond the grid attend to what is in
    it, so a grid of any size will do.
    Shapes: x [batch, rows, cols, width]; out the same.
    Source: Liu et al. (Swin), ICCV 2021, eqs. 3 and 4, and its cyclic shift.
    """

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.mix = variance_preserving_linear(width, 3 * width)
        self.out = zero_linear(width, width)
        self.bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        place = torch.arange(window)
        gap = place[:, None] - place + window - 1
        # Rows and columns of both cells: entry (r, c), (r', c') is the number of their relative position.
        pair = gap[:, None, :, None] * (2 * window - 1) + gap[None, :, None, :]
        self.register_buffer("position", pair.reshape(window**2, window**2), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, rows, cols, width = x.shape
        down, right = (-size % self.window for size in (rows, cols))
        padded = functional.pad(x, (0, 0, 0, right, 0, down)) if down or right else x
        # Turned round, the parts of windows that the edges cut off share windows; the mask keeps them apart.
        turned = torch.roll(padded, (-self.shift, -self.shift), (1, 2)) if self.shift else padded
        windows = turned.unflatten(2, (-1, self.window)).unflatten(1, (-1, self.window)).transpose(2, 3)
        cells = windows.reshape(-1, self.window**2, width)
        query, key, value = self.mix(cells).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = self._mask(rows, cols, down, right, batch, query.dtype)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = self.out(mixed.transpose(1, 2).flatten(-2)).view(windows.shape).transpose(2, 3)
        mixed = mixed.reshape(padded.shape)
        back = torch.roll(mixed, (self.shift, self.shift), (1, 2)) if self.shift else mixed
        return back[:, :rows, :cols]

    def _mask(self, rows: int, cols: int, down: int, right: int, batch: int, dtype: torch.dtype) -> Tensor:
        """The bias by relative position, and minus infinity between cells of different windows."""
        bias = self.bias[self.get_buffer("position")].movedim(-1, 0)[None].to(dtype)
        if not (self.shift or down or right):
            return bias
        along, across = (
            functional.pad((torch.arange(size, device=bias.device) + self.shift) // self.window, (0, more), value=-1)
            for size, more in ((rows, down), (cols, right))
        )
        # A window by its number, all that lies beyond the grid as one more: nothing attends to that but itself.
        number = torch.where((along < 0)[:, None] | (across < 0), -1, along[:, None] * (cols + 1) + across)
        turned = torch.roll(number, (-self.shift, -self.shift), (0, 1))
        parts = turned.unflatten(1, (-1, self.window)).unflatten(0, (-1, self.window)).transpose(1, 2)
        parts = parts.reshape(-1, 1, self.window**2)
        same = (parts[..., None] == parts[..., None, :]).repeat(batch, 1, 1, 1)
        return torch.where(same, bias, -math.inf)


class TransformerBlock(nn.Module):
    """x + attention, then x + a two-layer network, each on the normalised x; both are zero at the start.

    Shapes: x [batch, width, rows, cols], out the same; fastest where x is channels_last.
    Source: Liu et al. (Swin), ICCV 2021, eq. 3.
    """

    def __init__(self, width: int, heads: int, window: int, *, shifted: bool, expansion: int = 4) -> None:
        super().__init__()
        self.attention_norm, self.network_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads, window, window // 2 if shifted else 0)
        self.network = nn.Sequential(
            variance_preserving_linear(width, expansion * width), nn.GELU(), zero_linear(expansion * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x.movedim(1, -1)
        x = x + self.attention(self.attention_norm(x))
        return (x + self.network(self.network_norm(x))).movedim(-1, 1)


def transformer(width: int, heads: int, window: int, blocks: int) -> nn.Sequential:
    """Blocks whose windows are shifted by half in every second one."""
    return nn.Sequential(*(TransformerBlock(width, heads, window, shifted=n % 2 == 1) for n in range(blocks)))


def variance_preserving_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that keeps the variance, without bias at the start."""
    linear = nn.Linear(inputs, outputs)
    nn.init.normal_(linear.weight, std=inputs**-0.5)
    nn.init.zeros_(linear.bias)
    return linear


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer that gives zero until it is trained."""
    linear = variance_preserving_linear(inputs, outputs)
    nn.init.zeros_(linear.weight)
    return linear
