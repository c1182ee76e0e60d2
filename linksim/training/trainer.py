"""The loop: stages, optimizer, schedule, checkpoints."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from linksim.allocator import kept_memory
from linksim.errors import LinksimError
from linksim.training.average import WeightAverage
from linksim.training.budget import Budget
from linksim.training.checkpoint import check_continued, load_checkpoint, save_checkpoint
from linksim.training.launcher import Launcher
from linksim.training.log import CsvLog
from linksim.training.optimizer import NamedOptimizer
from linksim.training.progress import Means, Progress
from linksim.training.recipe import Recipe
from linksim.training.schedule import rate_factor, stage_at
from linksim.training.stage_runner import StageRunner
from linksim.weights import named_tensors

LARGEST_GRADIENT = 5.0
CHECKPOINT_SECONDS = 75.0
VALIDATION_SHARE = 0.1
LOG_STEPS = 20
OPTIMIZER = "optimizer."


class Trainer:
    """Trains by a recipe into a folder; a folder that holds a checkpoint of the same settings is continued.

    In the folder: `checkpoints/`, `log.csv` (means over up to 20 steps), `validation.csv`.

    Args:
        recipe: parts, stages and validation.
        folder: where the run lives.
        budget: minutes of work or number of steps, in all.
        settings: plain values that make the run what it is; a checkpoint of other settings is refused.
        learning_rate: peak of the cosine schedule.
        seed: the seed of all random numbers; batch n of the run depends on (seed, n) alone.
        launcher: the processes that share the work, and the trackers; a single process on the CPU unless given.
        shards: parts of equal size that a batch is drawn in, each from a seed of its own; as many as there are
            processes unless given. The same shards give the same curve, within rounding, however many processes
            compute them.
        half: whether networks compute in bfloat16 inside.
        optimizer: see `NamedOptimizer`.

    Raises `LinksimError` where the folder holds a run of other settings, or the loss stays without a number.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        budget: Budget,
        settings: Mapping[str, Any],
        *,
        learning_rate: float,
        seed: int,
        launcher: Launcher | None = None,
        shards: int | None = None,
        half: bool = False,
        optimizer: str = "adam",
    ) -> None:
        self.recipe, self.folder, self.budget, self.settings = recipe, folder, budget, dict(settings)
        self.learning_rate, self.seed, self.half = learning_rate, seed, half
        self.step, self.seconds = 0, 0.0
        self.resumed_at = 0
        """The step from which `run` went on."""
        self.launcher = launcher or Launcher()
        self.device = self.launcher.device
        recipe.to(self.device)
        self._runner = StageRunner(recipe, self.launcher, shards or self.launcher.processes, half=half)
        self.optimizer = NamedOptimizer(optimizer, self._parameters(), self._factor, learning_rate)
        self.average = WeightAverage(self._weights())
        self.log, self.validation_log = CsvLog(folder / "log.csv"), CsvLog(folder / "validation.csv")
        self.stage, self.stage_began = -1, 0
        """The stage reached, by number; -1 before the first."""
        self._entered = -1
        """The stage whose flowgraph is there."""
        self._validated_at = 0.0
        """Fraction of the budget."""
        self._strikes = 0
        self._stopping, self._preparing, self._whole = False, False, True
        self.begun = False
        """Whether the folder's run is this one: not where it was refused, or stopped before it was read."""

    # -- state

    def _weights(self) -> dict[str, Tensor]:
        return dict(named_tensors(self.recipe.parts))

    def _parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        for part, module in self.recipe.parts.items():
            for key, parameter in module.named_parameters():
                yield f"{part}.{key}", parameter

    def _factor(self, name: str) -> float:
        return next((f for text, f in self.recipe.rate_factors.items() if text in name), 1.0)

    def save(self) -> None:
        """Write a checkpoint now, in the process that writes."""
        if not self.launcher.is_main:
            return
        tensors = {f"weights.{name}": tensor for name, tensor in self._weights().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.tensors.items()}
        tensors |= {f"{OPTIMIZER}{name}": tensor for name, tensor in self.optimizer.tensors().items()}
        state = {
            "settings": self.settings,
            "seconds": self.seconds,
            "validated_at": self._validated_at,
            "average_updates": self.average.updates,
            "stage": self.stage,
            "stage_began": self.stage_began,
        }
        save_checkpoint(self.folder / "checkpoints", self.step, tensors, state)

    def resume(self) -> bool:
        """Continue from the newest checkpoint; False where there is none. Raises as the class says."""
        found = load_checkpoint(self.folder / "checkpoints")
        if found is None:
            return False
        tensors, state = found
        check_continued(self.folder, tensors, state["settings"], self.settings, self._weights())
        with torch.no_grad():
            for name, tensor in self._weights().items():
                tensor.copy_(tensors[f"weights.{name}"])
            for name, tensor in self.average.tensors.items():
                tensor.copy_(tensors[f"average.{name}"])
        kept = {key.removeprefix(OPTIMIZER): value for key, value in tensors.items() if key.startswith(OPTIMIZER)}
        self.optimizer.load(kept)
        self.step, self.seconds = state["step"], state["seconds"]
        self._validated_at, self.average.updates = state["validated_at"], state["average_updates"]
        self.stage, self.stage_began = state["stage"], state["stage_began"]
        if self.launcher.is_main:
            for log in (self.log, self.validation_log):
                log.forget_after(self.step)
        return True

    def stop(self) -> None:
        """Let the step under way finish, then leave by `KeyboardInterrupt`, a checkpoint written. A single process that
        makes the flowgraph of a stage, which may look at all pictures, leaves at once."""
        self._stopping = True
        if self._preparing and self.launcher.processes == 1:
            raise KeyboardInterrupt

    # -- the loop

    def run(self, show: Callable[[Progress], None]) -> dict[str, float]:
        """Train until the budget is spent; returns the last validation. An interruption leaves a checkpoint behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        resumed = self.resume()
        self.resumed_at = self.step
        self.launcher.wait()
        if not resumed:
            self.save()
        self.begun = True
        with kept_memory():
            try:
                self._loop(show)
            finally:
                if self._whole:
                    self.save()
            return self._validate(show)

    def _loop(self, show: Callable[[Progress], None]) -> None:
        saved, figures = self.seconds, Means()
        while (fraction := self._agreed_fraction()) < 1.0:
            start = time.monotonic()
            if stage_at(self.recipe.stages, fraction, self.stage) > self.stage and figures.count:
                self._report(figures, show)
            self._enter(stage_at(self.recipe.stages, fraction, self.stage), show)
            figures.add(self._train_step(fraction))
            self.seconds += time.monotonic() - start
            reached = self._agreed_fraction()
            if reached >= 1.0 or self._stopping or self.step % LOG_STEPS == 0:
                self._report(figures, show)
            if self._stopping:
                raise KeyboardInterrupt
            if self.seconds - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = self.seconds
            if reached - self._validated_at >= VALIDATION_SHARE and reached < 1 - VALIDATION_SHARE / 2:
                self._validate(show)

    def _agreed_fraction(self) -> float:
        """The share of the budget that is spent, by the clock of process 0; all stop where one was told to."""
        told = self.launcher.gather([self.seconds, float(self._stopping)])
        self.seconds, self._stopping = float(told[0, 0]), bool(told[:, 1].any())
        return self.budget.fraction(self.step, self.seconds)

    def _enter(self, number: int, show: Callable[[Progress], None]) -> None:
        """Prepare every stage up to this one, also one too short to have had a step, and make its flowgraph."""
        while self.stage < number:
            self.stage += 1
            self.stage_began = self.step
            self.recipe.stages[self.stage].prepare()
            self.average = WeightAverage(self._weights())
            self._entered = -1
        if self._entered != number:
            fraction = self.budget.fraction(self.step, self.seconds)
            show(Progress(self.step, self.recipe.stages[number].name, fraction, self.seconds, {}, None))
            self._preparing = True
            try:
                self._runner.enter(self.recipe.stages[number])
            finally:
                self._preparing = False
            self._entered = number

    def _train_step(self, fraction: float) -> dict[str, float]:
        start = time.monotonic()
        self.optimizer.zero_grad()
        loss, figures = self._runner.gradients(self.seed, self.step)
        norm = self._runner.clip(LARGEST_GRADIENT)
        self._check(loss, norm)
        self._whole = False
        if bool(norm.isfinite()):
            self.optimizer.step(self.learning_rate * rate_factor(fraction, self.step - self.stage_began))
            self.average.update()
        self.step += 1
        self._whole = True
        pace = self.recipe.batch / max(time.monotonic() - start, 1e-9)
        return {**figures, "loss": loss, "gradient": float(norm), "frames_per_second": pace}

    def _check(self, loss: float, norm: Tensor) -> None:
        # One batch without a number is skipped; ten in a row are a run that has diverged.
        self._strikes = 0 if bool(norm.isfinite()) else self._strikes + 1
        if self._strikes >= 10:
            raise LinksimError(f"the loss is {loss} ten times in a row at step {self.step}: training "
                               "has diverged; lower --learning-rate")  # fmt: skip

    def _report(self, figures: "Means", show: Callable[[Progress], None]) -> None:
        stage, fraction = self.recipe.stages[self.stage].name, self.budget.fraction(self.step, self.seconds)
        means = figures.take()
        row = {"step": self.step, "stage": stage, "seconds": round(self.seconds, 1)}
        if self.launcher.is_main:
            self.log.write({**row, **{name: f"{value:.6g}" for name, value in means.items()}})
        self.launcher.track(means, self.step)
        show(Progress(self.step, stage, fraction, self.seconds, means, None))

    def _validate(self, show: Callable[[Progress], None]) -> dict[str, float]:
        fraction = self.budget.fraction(self.step, self.seconds)
        self._validated_at = fraction
        start = time.monotonic()
        found: dict[str, float] = {}
        if self.launcher.is_main:
            with self.average.in_force(), self._runner.autocast():
                found = dict(self.recipe.validate())
        self.launcher.wait()
        self.seconds += time.monotonic() - start
        if not found:
            return found
        self.launcher.track({f"validation {name}": value for name, value in found.items()}, self.step)
        row = {"step": self.step, "seconds": round(self.seconds, 1)}
        self.validation_log.write({**row, **{name: f"{value:.4f}" for name, value in found.items()}})
        show(Progress(self.step, self.recipe.stages[self.stage].name, fraction, self.seconds, {}, found))
        return found
