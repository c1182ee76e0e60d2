"""The panels of a figure about one transmitted picture; each draws on the axes that it is given and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from linksim.plot.style import COLOURS, IMPORTANCE_COLOURS, IMPORTANCE_NAMES, SEQUENTIAL, importance_colormap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

PATCH_PIXELS = 16
MAX_POINTS = 20_000


def picture(ax: Axes, image: Tensor, title: str) -> Axes:
    """A picture, float [3, height, width] in [0, 1]."""
    ax.imshow(image.detach().cpu().clamp(0, 1).movedim(0, -1).numpy(), interpolation="none")
    return _bare(ax, title)


def importance_map(ax: Axes, image: Tensor, importance: Tensor, title: str) -> Axes:
    """The importance of each patch, int [rows, cols] in 0..3, over the greyed picture [3, height, width]."""
    height, width = image.shape[1:]
    grey = image.detach().cpu().clamp(0, 1).mean(0).numpy()
    ax.imshow(grey, cmap="gray", vmin=0, vmax=1, interpolation="none")
    labels = importance.detach().cpu().numpy()
    ax.imshow(np.ma.masked_equal(labels, 0), cmap=importance_colormap(), vmin=0, vmax=3, alpha=0.6,
              extent=_patch_extent(labels.shape), interpolation="none")  # fmt: skip
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_ylim(height - 0.5, -0.5)
    for level in sorted(set(labels.ravel().tolist()) - {0}):
        ax.plot([], [], "s", color=IMPORTANCE_COLOURS[level], label=IMPORTANCE_NAMES[level])
    if labels.any():
        ax.legend(loc="lower left", fontsize=7, framealpha=0.85, handletextpad=0.2, borderpad=0.3)
    return _bare(ax, title)


def rate_map(ax: Axes, lengths: Tensor, size: tuple[int, int], title: str) -> Axes:
    """k of each patch, int [rows, cols] in complex channel uses, on a logarithmic scale; size is (height, width)."""
    from matplotlib.colors import LogNorm

    values = lengths.detach().cpu().numpy()
    low, high = max(int(values.min()), 1), max(int(values.max()), 2)
    drawn = ax.imshow(np.maximum(values, 1), cmap=SEQUENTIAL, norm=LogNorm(low, max(high, low + 1)),
                      extent=_patch_extent(values.shape), interpolation="none")  # fmt: skip
    ax.set_xlim(-0.5, size[1] - 0.5)
    ax.set_ylim(size[0] - 0.5, -0.5)
    ticks = np.unique(values[values > 0]) if values.any() else np.array([1])
    bar = ax.figure.colorbar(drawn, ax=ax, fraction=0.046, pad=0.02, ticks=ticks)
    bar.set_label("complex channel uses per patch")
    bar.ax.set_yticklabels([str(tick) for tick in ticks])
    bar.ax.minorticks_off()
    return _bare(ax, title)


def note(ax: Axes, text: str) -> Axes:
    """Words where another figure has a panel."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, linespacing=1.6)
    ax.set_axis_off()
    return ax


FEW_POINTS = 500
"""Samples so few that each of them is to be seen."""


def constellation(ax: Axes, samples: Tensor, title: str) -> Axes:
    """Received complex samples [uses], at most 20,000 of them, evenly picked."""
    points: NDArray[np.complex64] = samples.detach().cpu().numpy()
    points = points[:: max(len(points) // MAX_POINTS, 1)]
    reach = 1.05 * float(np.quantile(np.abs(points), 0.995)) if len(points) else 1.0
    few = len(points) < FEW_POINTS
    dot, opacity = (5.0, 0.8) if few else (1.2, 0.25)
    ax.plot(points.real, points.imag, ".", color=COLOURS[0], markersize=dot, alpha=opacity, rasterized=True)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    ax.set(xlabel="in phase", ylabel="quadrature")
    ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    ax.axvline(0, color="0.8", linewidth=0.6, zorder=0)
    return ax


def error_map(ax: Axes, image: Tensor, original: Tensor, title: str) -> Axes:
    """Root mean squared error over the colours of each pixel, in 8-bit steps; both float [3, height, width]."""
    error = (image.clamp(0, 1) - original).detach().cpu().square().mean(0).sqrt().numpy() * 255
    top = max(float(np.quantile(error, 0.99)), 1.0)
    drawn = ax.imshow(error, cmap="magma", vmin=0, vmax=top, interpolation="none")
    ax.figure.colorbar(drawn, ax=ax, fraction=0.046, pad=0.02, extend="max").set_label("error, 8-bit steps")
    return _bare(ax, title)


def _patch_extent(shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    return (-0.5, shape[1] * PATCH_PIXELS - 0.5, shape[0] * PATCH_PIXELS - 0.5, -0.5)


def _bare(ax: Axes, title: str) -> Axes:
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax
