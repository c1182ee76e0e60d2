"""One style for every figure: readable in print and by colour-blind people."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from linksim.errors import ParameterError
from linksim.files import write_whole

if TYPE_CHECKING:
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

SEQUENTIAL = "cividis"
"""For amounts; looks the same to all eyes and in grey."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""For lines and classes (Okabe and Ito)."""
DASHES = ("-", "--", ":")
"""A figure with more curves than colours goes through the colours again with the next of these."""
IMPORTANCE_NAMES = ("background", "low", "medium", "high")
IMPORTANCE_COLOURS = ("#d9dde2", "#56b4e9", "#e69f00", "#d55e00")

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.handlelength": 3.0,
    "figure.dpi": 110,
    "savefig.dpi": 130,
}


@contextmanager
def styled() -> Generator[None]:
    """Within, figures are drawn in linksim's style, over matplotlib's defaults: a user's own settings, as LaTeX for all
    text, are for the user's own figures."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast(Any, STYLE))
        yield


def figure_path(path: Path, option: str = "--out") -> Path:
    """Where a figure goes: the path itself, with ".png" where it has no ending.

    Raises `ParameterError` where no figure can have that ending.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if path.is_dir():
        raise ParameterError(f"{option} '{path}' is a folder; name a file")
    if path.suffix and path.suffix[1:].lower() not in known:
        raise ParameterError(f"{option} '{path}': a figure must end in one of {', '.join(f'.{k}' for k in known)}")
    return path if path.suffix else path.with_name(f"{path.name}.png")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure in the format of its ending, whole or not at all."""
    content = io.BytesIO()
    with styled():
        figure.savefig(content, format=path.suffix[1:].lower())
    write_whole(path, content.getvalue())


def curve_style(number: int) -> dict[str, Any]:
    """Colour and kind of line of a curve, by its number in the figure: no two of the first 18 look the same."""
    again, place = divmod(number, len(COLOURS))
    return {"color": COLOURS[place], "linestyle": DASHES[again % len(DASHES)]}


def importance_colormap() -> "ListedColormap":
    """The colours of the four importance classes."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(list(IMPORTANCE_COLOURS))
