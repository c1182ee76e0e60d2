"""The report of a link that sends the part of a picture that was asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from linksim.plot.panels import constellation, picture
from linksim.plot.style import styled
from linksim.text import figure_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIMMED = 0.25
"""Brightness of what was not asked for."""


def intent_report(
    original: Tensor, mask: Tensor, received: Tensor, image: Tensor, titles: Mapping[str, str]
) -> "Figure":
    """A figure of the region that a sentence asks for, the payload, and the region as it was received.

    Args:
        original: the picture [3, height, width].
        mask: the region, bool [height, width].
        received: the payload's symbols after the equalizer, complex [uses].
        image: what the receiver made [3, height, width].
        titles: those of "figure", "mask" and "image", and the "explanation" of what was taken.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(14, 4.8), layout="constrained")
        figure.suptitle(figure_text(titles["figure"]), fontsize=12)
        figure.supxlabel(figure_text(titles["explanation"]), fontsize=10, wrap=True)
        axes = figure.subplots(1, 4)
        picture(axes[0], original, "the picture at the sender")
        picture(axes[1], original * (DIMMED + (1 - DIMMED) * mask), titles["mask"])
        constellation(axes[2], received, "payload after the equalizer")
        picture(axes[3], image, titles["image"])
    return figure
