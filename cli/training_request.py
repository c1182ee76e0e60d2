"""What `linksim train` is asked for."""

from dataclasses import dataclass, fields
from inspect import isabstract
from pathlib import Path
from typing import Any

import torch

from linksim.cli.own_code import load_own
from linksim.errors import ParameterError, require
from linksim.files import check_folder
from linksim.training import AccelerateLauncher, Budget, Launcher, Recipe, find_recipe, is_launched
from linksim.training.outcome import ABOUT, WEIGHTS
from linksim.weights import weights_path

DEFAULT_MINUTES = 60.0
LEARNING_RATE, LEARNING_RATE_FROM = 4e-4, 2e-4
FIELDS = {"cbr": "cbr", "importance_exponent": "importance_exponent", "fading": "fading_share", "snr_db": "snr_db",
          "preset": "preset", "batch": "batch", "crop": "crop", "start": "start",
          "word_list": "word_list", "uses_per_word": "uses_per_word", "schedule": "schedule",
          "noise_attention": "noise_attention", "saliency": "saliency"}  # fmt: skip
"""The options that are fields of a recipe."""
OPTIONS = {"snr_db": "snr", "start": "from"}
"""What an option is called where that is not its name here."""


@dataclass(frozen=True)
class Training:
    """What the user asked for; None leaves the recipe's default."""

    system: str
    pictures: tuple[Path, ...]
    text: tuple[Path, ...]
    saliency: str | None
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
    word_list: str | None
    uses_per_word: int | None
    schedule: str | None
    noise_attention: bool | None
    seed: int
    device: str
    half: bool | None
    trackers: tuple[str, ...]
    shards: int | None

    def recipe(self) -> Recipe:
        """The recipe. Raises `ParameterError` where a name is unknown, an option means nothing to it, or a number is
        out of range."""
        kind = _recipe_class(self.system)
        known = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType]
        settings: dict[str, Any] = {}
        for option, given, what in (("pictures", self.pictures, "a folder"), ("text", self.text, "a file")):
            if option in known and not given:
                raise ParameterError(f"'{self.system}' is trained on {option}: name {what} by --{option}")
            if option not in known and given:
                raise ParameterError(f"--{option} means nothing to '{self.system}'; leave it out")
            if given:
                settings[option] = tuple(str(path) for path in given)
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

    def launcher(self, device: torch.device) -> Launcher:
        """A single process, or what accelerate launched, with the trackers."""
        if not self.trackers and not is_launched():
            return Launcher(device)
        told = {"system": self.system, "seed": self.seed, "optimizer": self.optimizer, "learning_rate": self.rate()}
        return AccelerateLauncher(self.out, self.trackers, told, device)

    def settings(self, recipe: Recipe, half: bool, shards: int) -> dict[str, Any]:
        """What makes the run what it is: the same for any number of processes that compute the same shards."""
        drawn = {} if shards == 1 else {"shards": shards}
        return {"system": self.system.replace("-", "_"), "seed": self.seed, "learning_rate": self.rate(),
                "optimizer": self.optimizer, "half": half, **drawn, **recipe.identity()}  # fmt: skip

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
