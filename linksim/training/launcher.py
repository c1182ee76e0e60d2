"""One process or several: who computes which share of a batch, and who writes."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim.errors import LinksimError, ParameterError, nearest, require
from linksim.load_order import before_tensorflow


class Launcher:
    """A single process, without trackers.

    Attributes:
        process: the number of this process, from 0; process 0 validates and writes.
        processes: how many there are.
        device: where this process computes.
    """

    process, processes = 0, 1

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device or torch.device("cpu")

    @property
    def is_main(self) -> bool:
        """Whether this process validates and writes."""
        return self.process == 0

    def own_shards(self, shards: int) -> Sequence[int]:
        """Which shards of a batch this process computes. Raises `ParameterError` where they cannot be shared out."""
        fits = shards > 0 and shards % self.processes == 0
        require(fits, "shards", f"a positive multiple of the {self.processes} processes", shards)
        own = shards // self.processes
        return range(self.process * own, (self.process + 1) * own)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes."""

    def gather(self, values: Sequence[float]) -> Tensor:
        """The values of every process, [processes, values], float64."""
        return torch.tensor([list(values)], dtype=torch.float64)

    def wait(self) -> None:
        """Until all processes are here."""

    def track(self, figures: Mapping[str, float], step: int) -> None:
        """Give figures to the trackers."""

    def end(self) -> None:
        """Let the trackers finish."""


class AccelerateLauncher(Launcher):
    """Processes that `accelerate launch` (or torchrun) started, and trackers by name, both through `accelerate`.

    Args:
        folder: where trackers that write files put them.
        trackers: names that accelerate knows, as "tensorboard", "wandb", "mlflow" or "trackio".
        settings: what the trackers are told of the run; values that are not plain are given as text.
        device: where a single process computes; several processes get their devices from accelerate.

    Raises `LinksimError` where accelerate or a tracker's library is not there, `ParameterError` where no tracker has
    that name.
    """

    def __init__(
        self, folder: Path, trackers: Sequence[str] = (), settings: Mapping[str, Any] | None = None,
        device: torch.device | None = None,
    ) -> None:  # fmt: skip
        accelerator, tracking = _accelerate()
        _check_trackers(trackers, tracking)
        on_cpu = device is not None and device.type == "cpu"
        self._accelerator = accelerator(cpu=on_cpu, log_with=list(trackers) or None, project_dir=str(folder))
        super().__init__(self._accelerator.device)
        self.process, self.processes = self._accelerator.process_index, self._accelerator.num_processes
        if trackers:
            told = {name: value if isinstance(value, int | float | str) else repr(value)
                    for name, value in (settings or {}).items()}  # fmt: skip
            self._accelerator.init_trackers("linksim", config=told)

    def average(self, tensors: Sequence[Tensor]) -> None:
        if self.processes == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        mean: Any = self._accelerator.reduce(flat, reduction="mean")
        for tensor, part in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, values: Sequence[float]) -> Tensor:
        own = torch.tensor([list(values)], dtype=torch.float64, device=self.device)
        found: Any = self._accelerator.gather(own)
        return found.cpu()

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()

    def track(self, figures: Mapping[str, float], step: int) -> None:
        self._accelerator.log(dict(figures), step=step)

    def end(self) -> None:
        self._accelerator.end_training()


def is_launched() -> bool:
    """Whether a launcher started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _accelerate() -> tuple[Any, Any]:
    before_tensorflow()
    try:
        from accelerate import Accelerator, tracking
    except ImportError:
        raise LinksimError(
            "several processes and trackers need accelerate: pip install 'linksim[accelerate]'"
        ) from None
    return Accelerator, tracking


def _check_trackers(trackers: Sequence[str], tracking: Any) -> None:
    known = list(tracking.LOGGER_TYPE_TO_CLASS)
    there = [str(each.value) for each in tracking.get_available_trackers()]
    for name in trackers:
        if name not in known:
            raise ParameterError(f"no tracker '{name}'; {nearest(name, known)}")
        if name not in there:
            raise LinksimError(f"the tracker '{name}' needs its library, which is not installed (installed: "
                               f"{', '.join(there) or 'none'})")  # fmt: skip
