"""The report of a link that sends a description."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from linksim.plot.panels import constellation, picture
from linksim.plot.style import styled
from linksim.text import figure_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SURE, UNSURE = "#0072b2", "#d55e00"


def description_report(
    original: Tensor, received: Tensor, image: Tensor, caption: str, words: Sequence[tuple[str, float]], title: str
) -> "Figure":
    """A figure of a described picture: what was sent, what arrived with the probability of each word, what was made.

    Args:
        original: the picture [3, height, width].
        received: the payload's symbols after the equalizer, complex [uses].
        image: what the receiver made [3, height, width].
        caption: the sentence that was sent.
        words: the received words, each with its probability; none where the sentence was lost.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(12, 6.2), layout="constrained")
        figure.suptitle(figure_text(title), fontsize=12)
        grid = figure.add_gridspec(2, 3, height_ratios=(3, 1))
        picture(figure.add_subplot(grid[0, 0]), original, "the picture at the sender")
        constellation(figure.add_subplot(grid[0, 1]), received, "payload after the equalizer")
        picture(figure.add_subplot(grid[0, 2]), image, "made by the receiver from the words")
        _words(figure.add_subplot(grid[1, :]), caption, words)
    return figure


def _words(ax: "Axes", caption: str, words: Sequence[tuple[str, float]]) -> None:
    ax.set_title(figure_text(f"sent: {caption}"), loc="left")
    if not words:
        ax.text(0.5, 0.5, "the sentence was lost", ha="center", va="center")
        ax.set_xticks([])
        ax.set_yticks([])
        return
    values = [value for _word, value in words]
    ax.bar(range(len(words)), values, color=[SURE if value >= 0.5 else UNSURE for value in values])
    ax.set_xticks(range(len(words)), [figure_text(word) for word, _value in words])
    ax.set_ylim(0, 1.05)
    ax.set_ylabel("probability")
