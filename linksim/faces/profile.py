"""Where a flowgraph's time and memory go."""

import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.graph import Graph
from linksim.types import Bundle


class Runnable(Protocol):
    """A flowgraph, as far as it is needed here."""

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]: ...
    def run(self, *, batch: int | None, seed: int, **inputs: Any) -> object: ...


@dataclass(frozen=True)
class BlockProfile:
    """One block: seconds per run, bytes that its outputs hold, bytes by which it raised the peak of all runs."""

    path: str
    kind: str
    seconds: float
    output_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class Profile:
    """All blocks in the order of their work, and the seconds of a whole run."""

    blocks: tuple[BlockProfile, ...]
    seconds: float

    def __str__(self) -> str:
        rows = [f"{'block':<28}{'class':<24}{'ms':>9}{'share':>8}{'output MB':>11}{'peak +MB':>10}"]
        rows += [
            f"{b.path:<28}{b.kind:<24}{b.seconds * 1e3:>9.3f}{b.seconds / self.seconds:>8.1%}"
            f"{b.output_bytes / 1e6:>11.2f}{b.peak_bytes / 1e6:>10.2f}"
            for b in self.blocks
        ]
        rest = self.seconds - sum(b.seconds for b in self.blocks)
        return "\n".join([*rows, f"{'(engine)':<52}{rest * 1e3:>9.3f}{rest / self.seconds:>8.1%}"])

    __repr__ = __str__


def profile(graph: Runnable, batch: int | None, seed: int, repeat: int, inputs: Mapping[str, object]) -> Profile:
    """Run once to warm up and `repeat` times to measure; see `Flowgraph.profile`."""
    blocks = {
        path: part for path, part in graph.named_modules() if isinstance(part, Block) and not isinstance(part, Graph)
    }
    meters = {path: _Meter(block) for path, block in blocks.items() if _is_outermost(path, blocks)}
    arguments: dict[str, Any] = dict(inputs)
    try:
        graph.run(batch=batch, seed=seed, **arguments)
        for meter in meters.values():
            meter.seconds = 0.0
        start = time.perf_counter()
        for _ in range(repeat):
            graph.run(batch=batch, seed=seed, **arguments)
        total = (time.perf_counter() - start) / repeat
    finally:
        for meter in meters.values():
            meter.remove()
    rows = [
        BlockProfile(path, type(meter.block).__name__, meter.seconds / repeat, meter.output_bytes, meter.peak_bytes)
        for path, meter in meters.items()
        if meter.calls
    ]
    return Profile(tuple(sorted(rows, key=lambda row: meters[row.path].first_call)), total)


def _is_outermost(path: str, blocks: Mapping[str, Block]) -> bool:
    parents = path.split(".")[:-1]
    return not any(".".join(parents[: i + 1]) in blocks for i in range(len(parents)))


class _Meter:
    """Hooks before and after one block."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.seconds, self.calls, self.first_call = 0.0, 0, 0.0
        self.output_bytes, self.peak_bytes = 0, 0
        self._start, self._peak = 0.0, 0
        self._hooks = (block.register_forward_pre_hook(self._before), block.register_forward_hook(self._after))

    def _before(self, _module: nn.Module, _arguments: object) -> None:
        self._peak = _peak_bytes(self.block.device)
        self._start = _now(self.block.device)
        self.first_call = self.first_call or self._start

    def _after(self, _module: nn.Module, _arguments: object, result: object) -> None:
        self.seconds += _now(self.block.device) - self._start
        self.peak_bytes += _peak_bytes(self.block.device) - self._peak
        self.output_bytes = _bytes_in(result)
        self.calls += 1

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Linux counts in kilobytes: the highest resident size that the process ever had.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _bytes_in(value: object) -> int:
    if isinstance(value, Tensor):
        # A tensor that repeats one value along a dimension holds that value once.
        stored = [size for size, stride in zip(value.shape, value.stride(), strict=True) if stride]
        return torch.Size(stored).numel() * value.element_size()
    if isinstance(value, tuple):
        return sum(_bytes_in(part) for part in value)
    if isinstance(value, Bundle):
        return sum(_bytes_in(part) for part in vars(value).values())
    return 0
