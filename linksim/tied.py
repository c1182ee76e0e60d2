"""One block in two places."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from linksim.block import Block
from linksim.errors import ParameterError
from linksim.graph import Graph
from linksim.port import Port


class Tied(Block):
    """A second place for a block that stands in the flowgraph already: the same ports, weights and random numbers.

    A block stands in one place of one flowgraph. Where a loss needs the same network twice, as a decoder with a channel
    before it and without, the second place takes `Tied(block=fg.decoder)`. The weights stay with the block itself, so
    that `parameters()` and `state_dict()` hold them once. Random numbers are drawn in the order of the calls.

    Shapes: those of the block. Gradients: those of the block.
    Source: linksim.

    Args:
        block: a block of the same flowgraph, at any depth of nesting.

    Raises:
        ParameterError: `block` is no block, is a flowgraph, or is tied itself.

    >>> from linksim.blocks import BPSKMapper
    >>> mapper = BPSKMapper()
    >>> Tied(block=mapper).output_ports["out"].name
    'out'
    """

    def __init__(self, *, block: Block) -> None:
        super().__init__()
        if not isinstance(block, Block) or isinstance(block, Graph | Tied):
            what = type(block).__name__
            raise ParameterError(f"'block' must be a block, and neither a flowgraph nor tied itself (got {what})")
        # In a tuple: as an attribute of its own the block would be a part of this one.
        self._original = (block,)

    @property
    def original(self) -> Block:
        """The block that works here too."""
        return self._original[0]

    @property
    def input_ports(self) -> Mapping[str, Port]:
        """Those of the block."""
        return self.original.input_ports

    @property
    def output_ports(self) -> Mapping[str, Port]:
        """Those of the block."""
        return self.original.output_ports

    @property
    def is_source(self) -> bool:
        """Whether the block asks for the batch size."""
        return self.original.is_source

    def forward(self, **values: Any) -> Any:
        return nn.Module.__call__(self.original, **values)

    def extra_repr(self) -> str:
        return f"block={self.original.label}"
