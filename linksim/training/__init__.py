"""Training that can be stopped at any moment: stages, checkpoints, average of weights, schedule, log."""

from linksim.training.budget import Budget
from linksim.training.checkpoint import load_checkpoint, save_checkpoint
from linksim.training.continual import Course, Learner, forgetting, learn
from linksim.training.find import find_recipe, known_recipes
from linksim.training.launcher import AccelerateLauncher, Launcher, is_launched
from linksim.training.memory import Memory
from linksim.training.progress import Progress
from linksim.training.recipe import Recipe, Stage
from linksim.training.trainer import Trainer

__all__ = [
    "AccelerateLauncher",
    "Budget",
    "Course",
    "Launcher",
    "Learner",
    "Memory",
    "Progress",
    "Recipe",
    "Stage",
    "Trainer",
    "find_recipe",
    "forgetting",
    "is_launched",
    "known_recipes",
    "learn",
    "load_checkpoint",
    "save_checkpoint",
]
