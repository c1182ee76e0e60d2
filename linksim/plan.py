"""The order of work: a flowgraph, nested ones unfolded, as a flat list of block calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.checks import DimensionScope
from linksim.errors import DTypeError, LinksimError, PortError
from linksim.graph import Graph
from linksim.port import Port


@dataclass
class Step:
    """One block call: which values it takes, where its results go, which values are not needed afterwards."""

    path: str
    block: Block
    arguments: tuple[tuple[str, int], ...]
    results: tuple[tuple[Port, int], ...]
    release: tuple[int, ...] = ()
    is_source: bool = False
    several: bool = False
    watched: tuple[tuple[int, Callable[[object], object]], ...] = ()
    """Which values must not be written, and how to see whether they were."""
    seen: set[tuple[object, ...]] = field(default_factory=set[tuple[object, ...]])


@dataclass
class Plan:
    """All steps in order, and the values to hand back by name."""

    steps: list[Step]
    origins: list[str]
    inputs: dict[str, int]
    kept: dict[str, int]

    @cached_property
    def labels(self) -> dict[str, str]:
        """What the results must say about how they were made."""
        return {name: label for step in self.steps for name, label in step.block.labels.items()}

    @cached_property
    def has_source(self) -> bool:
        """Whether a block asks for the batch size."""
        return any(step.is_source for step in self.steps)

    def execute(self, feeds: Mapping[str, object], signatures: Mapping[str, object], batch: int) -> dict[str, Any]:
        """Call every block once. The ports are checked whenever a block sees new shapes or dtypes."""
        values: list[Any] = [None] * len(self.origins)
        forms: list[object] = [None] * len(self.origins)
        for name, index in self.inputs.items():
            values[index], forms[index] = feeds[name], signatures[name]
        for step in self.steps:
            arguments = {name: values[index] for name, index in step.arguments}
            key = tuple([forms[index] for _, index in step.arguments])
            scope = None if key in step.seen else self._check_inputs(step, arguments)
            written = self._versions(step, values)
            if step.is_source:
                arguments["batch"] = batch
            try:
                result = nn.Module.__call__(step.block, **arguments)
                for at, (port, index) in enumerate(step.results):
                    values[index] = value = result[at] if step.several else result
                    forms[index] = port.signature(value)
            except Exception as error:
                explained = self._explain(step, error, arguments)
                if explained is error:
                    raise
                raise explained from error
            if written != self._versions(step, values):
                raise self._written(step, values, written)
            if scope is not None:
                given = {port.name: values[index] for port, index in step.results}
                scope.check_ports(step.path, [port for port, _ in step.results], given, {})
                step.seen.add(key)
            for index in step.release:
                values[index] = None
        return {name: values[index] for name, index in self.kept.items()}

    @staticmethod
    def _versions(step: Step, values: Sequence[Any]) -> list[object]:
        """How often the tensors that a block is given were written; empty where torch does not count that."""
        try:
            return [versions(values[index]) for index, versions in step.watched]
        except RuntimeError:
            # Tensors of the inference mode.
            return []

    @classmethod
    def _written(cls, step: Step, values: Sequence[Any], before: Sequence[object]) -> PortError:
        pairs = zip(step.arguments, before, cls._versions(step, values), strict=True)
        name = next(name for (name, _), old, new in pairs if old != new)
        return PortError(
            f"{step.path}.{name}: the block writes into its input, which other blocks and probes read too; let it work "
            f"on {name}.clone()"
        )

    def _check_inputs(self, step: Step, arguments: Mapping[str, object]) -> DimensionScope:
        scope = DimensionScope()
        origins = {name: f", from {self.origins[index]}" for name, index in step.arguments}
        scope.check_ports(step.path, step.block.input_ports.values(), arguments, origins)
        return scope

    @staticmethod
    def _explain(step: Step, error: Exception, arguments: Mapping[str, object]) -> Exception:
        expected = ", ".join(str(port) for port, _ in step.results)
        if isinstance(error, AttributeError | TypeError | IndexError) and _outside_forward(error):
            return PortError(f"{step.path} must return ({expected}); what it returned is not that: {error}")
        if isinstance(error, LinksimError):
            # What is said of a port begins with its name.
            about_port = str(error).partition(":")[0] in step.block.input_ports
            return type(error)(f"{step.path}{'.' if about_port else ': '}{error}")
        strange = _other_precision(step.block, arguments) if isinstance(error, RuntimeError) else ""
        if strange:
            return DTypeError(f"{step.path}.{strange}: {error}")
        error.add_note(f"in block '{step.path}' ({type(step.block).__name__})")
        return error


def _other_precision(block: Block, arguments: Mapping[str, object]) -> str:
    """The port whose numbers have another precision than the block's weights, or than usual, and both; "" for none."""
    weights = next((p.dtype for p in block.parameters() if p.is_floating_point()), torch.get_default_dtype())
    for name, value in arguments.items():
        port = block.input_ports.get(name)
        for path, _ in port.spec.leaves() if port else ():
            tensor = reduce(getattr, filter(None, path.split(".")), value)
            if not isinstance(tensor, Tensor) or not (tensor.is_floating_point() or tensor.is_complex()):
                continue
            if (tensor.dtype.to_real() if tensor.is_complex() else tensor.dtype) != weights:
                came, right = (str(t).removeprefix("torch.") for t in (tensor.dtype, weights))
                return f"{name}: got {came}, but the block computes in {right}; cast it, or the flowgraph by .to()"
    return ""


def _outside_forward(error: Exception) -> bool:
    # A result of the wrong kind fails in `execute` itself: then the traceback has one frame only.
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


class PlanBuilder:
    """Unfolds a flowgraph into steps, in the order in which data can flow."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.origins: list[str] = []
        self.produced: dict[str, int] = {}

    def _new_value(self, origin: str) -> int:
        self.origins.append(origin)
        return len(self.origins) - 1

    def build(self, graph: Graph, given: Iterable[str], kept: Callable[[Mapping[str, int]], dict[str, int]]) -> Plan:
        """The plan for a run that feeds the inputs `given` and keeps the values that `kept` picks by path."""
        inputs = {name: self._new_value(f"the flowgraph's input '{name}'") for name in given}
        outputs = self._place(graph, "", inputs)
        keep = kept({**self.produced, **outputs})
        self._release_early(set(keep.values()))
        return Plan(self.steps, self.origins, inputs, keep)

    def _place(self, graph: Graph, prefix: str, feeds: Mapping[str, int]) -> dict[str, int]:
        local = {f".{name}": index for name, index in feeds.items()}
        for name in graph.order():
            block = graph.blocks[name]
            sources = {c.target_port: f"{c.source}.{c.source_port}" for c in graph.connections if c.target == name}
            arguments = {port: local[source] for port, source in sources.items() if source in local}
            path = f"{prefix}{name}"
            results = (
                self._place(block, f"{path}.", arguments)
                if isinstance(block, Graph)
                else self._add_step(path, block, arguments)
            )
            local |= {f"{name}.{port}": index for port, index in results.items()}
            self.produced |= {f"{path}.{port}": index for port, index in results.items()}
        outputs = {c.target_port: f"{c.source}.{c.source_port}" for c in graph.connections if c.target == ""}
        return {port: local[source] for port, source in outputs.items()}

    def _add_step(self, path: str, block: Block, arguments: Mapping[str, int]) -> dict[str, int]:
        ports = list(block.output_ports.values())
        results = tuple((port, self._new_value(f"{path}.{port.name}")) for port in ports)
        several = [port.name for port in ports] != ["out"]
        step = Step(
            path, block, tuple(arguments.items()), results, is_source=block.is_source, several=several,
            watched=tuple((index, block.input_ports[name].versions) for name, index in arguments.items()),
        )  # fmt: skip
        self.steps.append(step)
        return {port.name: index for port, index in results}

    def _release_early(self, kept: set[int]) -> None:
        # Large pictures: a value nobody needs any more must not hold its memory until the end of the run.
        last: dict[int, Step] = {}
        for step in self.steps:
            last |= {index: step for _, index in step.results}
            last |= {index: step for _, index in step.arguments}
        for index, step in last.items():
            if index not in kept:
                step.release += (index,)
