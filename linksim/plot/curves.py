"""Curves of a sweep's table, with their intervals; each function draws on the axes given and returns them."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linksim.errors import ParameterError, nearest
from linksim.plot.style import COLOURS, curve_style
from linksim.text import figure_text
from linksim.types import LEDGER_PARTS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
MARKERS = "osD^vPX"
"""One more than colours: then a seventh curve does not look like the first."""
RESULT_COLUMNS = frozenset(
    {"metric", "estimate", "low", "high", "trials", "errors", "seconds", "stopped_by", "interval", "labels"}
)
LABELS = {
    "snr_db": "Es/N0 per complex channel use, dB",
    "ber": "bit error rate",
    "bler": "block error rate",
    "psnr": "PSNR, dB",
    "psnr_delivered": "PSNR of the delivered pictures, dB",
    "erased": "pictures lost",
    "cbr": "CBR, payload (channel uses per source dimension)",
    "cbr_total": "CBR, everything (channel uses per source dimension)",
    "eta": "eta, channel uses per bit",
    "alpha": "alpha, channel uses",
    "target_cbr": "CBR, payload (channel uses per source dimension)",
}


class Curve(NamedTuple):
    """One line: its name, and its points in the order of x."""

    name: str
    x: Floats
    estimate: Floats
    low: Floats
    high: Floats
    kind: Sequence[str]


def axis_label(name: str) -> str:
    """A column or metric in words, with its unit."""
    if name in LABELS:
        return LABELS[name]
    if name.startswith("patch_psnr."):
        return f"patch PSNR, {name.partition('.')[2]}, dB"
    return figure_text(name.replace("_", " "))


def curves(table: "pd.DataFrame", x: str, y: str) -> Iterator[Curve]:
    """The lines of metric `y` over `x`, an axis of the grid or another metric: one per combination of the other axes.

    Raises `ParameterError` where the table has no such axis or metric.
    """
    metrics = list(dict.fromkeys(table["metric"]))
    axes = [column for column in table.columns if column not in RESULT_COLUMNS]
    if y not in metrics:
        raise ParameterError(f"the table has no metric '{y}'; {nearest(y, metrics)}")
    if x not in axes and x not in metrics:
        raise ParameterError(f"the table has no axis or metric '{x}'; {nearest(x, [*axes, *metrics])}")
    if x in axes and not all(isinstance(value, int | float) for value in table[x].tolist()):
        raise ParameterError(
            f"'{x}' is not a number: draw over another axis, as {', '.join(a for a in axes if a != x)}"
        )
    rows = table[table["metric"] == y]
    if x in metrics:
        place = table.loc[table["metric"] == x, axes].assign(_x=table["estimate"])
        rows = rows.merge(place, on=axes)
        # Over a metric the points of a line are those of the grid's last axis.
        others = axes[:-1]
        rows = rows.sort_values("_x", kind="stable")
    else:
        others = [axis for axis in axes if axis != x]
        rows = rows.assign(_x=rows[x]).sort_values("_x", kind="stable")
    groups = rows.groupby(others, sort=False, dropna=False) if others else [((), rows)]
    for values, group in groups:
        named = zip(others, values if isinstance(values, tuple) else (values,), strict=True)
        name = ", ".join(f"{axis_name(axis)} {value}" for axis, value in named)
        place, estimate, low, high = (group[c].to_numpy(np.float64) for c in ("_x", "estimate", "low", "high"))
        yield Curve(figure_text(name), place, estimate, low, high, list(group["interval"]))


def axis_name(axis: str) -> str:
    """A grid's name as a legend says it."""
    return axis.replace("_", " ")


def waterfall(
    ax: "Axes",
    table: "pd.DataFrame",
    *,
    x: str = "snr_db",
    y: str = "ber",
    theory: dict[str, Callable[[Floats], Floats]] | None = None,
) -> "Axes":
    """An error rate over the SNR on a logarithmic scale: intervals as bars, upper bounds as arrows pointing down.

    `theory` maps the name of a closed form to the function of x that is drawn as a line. An interval that cannot be
    trusted is drawn with an open marker.
    """
    spread: list[Floats] = []
    for i, curve in enumerate(curves(table, x, y)):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        bound = np.array([kind == "upper bound" for kind in curve.kind])
        doubtful = np.array([kind == "unreliable" for kind in curve.kind])
        good = ~bound & ~doubtful
        _bars(ax, curve, good, colour, marker, curve.name or f"simulated {axis_label(y)}", filled=True)
        _bars(ax, curve, doubtful, colour, marker, None, filled=False)
        if bound.any():
            ax.errorbar(curve.x[bound], curve.high[bound], yerr=curve.high[bound] * 0.45, uplims=True, fmt="_",
                        color=colour, capsize=3)  # fmt: skip
        if not theory:
            ax.plot(curve.x[~bound], curve.estimate[~bound], color=colour, linewidth=0.8, alpha=0.5, zorder=1)
        spread.append(curve.x)
    for i, (name, function) in enumerate((theory or {}).items()):
        fine = np.linspace(min(map(np.min, spread)), max(map(np.max, spread)), 200)
        ax.plot(fine, function(fine), color=COLOURS[i % len(COLOURS)], linewidth=1, alpha=0.7, zorder=1, label=name)
    ax.set_yscale("log")
    return _finish(ax, x, y)


def _bars(ax: "Axes", curve: Curve, chosen: NDArray[np.bool_], colour: str, marker: str, label: str | None, *,
          filled: bool) -> None:  # fmt: skip
    if not chosen.any():
        return
    value = curve.estimate[chosen]
    ends = np.stack([value - curve.low[chosen], curve.high[chosen] - value]).clip(min=0)
    ends[~np.isfinite(ends)] = 0.0
    ax.errorbar(curve.x[chosen], value, yerr=ends, fmt=marker, color=colour, markersize=5, capsize=3, linewidth=1.2,
                markerfacecolor=colour if filled else "white", label=label)  # fmt: skip


def quality(ax: "Axes", table: "pd.DataFrame", *, x: str = "snr_db", y: str = "psnr") -> "Axes":
    """A quality over the SNR, the CBR or any axis: lines with their intervals as bands, named at their ends."""
    lines = list(curves(table, x, y))
    for i, curve in enumerate(lines):
        style = curve_style(i)
        marker = MARKERS[i % len(MARKERS)]
        ax.plot(curve.x, curve.estimate, marker=marker, markersize=4, label=curve.name, **style)
        known, colour = np.isfinite(curve.low) & np.isfinite(curve.high), style["color"]
        ax.fill_between(curve.x[known], curve.low[known], curve.high[known], color=colour, alpha=0.18, linewidth=0)
    _name_ends(ax, lines)
    return _finish(ax, x, y, legend=False)


def _name_ends(ax: "Axes", lines: Sequence[Curve]) -> None:
    """Names right of the lines' ends, moved apart where they would overlap."""
    named = sorted(((line.estimate[-1], i) for i, line in enumerate(lines) if line.name and len(line.x)))
    if not named:
        return
    low, high = ax.get_ylim()
    gap, below = (high - low) * 0.055, -np.inf
    for value, i in named:
        below = max(value, below + gap)
        ax.annotate(lines[i].name, (lines[i].x[-1], value), xytext=(1.015, below), textcoords=("axes fraction", "data"),
                    color=COLOURS[i % len(COLOURS)], va="center", fontsize=8, annotation_clip=False)  # fmt: skip


def stacked_cbr(ax: "Axes", table: "pd.DataFrame", *, x: str = "snr_db") -> "Axes":
    """What was sent over an axis, in parts: payload, header, side information and pilots, stacked.

    Raises `ParameterError` where the table has no ledger or more than one line.
    """
    metrics = set(table["metric"])
    found = [part for part in LEDGER_PARTS if f"ledger.{part}" in metrics]
    if not found:
        raise ParameterError("the table has no ledger: the flowgraph must declare one as its output 'ledger'")
    stack: dict[str, Floats] = {}
    place: Floats = np.zeros(0)
    for part in found:
        lines = list(curves(table, x, f"ledger.{part}"))
        if len(lines) > 1:
            raise ParameterError(f"bars need one line; choose one of {', '.join(line.name for line in lines)}")
        place = lines[0].x
        if lines[0].estimate.any():
            stack[part] = lines[0].estimate
    base = np.zeros(len(place))
    width = 0.7 * float(np.diff(place).min()) if len(place) > 1 else 0.7
    for i, (part, height) in enumerate(stack.items()):
        ax.bar(place, height, width, base, color=COLOURS[i], label=part.replace("_", " "))
        base = base + height
    # In a row over the bars, which reach all over the figure.
    ax.set_ylim(0, 1.15 * float(base.max()) if base.any() else 1.0)
    ax.legend(frameon=False, fontsize=8, loc="upper center", ncols=max(len(stack), 1))
    ax.set_xlabel(axis_label(x))
    ax.set_ylabel("channel uses per source dimension")
    ax.set_xticks(place)
    return ax


def _finish(ax: "Axes", x: str, y: str, *, legend: bool = True) -> "Axes":
    ax.set_xlabel(axis_label(x))
    ax.set_ylabel(axis_label(y))
    ax.grid(True, which="major", linewidth=0.4, alpha=0.5)
    if legend and ax.get_legend_handles_labels()[1]:
        ax.legend(frameon=False, fontsize=8)
    return ax


def reconstructions(axes: "Sequence[Axes]", pictures: dict[str, Any]) -> "Sequence[Axes]":
    """Pictures [3, height, width] side by side, by their captions."""
    from linksim.plot.panels import picture

    for ax, (caption, image) in zip(axes, pictures.items(), strict=True):
        picture(ax, image, caption)
    return axes
