"""The figure of `linksim transmit --link gened_sc`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from linksim.plot.panels import constellation, picture
from linksim.plot.style import styled
from linksim.text import figure_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIMMED = 0.25
CHANGE_SHOWN = 1 / 8
"""Of the pixel range: a change that is painted in full."""


def generated_report(
    original: Tensor,
    foreground: Tensor,
    received: Tensor,
    coarse: Tensor,
    image: Tensor,
    titles: Mapping[str, str],
) -> "Figure":
    """A figure of a picture that was sent coarsely and finished at the receiver, and of what was changed there.

    Args:
        original: the picture [3, height, width].
        foreground: the foreground's pixels, bool [height, width].
        received: the payload's symbols after the equalizer, complex [uses].
        coarse: what was received [3, height, width].
        image: what the receiver shows [3, height, width].
        titles: those of "figure", "foreground", "coarse" and "image", and what is said of the "caption".
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(14, 8.4), layout="constrained")
        figure.suptitle(figure_text(titles["figure"]), fontsize=12)
        figure.supxlabel(figure_text(titles["caption"]), fontsize=10, wrap=True)
        (first, second, third), (fourth, fifth, sixth) = figure.subplots(2, 3)
        picture(first, original, "the picture at the sender")
        picture(second, original * (DIMMED + (1 - DIMMED) * foreground), titles["foreground"])
        constellation(third, received, "payload after the equalizer")
        picture(fourth, coarse, titles["coarse"])
        picture(fifth, image, titles["image"])
        change = (image - coarse).abs().amax(0)
        sixth.imshow(change.numpy(), cmap="magma", vmin=0, vmax=CHANGE_SHOWN)
        sixth.set_title("changed by the editor: bright is made, not received")
        sixth.set_axis_off()
    return figure
