"""A link as it was when it was built, for every chunk: then it does not matter which process runs which chunk."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from linksim.flowgraph import Flowgraph


@dataclass
class _Kept:
    """A buffer, its place, what it held when the link was built, and how often it had been written by then."""

    module: nn.Module
    name: str
    buffer: Tensor
    held: Tensor
    written: int


class FreshLink:
    """A link whose buffers can be given back what they held. What a block keeps elsewhere is not seen."""

    def __init__(self, link: Flowgraph) -> None:
        self.link = link
        self._kept = [
            _Kept(module, name, buffer, buffer.clone(), buffer._version)
            for module in link.modules()
            for name, buffer in module.named_buffers(recurse=False)
        ]

    def renewed(self) -> Flowgraph:
        """The link, its buffers as they were."""
        for kept in self._kept:
            if kept.module._buffers[kept.name] is not kept.buffer:
                kept.module._buffers[kept.name] = kept.buffer
            if kept.buffer._version != kept.written:
                with torch.no_grad():
                    kept.buffer.copy_(kept.held)
                kept.written = kept.buffer._version
        return self.link
