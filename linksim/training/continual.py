"""Training over a sequence of tasks, and what is forgotten on the way."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from torch import Tensor

from linksim.errors import require
from linksim.training.budget import Budget
from linksim.training.memory import LONG_TERM, RULES, SHORT_TERM, Item, Memory
from linksim.training.outcome import WEIGHTS, write_result
from linksim.training.progress import Progress
from linksim.training.recipe import Recipe
from linksim.training.trainer import Trainer

if TYPE_CHECKING:
    import pandas as pd

ALONE, JOINT = "none", "joint"
ANCHOR = "anchor.safetensors"
CONSOLIDATION = "ewc"
METHODS = (ALONE, JOINT, CONSOLIDATION, *RULES)
"""No memory; all tasks at once, the upper bound; elastic weight consolidation; or a memory by one of its rules."""


class Learner(ABC, Generic[Item]):
    """What is trained over tasks: a codec with its recipe, and the samples that a memory may hold."""

    @property
    @abstractmethod
    def tasks(self) -> Sequence[str]:
        """The names of the tasks in their order."""

    @abstractmethod
    def recipe(self, tasks: Sequence[str], start: Path | None, remembered: Sequence[Item], folder: Path) -> Recipe:
        """The training on some tasks from weights, or from nothing. A memory, where there is one, gives
        half of each batch. What the recipe must read can be put into the folder, which is the run's."""

    @abstractmethod
    def anchored(self, recipe: Recipe, anchor: Path) -> Recipe:
        """The same recipe, its weights held by an anchor."""

    @abstractmethod
    def anchor(self, weights: Path, task: str, earlier: Path | None, path: Path) -> None:
        """Write what holds the weights where this task, and those of an earlier anchor, need them."""

    @abstractmethod
    def samples(self, weights: Path, task: str) -> tuple[Sequence[Item], Tensor]:
        """What a task is trained on, and the features that the trained codec gives it, float [samples, width]."""

    @abstractmethod
    def score(self, weights: Path, task: str) -> float:
        """How good the trained codec is at a task, on data that are not trained on; more is better."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """How to train over tasks.

    Args:
        method: "none", "joint", "ewc" (elastic weight consolidation), or the rule of a memory: "diverse", "printed",
            "reservoir".
        budget: of each task; of joint training, the sum over all tasks must be given.
        learning_rate: peak of each task's schedule.
        long_term, short_term: sizes of the memory.
        seed: the seed of all random numbers.

    Raises `ParameterError` where the method is unknown.
    """

    method: str
    budget: Budget
    learning_rate: float = 1e-3
    long_term: int = LONG_TERM
    short_term: int = SHORT_TERM
    seed: int = 1

    def __post_init__(self) -> None:
        require(self.method in METHODS, "method", " or ".join(METHODS), self.method)


def learn(
    learner: Learner[Item], course: Course, folder: Path, progress: Callable[[Progress], None] = lambda _progress: None
) -> "pd.DataFrame":
    """Train one task after the other, and score all tasks after each: columns method, after, task, score.

    `folder` has a run for each task; where it holds them, they are continued. Courses of one seed and several methods
    may share a folder, and with it the first task, which no method changes. Joint training has one row of `after`, the
    last task.
    """
    import pandas as pd

    memory: Memory[Item] | None = None
    if course.method in RULES:
        rule: Any = course.method
        memory = Memory(rule=rule, long_term=course.long_term, short_term=course.short_term, seed=course.seed)
    rounds = [list(learner.tasks)] if course.method == JOINT else [[task] for task in learner.tasks]
    rows: list[Mapping[str, object]] = []
    weights: Path | None = None
    anchor: Path | None = None
    for number, names in enumerate(rounds, 1):
        shared = number == 1 and course.method != JOINT
        run = folder / (f"1_{names[-1]}" if shared else f"{number}_{names[-1]}_{course.method}")
        run.mkdir(parents=True, exist_ok=True)
        recipe = learner.recipe(names, weights, memory.items if memory else [], run)
        if anchor is not None:
            recipe = learner.anchored(recipe, anchor)
        settings = {**({} if shared else {"method": course.method}), "tasks": names, "seed": course.seed,
                    "learning_rate": course.learning_rate, **recipe.identity()}  # fmt: skip
        trainer = Trainer(recipe, run, course.budget, settings, learning_rate=course.learning_rate, seed=course.seed)
        write_result(run, trainer, trainer.run(progress))
        weights = run / WEIGHTS
        if memory is not None:
            memory.see(*learner.samples(weights, names[-1]))
            memory.settle()
        if course.method == CONSOLIDATION:
            earlier, anchor = anchor, run / ANCHOR
            learner.anchor(weights, names[-1], earlier, anchor)
        rows += [{"method": course.method, "after": names[-1], "task": task, "score": learner.score(weights, task)}
                 for task in learner.tasks]  # fmt: skip
    return pd.DataFrame(rows)


def forgetting(table: "pd.DataFrame") -> float:
    """The mean over all tasks but the last of the best score before the last task minus the score after it. It is
    negative where the last task made the earlier ones better.

    Source: Chaudhry et al., ECCV 2018.

    Raises `ParameterError` for a table of several methods, or of joint training, which forgets nothing.
    """
    methods = sorted(set(table["method"]))
    require(len(methods) == 1 and methods[0] != JOINT, "table", "that of one method, not of joint training", methods)
    scores = table.pivot_table(index="after", columns="task", values="score", sort=False)
    before = [task for task in scores.columns if task != scores.index[-1]]
    return float((scores[before].iloc[:-1].max() - scores[before].iloc[-1]).mean())
