"""One style for every figure: readable in print and by colour-blind people."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.colors import ListedColormap

SEQUENTIAL = "cividis"
"""For amounts; looks the same to all eyes and in grey."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""For lines and classes (Okabe and Ito)."""
IMPORTANCE_NAMES = ("background", "low", "medium", "high")
IMPORTANCE_COLOURS = ("#d9dde2", "#56b4e9", "#e69f00", "#d55e00")

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 110,
    "savefig.dpi": 130,
}


def importance_colormap() -> "ListedColormap":
    """The colours of the four importance classes."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(list(IMPORTANCE_COLOURS))
