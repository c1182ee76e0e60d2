"""How `linksim train` shows where a run stands."""

import math
import sys

from linksim.cli.console import PlainConsole
from linksim.training import Progress

SHOWN_SECONDS = 20.0


class Display:
    """Shows progress: a line that renews itself on a terminal, a line every 20 seconds elsewhere."""

    def __init__(self, console: PlainConsole) -> None:
        self.console, self._last = console, -math.inf

    def __call__(self, progress: Progress) -> None:
        """Show one report."""
        minutes, percent = progress.seconds / 60, f"{min(progress.fraction, 1):.0%}"
        head = f"{minutes:6.1f} min {percent:>4}  step {progress.step}  {progress.stage}"
        if progress.validation is not None:
            figures = "  ".join(f"{name} {value:.4g}" for name, value in progress.validation.items())
            self._print(f"{head}  validation: {figures}", keep=True)
        elif self.console.is_terminal or progress.seconds - self._last >= SHOWN_SECONDS:
            self._last = progress.seconds
            self._print(f"{head}  {_shown(progress)}", keep=not self.console.is_terminal)

    def end(self) -> None:
        """Leave the line that renews itself."""
        if self.console.is_terminal:
            self._print("", keep=False)
            sys.stdout.write("\r")

    def _print(self, line: str, keep: bool) -> None:
        width = self.console.width - 1
        text = line[:width].ljust(width) if self.console.is_terminal else line
        sys.stdout.write(("\r" if self.console.is_terminal else "") + text + ("\n" if keep else ""))
        sys.stdout.flush()


UNITS = {
    "psnr": "PSNR {:.2f} dB",
    "noiseless_psnr": "{:.2f} dB without a channel",
    "bits_per_pixel": "{:.3f} bit/pixel",
    "cbr": "CBR {:.4f}",
    "frames_per_second": "{:.1f} frames/s",
}
"""How figures that are known are shown; others by their name."""


def _shown(progress: Progress) -> str:
    figures = {name: value for name, value in progress.figures.items() if math.isfinite(value) and name != "gradient"}
    shown = ", ".join(UNITS.get(name, name + " {:.4g}").format(value) for name, value in figures.items())
    return shown if progress.figures else "preparing this stage"
