"""Training that can be stopped at any moment: checkpoints, average of weights, schedule, log. It knows no codec."""

from linksim.training.budget import Budget
from linksim.training.checkpoint import load_checkpoint, save_checkpoint
from linksim.training.task import Stage, Task
from linksim.training.trainer import Progress, Trainer

__all__ = ["Budget", "Progress", "Stage", "Task", "Trainer", "load_checkpoint", "save_checkpoint"]
