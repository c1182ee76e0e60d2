"""The figure about one transmitted picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from linksim.plot.panels import constellation, error_map, importance_map, note, picture, rate_map
from linksim.plot.style import styled
from linksim.text import figure_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor


def report(
    original: Tensor,
    importance: Tensor,
    lengths: Tensor | None,
    received: Tensor,
    image: Tensor,
    titles: Mapping[str, str],
) -> Figure:
    """Six panels: original, importance, rate map; received constellation, reconstruction, error.

    Shapes: original, image [3, height, width]; importance, lengths [rows, cols]; received [uses] complex. `titles`
    has the figure's title as `figure` and the reconstruction's as `image`; where a link has no rate per patch,
    `lengths` is None and `rate` says what stands there instead.
    """
    from matplotlib.figure import Figure

    height, width = original.shape[1:]
    with styled():
        panel_height = min(max(4.6 * height / width, 2.2), 6.5)
        figure = Figure(figsize=(15, 2 * panel_height + 1.2), layout="constrained")
        axes = figure.subplots(2, 3)
        figure.suptitle(figure_text(titles["figure"]), fontsize=12)
        picture(axes[0, 0], original, f"original, {width}x{height}")
        told = "importance of the patches" if bool(importance.any()) else "importance: all background"
        importance_map(axes[0, 1], original, importance, told)
        if lengths is None:
            note(axes[0, 2], titles["rate"])
        else:
            rate_map(axes[0, 2], lengths, (height, width), "rate map")
        constellation(axes[1, 0], received, "payload after the equalizer")
        picture(axes[1, 1], image, titles["image"])
        error_map(axes[1, 2], image, original, "error")
    return figure


def contact_sheet(rows: Mapping[str, Mapping[str, tuple[Tensor, str]]], title: str) -> Figure:
    """A grid of pictures: row name to column name to (picture [3, height, width], caption)."""
    from matplotlib.figure import Figure

    columns = list(next(iter(rows.values())))
    height, width = next(iter(next(iter(rows.values())).values()))[0].shape[1:]
    with styled():
        cell = 3.2
        figure = Figure(
            figsize=(cell * len(columns), (cell * height / width + 0.35) * len(rows) + 0.5), layout="constrained"
        )
        figure.suptitle(figure_text(title), fontsize=12)
        axes = figure.subplots(len(rows), len(columns), squeeze=False)
        for row, (name, cells) in zip(axes, rows.items(), strict=True):
            for ax, column in zip(row, columns, strict=True):
                image, caption = cells[column]
                picture(ax, image, f"{name}, {column}: {caption}")
    return figure
