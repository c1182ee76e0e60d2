"""`linksim train`: train a system into a folder."""

import json
import math
import signal
import sys
import types
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from inspect import isabstract
from pathlib import Path
from typing import Any

import torch

from linksim import __version__
from linksim.cli.console import PlainConsole, noting
from linksim.cli.interrupt import INTERRUPTED
from linksim.cli.links import pick_device
from linksim.cli.own_code import load_own
from linksim.cli.progress import waiting
from linksim.errors import ParameterError, require
from linksim.files import check_folder, write_whole
from linksim.precision import has_bfloat16
from linksim.training import Budget, Progress, Recipe, Trainer, find_recipe
from linksim.weights import named_tensors, weights_path, write_weights

WEIGHTS, ABOUT = "weights.safetensors", "weights.json"
DEFAULT_MINUTES = 60.0
LEARNING_RATE, LEARNING_RATE_FROM = 4e-4, 2e-4
SHOWN_SECONDS = 20.0
FIELDS = {"cbr": "cbr", "importance_exponent": "importance_exponent", "fading": "fading_share", "snr_db": "snr_db",
          "preset": "preset", "batch": "batch", "crop": "crop", "start": "start"}  # fmt: skip
"""The options that are fields of a recipe."""
OPTIONS = {"snr_db": "snr", "start": "from"}
"""What an option is called where that is not its name here."""


@dataclass(frozen=True)
class Training:
    """What the user asked for; None leaves the recipe's default."""

    system: str
    pictures: tuple[Path, ...]
    out: Path
    preset: str | None
    start: str | None
    minutes: float | None
    steps: int | None
    snr_db: tuple[float, float] | None
    cbr: tuple[float, float] | None
    importance_exponent: float | None
    fading: float | None
    learning_rate: float | None
    optimizer: str
    batch: int | None
    crop: int | None
    seed: int
    device: str
    half: bool | None

    def recipe(self) -> Recipe:
        """The recipe. Raises `ParameterError` where a name is unknown, an option means nothing to it, or a number is
        out of range."""
        kind = _recipe_class(self.system)
        known = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType]
        settings: dict[str, Any] = {}
        if "pictures" in known and not self.pictures:
            raise ParameterError(f"'{self.system}' is trained on pictures: name a folder by --pictures")
        if "pictures" not in known and self.pictures:
            raise ParameterError(f"--pictures means nothing to '{self.system}'; leave it out")
        if self.pictures:
            settings["pictures"] = tuple(str(folder) for folder in self.pictures)
        for option, field in FIELDS.items():
            value = getattr(self, option)
            if value is not None and field not in known:
                name = OPTIONS.get(option, option).replace("_", "-")
                raise ParameterError(f"--{name} means nothing to '{self.system}'; leave it out")
            if value is not None:
                settings[field] = value
        return kind(**settings)

    def check(self) -> None:
        """Refuse, before any work, a folder that cannot be written or from which the start is read.

        Raises `ParameterError`.
        """
        start = None if self.start is None else weights_path(self.start)
        check_folder("--out", self.out, (WEIGHTS, ABOUT, "log.csv", "validation.csv"), [start])
        if (self.out / WEIGHTS).exists() and not (self.out / "checkpoints").is_dir():
            raise ParameterError(
                f"--out '{self.out}' holds {WEIGHTS}, but not the run that made it; name another folder (--from "
                f"'{self.out / WEIGHTS}' goes on from these)"
            )

    def budget(self) -> Budget:
        """Minutes or steps, 60 minutes where neither is given."""
        minutes = DEFAULT_MINUTES if self.minutes is None and self.steps is None else self.minutes
        return Budget(minutes, self.steps)

    def rate(self) -> float:
        """The peak learning rate."""
        if self.learning_rate is None:
            return LEARNING_RATE if self.start is None else LEARNING_RATE_FROM
        require(0 < self.learning_rate < 1, "learning-rate", "in (0, 1)", self.learning_rate)
        return self.learning_rate


def _recipe_class(name: str) -> type[Recipe]:
    """The recipe by the system's name, or a class of the user's own."""
    if ":" not in name:
        return find_recipe(name)
    found = load_own(name)
    if not (isinstance(found, type) and issubclass(found, Recipe)) or isabstract(found):
        raise ParameterError(f"'{name}' must name a class of recipes, a subclass of linksim.training.Recipe")
    return found


def run_train(asked: Training) -> None:
    """The command."""
    budget, device = asked.budget(), pick_device(asked.device)
    half = has_bfloat16(device) if asked.half is None else asked.half
    console = PlainConsole()
    asked.check()
    with noting(), waiting("looking at the pictures"):
        recipe = asked.recipe()
        settings = {"system": asked.system.replace("-", "_"), "seed": asked.seed, "learning_rate": asked.rate(),
                    "optimizer": asked.optimizer, "half": half, **recipe.identity()}  # fmt: skip
    trainer = Trainer(recipe, asked.out, budget, settings, learning_rate=asked.rate(), seed=asked.seed, device=device,
                      half=half, optimizer=asked.optimizer)  # fmt: skip
    console.print(_described(recipe, settings, device, half), highlight=False, soft_wrap=True)
    display = Display(console)
    found: dict[str, float] = {}
    stopped = False
    try:
        with noting(), stopped_by_signals(trainer):
            found = trainer.run(display)
    except KeyboardInterrupt:
        display.end()
        console.print(f"stopped at step {trainer.step}; the same command goes on from there", soft_wrap=True)
        stopped = True
    # Also of a run that was stopped: its weights are of use, and can be gone on from elsewhere with --from. But not of
    # one that was refused or failed: what the folder held before is worth more.
    if trainer.begun:
        write_result(asked.out, trainer, settings, found)
        console.print(f"{WEIGHTS} and {ABOUT} are in {asked.out}", soft_wrap=True)
    if stopped:
        raise SystemExit(INTERRUPTED)


def _described(recipe: Recipe, settings: dict[str, Any], device: torch.device, half: bool) -> str:
    parameters = sum(p.numel() for part in recipe.parts.values() for p in part.parameters())
    counts = {name: value for name, value in settings.get("pictures", {}).items() if isinstance(value, int)}
    pictures = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    return (f"{f'pictures: {pictures}; ' if pictures else ''}{parameters / 1e6:.2f} M parameters; {device.type}, "
            f"{torch.get_num_threads()} threads, {'bfloat16' if half else 'float32'}")  # fmt: skip


@contextmanager
def stopped_by_signals(trainer: Trainer) -> Generator[None]:
    """Ctrl-C and SIGTERM end the run after the step under way, so that its checkpoint is of a whole step."""

    def stop(number: int, _frame: types.FrameType | None) -> None:
        trainer.stop()
        signal.signal(number, signal.default_int_handler)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def write_result(out: Path, trainer: Trainer, settings: dict[str, Any], validation: dict[str, float]) -> None:
    """The averaged weights in half precision, and what they came from."""
    recipe = trainer.recipe
    shipped = {name: part for name, part in recipe.parts.items() if name not in recipe.unshipped}
    with trainer.average.in_force():
        write_weights(out / WEIGHTS, dict(named_tensors(shipped)))
    described = {"linksim": __version__, "settings": settings, "steps": trainer.step,
                 "hours": round(trainer.seconds / 3600, 3), "device": trainer.device.type,
                 "validation": {name: float(f"{value:.5g}") for name, value in validation.items()}}  # fmt: skip
    write_whole(out / ABOUT, (json.dumps(described, indent=2) + "\n").encode())


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
    return ", ".join(UNITS.get(name, name + " {:.4g}").format(value) for name, value in figures.items())
