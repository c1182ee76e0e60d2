"""`linksim export`: a codec as files for other programs."""

import re
from pathlib import Path

from linksim.cli.console import PlainConsole
from linksim.cli.links import CODECS
from linksim.cli.progress import waiting
from linksim.errors import ParameterError, nearest
from linksim.exported import export_onnx
from linksim.types import PATCH

SHARE_TOLD = 0.9
"""Of the CBR asked for: what comes less near to it is told."""


def run_export(form: str, out: Path, size: str, link: str, weights: str | None, cbr: float | None) -> None:
    """The command."""
    if form != "onnx":
        raise ParameterError(f"no form '{form}'; there is onnx")
    found = re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", size)
    if not found:
        raise ParameterError(f"--size must be height x width in pixels, as 512x768 (got {size})")
    name = link.replace("-", "_")
    if name not in CODECS:
        raise ParameterError(f"no link '{link}' whose codec can be exported; {nearest(name, CODECS)}")
    codec = CODECS[name]() if weights is None else CODECS[name](weights)
    height, width = int(found[1]), int(found[2])
    with waiting("exporting, and running the files in onnxruntime"):
        written = export_onnx(codec, out, size=(height, width), target_cbr=cbr)
    console = PlainConsole()
    found_cbr = written.uses / (3 * height * width)
    console.print(
        f"{written.uses_per_patch} channel uses for each patch of {PATCH}x{PATCH} pixels, {written.uses} for a picture "
        f"(CBR {found_cbr:.4f})",
        soft_wrap=True,
        highlight=False,
    )
    if cbr is not None and found_cbr < SHARE_TOLD * cbr:
        console.note(f"--cbr {cbr:g} is out of reach: the longest of this codec's lengths comes to {found_cbr:.4f}")
    apart = ", ".join(f"{name} {difference:.1e}" for name, difference in written.differences.items())
    console.print(
        f"largest difference of onnxruntime from torch, over the range of the output: {apart}",
        soft_wrap=True,
        highlight=False,
    )
    console.print(f"written: {written.encoder}, {written.decoder}", soft_wrap=True, highlight=False)
