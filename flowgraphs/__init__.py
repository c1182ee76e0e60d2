"""Ready links, one file per system."""

from linksim.flowgraphs.bpsk import bpsk
from linksim.flowgraphs.klt import klt

__all__ = ["bpsk", "klt"]
