"""Ready links, one file per system."""

from linksim.flowgraphs.bpsk import bpsk
from linksim.flowgraphs.coded_qam import coded_qam
from linksim.flowgraphs.keras_deepjscc import keras_deepjscc
from linksim.flowgraphs.klt import klt
from linksim.flowgraphs.sa_oosc import sa_oosc, sa_oosc_training
from linksim.flowgraphs.separation import DIGITAL_LINKS, separation

LINKS = {"klt": klt, "sa_oosc": sa_oosc}
"""The links that carry pictures, by name."""

FLOWGRAPHS = {"bpsk": bpsk, "coded_qam": coded_qam, "separation": separation, **LINKS, **DIGITAL_LINKS}
"""All ready flowgraphs, by name; each can be made without arguments."""

__all__ = [
    "DIGITAL_LINKS",
    "FLOWGRAPHS",
    "LINKS",
    "bpsk",
    "coded_qam",
    "keras_deepjscc",
    "klt",
    "sa_oosc",
    "sa_oosc_training",
    "separation",
]
