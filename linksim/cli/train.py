"""`linksim train`: train a codec into a folder."""

import json
import math
import signal
import sys
import types
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from linksim import __version__
from linksim.blocks.sources.training_pictures import TrainingPictures
from linksim.cli.console import PlainConsole, noting
from linksim.cli.interrupt import INTERRUPTED
from linksim.cli.progress import waiting
from linksim.cli.transmit import pick_device
from linksim.errors import ParameterError, nearest, require
from linksim.files import check_folder, file_digest, write_whole
from linksim.flowgraphs.codec_task import CodecTask, Recipe
from linksim.flowgraphs.direct_task import DeepJSCCTask, SwinJSCCTask
from linksim.flowgraphs.hv_task import HVTask
from linksim.precision import has_bfloat16
from linksim.training import Budget, Progress, Trainer
from linksim.weights import holds_part, named_tensors, shipped_weights, weights_path, write_weights


@dataclass(frozen=True)
class System:
    """A codec that can be trained, the SNRs and the share of fading that it is usually trained for, and the parts of
    which a file of weights must hold one for it to start from."""

    task: Callable[[Recipe, TrainingPictures, torch.device], CodecTask]
    snr_db: tuple[float, float] = (0.0, 20.0)
    fading: float = 0.25
    starts_from: tuple[str, ...] = ("vectorizer",)
    heeds: frozenset[str] = frozenset({"preset", "cbr"})
    """The options beyond the common ones that mean something to it."""


OPTIONAL = frozenset({"cbr", "importance_exponent"})
"""Parts of a recipe that not every system heeds."""
USUAL = Recipe()
SYSTEMS = {
    "sa-oosc": System(HVTask, heeds=frozenset({"preset", "cbr", "importance_exponent"})),
    "ntscc": System(partial(HVTask, importance=False)),
    "deepjscc": System(
        DeepJSCCTask, snr_db=(10.0, 10.0), fading=0.0, starts_from=("deepjscc_encoder", "vectorizer"), heeds=frozenset()
    ),
    "swinjscc": System(SwinJSCCTask, starts_from=("swinjscc_encoder", "vectorizer"), heeds=frozenset({"cbr"})),
}
WEIGHTS, ABOUT = "weights.safetensors", "weights.json"
DEFAULT_PRESET = "small"
PRESETS = {DEFAULT_PRESET: "conv", "paper": "swin"}
"""The transform of each preset."""
DEFAULT_MINUTES = 60.0
LEARNING_RATE, LEARNING_RATE_FROM = 4e-4, 2e-4
SHOWN_SECONDS = 20.0


@dataclass(frozen=True)
class Training:
    """What the user asked for."""

    system: str
    pictures: tuple[Path, ...]
    out: Path
    preset: str
    start: str | None
    minutes: float | None
    steps: int | None
    snr_db: tuple[float, float] | None
    cbr: tuple[float, float] | None
    importance_exponent: float | None
    fading: float | None
    learning_rate: float | None
    batch: int
    crop: int
    seed: int
    device: str
    half: bool | None

    def recipe(self, device: torch.device) -> Recipe:
        """The recipe. Raises `ParameterError` where a name is unknown or a number out of range."""
        for what, name, known in (("system", self.system, SYSTEMS), ("preset", self.preset, PRESETS)):
            if name not in known:
                raise ParameterError(f"no {what} '{name}'; {nearest(name, known)}")
        system = SYSTEMS[self.system]
        preset = None if self.preset == DEFAULT_PRESET else self.preset
        given = {"preset": preset, "cbr": self.cbr, "importance_exponent": self.importance_exponent}
        for name, value in given.items():
            if value is not None and name not in system.heeds:
                raise ParameterError(f"--{name.replace('_', '-')} means nothing to '{self.system}'; leave it out")
        if self.start is not None:
            path = weights_path(self.start)
            if not any(holds_part(path, part) for part in system.starts_from):
                weights_path(self.start, system.starts_from[-1])
        return Recipe(
            snr_db=system.snr_db if self.snr_db is None else self.snr_db,
            cbr=self.cbr or USUAL.cbr,
            fading_share=system.fading if self.fading is None else self.fading,
            importance_exponent=(
                USUAL.importance_exponent if self.importance_exponent is None else self.importance_exponent
            ),
            batch=self.batch,
            crop=self.crop,
            half=has_bfloat16(device) if self.half is None else self.half,
            weights=self.start,
            transform=PRESETS[self.preset],
        )

    def settings(self, recipe: Recipe, pictures: TrainingPictures) -> dict[str, Any]:
        """What makes the run what it is, as plain values; files count by what they hold, not by where they are."""
        unheeded = OPTIONAL - SYSTEMS[self.system].heeds
        plain = {"system": self.system, "preset": self.preset, "seed": self.seed, "learning_rate": self.rate()}
        plain |= {name: value for name, value in asdict(recipe).items() if name not in unheeded}
        return json.loads(json.dumps({**plain, "weights": self._start(), "pictures": pictures.described()}))

    def _start(self) -> str | None:
        if self.start is None:
            return None
        digest = file_digest(weights_path(self.start))
        # By its content alone: a copy elsewhere, or by another name, is the same start.
        shipped = (name for name in shipped_weights() if file_digest(weights_path(name)) == digest)
        return f"{next(shipped, 'own')}, sha256 {digest[:16]}"

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


def run_train(asked: Training) -> None:
    """The command."""
    budget, device = asked.budget(), pick_device(asked.device)
    recipe, console = asked.recipe(device), PlainConsole()
    asked.check()
    with noting(), waiting("looking at the pictures"):
        pictures = TrainingPictures(asked.pictures, asked.crop)
        settings = asked.settings(recipe, pictures)
        task = SYSTEMS[asked.system].task(recipe, pictures, device)
    trainer = Trainer(task, asked.out, budget, settings, learning_rate=asked.rate(), seed=asked.seed)
    parameters = sum(p.numel() for block in task.shipped.values() for p in task.parts[block].parameters())
    console.print(
        f"{len(pictures.labelled)} labelled and {len(pictures.plain)} plain pictures, {len(pictures.held_out)} held "
        f"out; {parameters / 1e6:.2f} M parameters; {device.type}, {torch.get_num_threads()} threads, "
        f"{'bfloat16' if recipe.half else 'float32'}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
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
        write_result(asked.out, trainer, task, settings, found)
        console.print(f"{WEIGHTS} and {ABOUT} are in {asked.out}", soft_wrap=True)
    if stopped:
        raise SystemExit(INTERRUPTED)


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


def write_result(
    out: Path, trainer: Trainer, task: CodecTask, settings: dict[str, Any], validation: dict[str, float]
) -> None:
    """The averaged weights in half precision, and what they came from."""
    with trainer.average.in_force():
        shipped = {part: task.parts[block] for part, block in task.shipped.items()}
        write_weights(out / WEIGHTS, dict(named_tensors(shipped)))
    described = {"linksim": __version__, "settings": settings, "steps": trainer.step,
                 "hours": round(trainer.seconds / 3600, 3), "device": task.device.type,
                 "validation": {name: round(value, 3) for name, value in validation.items()}}  # fmt: skip
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
            figures = "  ".join(f"{name} {value:.2f}" for name, value in progress.validation.items())
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


def _shown(progress: Progress) -> str:
    units = {"end_to_end_db": "end to end {:.2f} dB", "noiseless_db": "noiseless {:.2f} dB",
             "bits_per_pixel": "{:.3f} bit/pixel", "mean_uses": "{:.1f} uses/patch",
             "images_per_second": "{:.1f} images/s"}  # fmt: skip
    known = {name: progress.figures.get(name, math.nan) for name in units}
    return ", ".join(units[name].format(value) for name, value in known.items() if math.isfinite(value))
