"""What `linksim transmit` leaves in a folder."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from linksim.cli.transmission import PICTURE, REPORT, RESULT
from linksim.files import write_whole
from linksim.plot import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
