"""Ready links, one file per system."""

from linksim.flowgraphs.bpsk import bpsk
from linksim.flowgraphs.klt import klt
from linksim.flowgraphs.sa_oosc import sa_oosc, sa_oosc_training

LINKS = {"klt": klt, "sa_oosc": sa_oosc}
"""The links that carry pictures, by name."""

FLOWGRAPHS = {"bpsk": bpsk, **LINKS}
"""All ready flowgraphs, by name; each can be made without arguments."""

__all__ = ["FLOWGRAPHS", "LINKS", "bpsk", "klt", "sa_oosc", "sa_oosc_training"]
