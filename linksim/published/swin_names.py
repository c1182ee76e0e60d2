"""Swin transformers as the authors' checkpoints name them."""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from linksim.blocks.jscc.published.swin_stages import StageSizes

_BLOCK = r"layers\.(\d+)\.blocks\.(\d+)\."
_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"patch_embed\.proj\.(\w+)", r"embed.\1"),
    (_BLOCK + r"norm1\.(\w+)", r"stages.\1.\2.attention_norm.\3"),
    (_BLOCK + r"norm2\.(\w+)", r"stages.\1.\2.network_norm.\3"),
    (_BLOCK + r"attn\.qkv\.(\w+)", r"stages.\1.\2.attention.mix.\3"),
    (_BLOCK + r"attn\.proj\.(\w+)", r"stages.\1.\2.attention.out.\3"),
    (_BLOCK + r"attn\.relative_position_bias_table", r"stages.\1.\2.attention.bias"),
    (_BLOCK + r"mlp\.fc1\.(\w+)", r"stages.\1.\2.network.0.\3"),
    (_BLOCK + r"mlp\.fc2\.(\w+)", r"stages.\1.\2.network.2.\3"),
    (r"layers\.(\d+)\.downsample\.(.+)", lambda found: f"merges.{int(found[1]) - 1}.{found[2]}"),
    (r"layers\.(\d+)\.upsample\.(.+)", r"splits.\1.\2"),
)
TABLES = re.compile(r".*(attn_mask|relative_position_index)$")
"""What follows from the sizes."""


def swin_name(theirs: str) -> str:
    """Our name of a tensor of one end; nothing where it is not one of ours."""
    for pattern, ours in _RULES:
        found = re.fullmatch(pattern, theirs)
        if found:
            return ours(found) if callable(ours) else found.expand(ours)
    return ""


def read_stages(given: Mapping[str, Tensor], end: str) -> tuple[StageSizes, ...]:
    """The sizes of all stages of one end. Raises `KeyError` where a tensor is missing."""
    numbers = [int(found[1]) for name in given if (found := re.match(rf"{end}\.layers\.(\d+)\.", name))]
    return tuple(_stage(given, end, number) for number in range(1 + max(numbers, default=0)))


def _stage(given: Mapping[str, Tensor], end: str, number: int) -> StageSizes:
    start = f"{end}.layers.{number}.blocks"
    blocks = [name for name in given if re.fullmatch(rf"{re.escape(start)}\.\d+\.norm1\.weight", name)]
    table = given[f"{start}.0.attn.relative_position_bias_table"]
    # (2 window - 1)^2 relative positions, a column for each head.
    window = (round(table.shape[0] ** 0.5) + 1) // 2
    shifted = f"{start}.1.attn_mask" in given
    return StageSizes(given[f"{start}.0.norm1.weight"].shape[0], table.shape[1], len(blocks), window, shifted)
