"""What `linksim transmit` leaves in a folder."""

import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from torch import Tensor

from linksim.cli.console import PlainConsole
from linksim.cli.transmission import PICTURE, REPORT, RESULT
from linksim.files import write_whole
from linksim.plot import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import JustifyMethod


def write_result_files(out: Path, figure: "Figure", image: Tensor, result: Mapping[str, Any]) -> None:
    """report.png, reconstruction.png of the image [3, height, width], and result.json."""
    from PIL import Image as PillowImage

    out.mkdir(parents=True, exist_ok=True)
    save_figure(figure, out / REPORT)
    content = io.BytesIO()
    pixels = (image.clamp(0, 1) * 255).round().byte().movedim(0, -1).cpu().numpy()
    PillowImage.fromarray(pixels).save(content, "PNG")
    write_whole(out / PICTURE, content.getvalue())
    write_whole(out / RESULT, (json.dumps(result, indent=2) + "\n").encode())


def show_result(
    out: Path,
    result: Mapping[str, Any],
    table: Callable[[Mapping[str, Any]], Table],
    notes: Iterable[str],
    as_json: bool,
) -> None:
    """Print a result: as JSON alone, or as the table that `table` makes of it, with notes and the names of files."""
    if as_json:
        print(json.dumps(result))
        return
    console, beside = PlainConsole(), PlainConsole(stderr=True)
    console.print(table(result))
    for note in notes:
        beside.note(note)
    console.print(f"{REPORT}, {PICTURE} and {RESULT} are in {out}", soft_wrap=True)


def result_table(result: Mapping[str, Any], justify: "JustifyMethod" = "left") -> Table:
    """An empty table of two columns, with picture, channel and SNR above."""
    table = Table(title=f"{result['picture']} over {result['channel']}, {result['snr_db']:g} dB", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify=justify, overflow="fold")
    return table
