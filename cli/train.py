"""`linksim train`: train a system into a folder."""

import signal
import types
from collections.abc import Generator
from contextlib import contextmanager

import torch

from linksim.allocator import kept_memory
from linksim.cli.console import PlainConsole, noting
from linksim.cli.interrupt import INTERRUPTED
from linksim.cli.links import pick_device
from linksim.cli.progress import waiting
from linksim.cli.training_display import Display
from linksim.cli.training_request import Training
from linksim.precision import has_bfloat16
from linksim.training import Trainer
from linksim.training.outcome import ABOUT, WEIGHTS, write_result


def run_train(asked: Training) -> None:
    """The command; of several processes the first alone shows and writes."""
    budget, device = asked.budget(), pick_device(asked.device)
    asked.check()
    launcher = asked.launcher(device)
    half = has_bfloat16(launcher.device) if asked.half is None else asked.half
    with noting(), waiting("looking at the pictures"), kept_memory():
        recipe = asked.recipe()
        shards = asked.shards or launcher.processes
        settings = asked.settings(recipe, half, shards)
    trainer = Trainer(recipe, asked.out, budget, settings, learning_rate=asked.rate(), seed=asked.seed,
                      launcher=launcher, shards=shards, half=half, optimizer=asked.optimizer)  # fmt: skip
    try:
        if launcher.is_main:
            _show_and_run(asked, trainer)
        else:
            _run_beside(trainer)
    finally:
        launcher.end()


def _show_and_run(asked: Training, trainer: Trainer) -> None:
    console = PlainConsole()
    console.print(_described(trainer), highlight=False, soft_wrap=True)
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
    if trainer.begun and not stopped and trainer.step == trainer.resumed_at:
        console.note(f"the run in '{asked.out}' has used up all the time or steps that are asked for: nothing "
                     "was trained; give more")  # fmt: skip
    # Also of a run that was stopped: its weights are of use, and can be gone on from elsewhere with --from. But not of
    # one that was refused or failed: what the folder held before is worth more.
    if trainer.begun:
        write_result(asked.out, trainer, found)
        console.print(f"{WEIGHTS} and {ABOUT} are in {asked.out}", soft_wrap=True)
    if stopped:
        raise SystemExit(INTERRUPTED)


def _run_beside(trainer: Trainer) -> None:
    """In a process that only computes."""
    try:
        with stopped_by_signals(trainer):
            trainer.run(lambda _progress: None)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _described(trainer: Trainer) -> str:
    parameters = sum(p.numel() for part in trainer.recipe.parts.values() for p in part.parameters())
    counts = {name: value for name, value in trainer.settings.get("pictures", {}).items() if isinstance(value, int)}
    pictures = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    processes = trainer.launcher.processes
    beside = f"{processes} processes, " if processes > 1 else ""
    where = f"{trainer.device.type}, {beside}{torch.get_num_threads()} threads"
    return (f"{f'pictures: {pictures}; ' if pictures else ''}{parameters / 1e6:.2f} M parameters; {where}, "
            f"{'bfloat16' if trainer.half else 'float32'}")  # fmt: skip


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
