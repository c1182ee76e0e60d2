"""linksim: an end-to-end link simulator for semantic communication, in GNU-Radio-style blocks."""

from pathlib import Path
from typing import TYPE_CHECKING

from linksim.lazy import lazily
from linksim.version import __version__

if TYPE_CHECKING:
    from linksim.block import Block
    from linksim.errors import LinksimError
    from linksim.flowgraph import Flowgraph
    from linksim.result import Result
    from linksim.tied import Tied
    from linksim.types import (
        PATCH,
        Bits,
        Boxes,
        Codeword,
        Counts,
        Decibels,
        Detections,
        Distortion,
        Entropy,
        Flags,
        Image,
        Importance,
        Latent,
        Ledger,
        Lengths,
        LLRs,
        Power,
        PowerLoading,
        Received,
        ReceivedCodeword,
        Score,
        Size,
        Symbols,
        Tokens,
        Uses,
        Waveform,
    )

__all__ = [
    "PATCH",
    "Bits",
    "Block",
    "Boxes",
    "Codeword",
    "Counts",
    "Decibels",
    "Detections",
    "Distortion",
    "Entropy",
    "Flags",
    "Flowgraph",
    "Image",
    "Importance",
    "LLRs",
    "Latent",
    "Ledger",
    "Lengths",
    "LinksimError",
    "Power",
    "PowerLoading",
    "Received",
    "ReceivedCodeword",
    "Result",
    "Score",
    "Size",
    "Symbols",
    "Tied",
    "Tokens",
    "Uses",
    "Waveform",
    "__version__",
]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "block": ("Block",),
        "errors": ("LinksimError",),
        "flowgraph": ("Flowgraph",),
        "result": ("Result",),
        "tied": ("Tied",),
        "types": (
            "PATCH",
            "Bits",
            "Boxes",
            "Codeword",
            "Counts",
            "Decibels",
            "Detections",
            "Distortion",
            "Entropy",
            "Flags",
            "Image",
            "Importance",
            "Latent",
            "Ledger",
            "Lengths",
            "LLRs",
            "PowerLoading",
            "Power",
            "Received",
            "ReceivedCodeword",
            "Score",
            "Size",
            "Symbols",
            "Tokens",
            "Uses",
            "Waveform",
        ),
    },
)

# In a source checkout `blocks` and `flowgraphs` lie beside this folder, and a script started there finds the
# checkout before the installed package.
if not Path(__file__).with_name("blocks").exists():
    __path__.append(str(Path(__file__).parent.parent))
