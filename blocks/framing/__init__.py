"""Header and payload in one frame."""

from linksim.blocks.framing.concealment import ErasureConcealment
from linksim.blocks.framing.frame import FrameBuilder, FrameSplitter

__all__ = ["ErasureConcealment", "FrameBuilder", "FrameSplitter"]
