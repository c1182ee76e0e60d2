"""The flowgraph: a block made of blocks."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from linksim.block import Block, random_streams
from linksim.checks import describe_spec
from linksim.errors import OwnershipError, RunError, UnknownPortError, nearest, require
from linksim.graph import Graph
from linksim.paths import several_hint, whole_path
from linksim.plan import Plan, PlanBuilder
from linksim.port import Port, PortRef, TensorSpec
from linksim.randomness import RandomStream, whole_number, whole_seed
from linksim.ranges import RangeCheck, range_checks
from linksim.result import Result
from linksim.run_lock import Held, RunLock
from linksim.tied import Tied

if TYPE_CHECKING:
    from linksim.faces.profile import Profile
    from linksim.faces.reader import Fault

_Planned = tuple[Plan, list[tuple[str, RandomStream]], Mapping[str, Port], tuple[RangeCheck, ...]]
"""A plan, the streams that it draws from, the ports of its inputs, and what these must hold."""


class Flowgraph(Graph):
    """Blocks joined by typed connections; itself usable as a block, so flowgraphs nest.

    Args:
        name: its name in messages, files and diagrams.
        inputs: the flowgraph's own input ports, name to port type.

    Assign blocks as attributes to name them, `connect` them, then `run` (a seeded measurement, no gradients) or call
    (training, gradients, generators go on). Assigning another block to a name keeps the connections.
    """

    def __init__(self, name: str = "flowgraph", *, inputs: Mapping[str, object] | None = None) -> None:
        super().__init__(name, inputs=inputs)
        self._lock = RunLock()
        self._seen_at = -1
        """How many edits there had been when the four below were worked out."""
        self._plans: dict[object, _Planned] = {}
        self._locks = Held([])
        self._parts: list[nn.Module] = []
        self.eval()

    def __getstate__(self) -> dict[str, Any]:
        # A copy works out its own plans.
        return {**self.__dict__, "_seen_at": -1, "_plans": {}, "_parts": [], "_locks": Held([])}

    def __call__(self, *positional: Any, **values: Any) -> Any:
        # Not a block's own call: `forward` checks the inputs with each plan.
        return nn.Module.__call__(self, *positional, **values)

    # -- running

    def run(
        self,
        *,
        batch: int | None = None,
        seed: int = 0,
        first: int = 0,
        probe: Sequence[PortRef | str] = (),
        **inputs: object,
    ) -> Result:
        """Run once: every block reseeded from (seed, its path), no gradients, evaluation mode.

        Args:
            batch: how many frames; needed where no input is a tensor.
            seed: the run's seed.
            first: where sources begin that take one thing after the other, pictures of a folder for instance.
            probe: output ports, at any depth, whose values are kept too.
            inputs: the flowgraph's inputs; a number serves the whole batch, None leaves an optional one out.

        Threads may run one flowgraph: each waits until the one before is done. Raises `RunError` on missing or
        contradictory arguments, `RangeError` on values that an input's type excludes, `ParameterError` where `seed` or
        `first` is no whole number or `first` is negative, and what `validate` and the port checks raise.
        """
        seed, first = whole_seed(seed), whole_number("first", first)
        require(first >= 0, "first", "at least 0", first)
        with self._look_again():
            plan, streams, feeds, signatures, size = self._prepare(batch, probe, inputs)
            if any([module.training for module in self._parts]):  # noqa: C419
                raise RunError(
                    f"'{self.name}' is in training mode; call eval() before run(), or call the flowgraph itself"
                )
            for path, stream in streams:
                stream.reseed(seed, path, first)
            with torch.no_grad():
                return Result(plan.execute(feeds, signatures, size), self.path_of, plan.labels)

    def forward(self, *, batch: int | None = None, probe: Sequence[PortRef | str] = (), **inputs: object) -> Result:
        """The plain module call: gradients flow, generators go on from where they are. Returns what `run` returns."""
        with self._look_again():
            plan, _, feeds, signatures, size = self._prepare(batch, probe, inputs)
            return Result(plan.execute(feeds, signatures, size), self.path_of, plan.labels)

    def _prepare(
        self, batch: int | None, probe: Sequence[PortRef | str] | PortRef, inputs: dict[str, object]
    ) -> tuple[Plan, list[tuple[str, RandomStream]], dict[str, object], dict[str, object], int]:
        several = isinstance(probe, Iterable) and not isinstance(probe, PortRef | str)
        probes: tuple[Any, ...] = tuple(cast(Any, probe)) if several else (probe,)
        strange = next((each for each in probes if not isinstance(each, PortRef | str)), None)
        if strange is not None:
            raise RunError(f"probe must name ports, as ['channel.out'] (got {strange!r})")
        inputs = {name: value for name, value in inputs.items() if value is not None}
        plan, streams, ports, checks = self._plan(tuple(inputs), probes)
        for name, value in inputs.items():
            self._check_kind(ports[name], value)
        size = self._batch(batch, ports, inputs, plan.has_source)
        feeds: dict[str, object] = {}
        signatures: dict[str, object] = {}
        for name, given in inputs.items():
            port = ports[name]
            value = self._expand(port, given, size) if isinstance(given, int | float) else given
            feeds[name], signatures[name] = value, port.signature(value)
        for check in checks:
            check("", feeds[check.port])
        return plan, streams, feeds, signatures, size

    @staticmethod
    def _check_kind(port: Port, value: object) -> None:
        spec = port.spec
        kind = Tensor if isinstance(spec, TensorSpec) else spec.annotation
        if not isinstance(value, kind | int | float):
            wanted = f"a tensor, {describe_spec(spec)}" if kind is Tensor else describe_spec(spec)
            hint = "; torch.from_numpy makes one" if kind is Tensor and type(value).__module__ == "numpy" else ""
            raise RunError(f"input '{port.name}' must be {wanted} (got {type(value).__name__}){hint}")

    def _look_again(self) -> Held:
        """After an edit, check the flowgraph and forget what was worked out before. Returns its own lock and those of
        the flowgraphs inside, which may be run by themselves."""
        if self._seen_at != self._edits:
            self.validate()
            self._check_tied()
            self._plans = {}
            self._parts = list(self.modules())
            self._locks = Held([part._lock for part in self._parts if isinstance(part, Flowgraph)])
            self._seen_at = self._edits
        return self._locks

    def _check_tied(self) -> None:
        inside = set(self.modules())
        for path, part in self.named_modules():
            if isinstance(part, Tied) and part.original not in inside:
                raise OwnershipError(
                    f"'{path}' is tied to a {type(part.original).__name__} that does not stand in '{self.name}'"
                )

    def _batch(self, asked: object, ports: Mapping[str, Port], inputs: Mapping[str, object], sources: bool) -> int:
        """The batch size asked for, or that of the first tensor. Raises `RunError` where they contradict and no
        source would show it."""
        found = self._batch_of(ports, inputs)
        asked = found if asked is None else asked
        if asked is None:
            raise RunError(f"'{self.name}' needs batch=..., since no input is a tensor")
        if not isinstance(asked, int) or isinstance(asked, bool) or asked < 1:
            raise RunError(f"'{self.name}': batch must be a whole number of at least 1 (got {asked!r})")
        if found not in (None, asked) and not sources:
            raise RunError(f"'{self.name}': batch={asked}, but the inputs hold {found} frames; leave batch out")
        return asked

    def _batch_of(self, ports: Mapping[str, Port], inputs: Mapping[str, object]) -> int | None:
        for name, value in inputs.items():
            path = next(ports[name].spec.leaves())[0]
            first = reduce(lambda part, field: getattr(part, field, None), filter(None, path.split(".")), value)
            if isinstance(first, Tensor) and first.ndim:
                return first.shape[0]
        return None

    def _expand(self, port: Port, value: float, batch: int) -> Tensor:
        spec = port.spec
        if not isinstance(spec, TensorSpec) or len(spec.dimensions) != 1:
            raise RunError(f"input '{port.name}' must be {port} (got the number {value})")
        if isinstance(value, bool) or (spec.family != "float" and not float(value).is_integer()):
            raise RunError(f"input '{port.name}' must be {port} (got {value!r})")
        dtype = torch.get_default_dtype() if spec.family == "float" else torch.int64
        return torch.full((batch,), value, dtype=dtype, device=self.device)

    def _plan(self, given: tuple[str, ...], probe: tuple[PortRef | str, ...]) -> "_Planned":
        plans = self._plans
        if (given, probe) not in plans:
            ports = self.input_ports
            self._check_inputs(given, ports)
            plan = PlanBuilder().build(self, given, lambda produced: self._kept(produced, probe))
            checks = range_checks([ports[name] for name in given])
            plans[given, probe] = plan, random_streams(self), ports, checks
        return plans[given, probe]

    def _check_inputs(self, given: Sequence[str], ports: Mapping[str, Port]) -> None:
        for name in given:
            if name not in ports:
                raise RunError(f"'{self.name}' has no input '{name}'; {nearest(name, ports)}")
        missing = [str(port) for name, port in ports.items() if not port.optional and name not in given]
        if missing:
            raise RunError(f"'{self.name}' needs {', '.join(missing)}")

    def _kept(self, produced: Mapping[str, int], probe: Sequence[PortRef | str]) -> dict[str, int]:
        feeding = {edge.source for edge in self.connections}
        keep = {name: produced[name] for name in self.output_ports}
        for name, block in self.blocks.items():
            if name not in feeding:
                keep |= {f"{name}.{port}": produced[f"{name}.{port}"] for port in block.output_ports}
        for port in probe:
            path = self.path_of(port) if isinstance(port, PortRef) else whole_path(port, produced)
            if path is None or path not in produced:
                raise UnknownPortError(f"nothing to probe at '{port}'; {self._probe_hint(str(port), produced)}")
            keep[port if isinstance(port, str) else path] = produced[path]
        return keep

    def _probe_hint(self, port: str, produced: Mapping[str, int]) -> str:
        block, _, name = port.rpartition(".")
        inputs = {path: part.input_ports for path, part in self.named_modules() if isinstance(part, Block)}
        whole = whole_path(block, inputs)
        if whole is not None and name in inputs[whole]:
            return "that is an input; probe the output that feeds it"
        return several_hint(port, produced) or nearest(port, produced)

    def path_of(self, port: PortRef) -> str:
        """Where a port stands in this flowgraph, like `inner.channel.out`. Raises `UnknownPortError`."""
        if port.block is self:
            return port.name
        for path, module in self.named_modules():
            if module is port.block:
                return f"{path}.{port.name}"
        raise UnknownPortError(f"{port!r} is no port of a block in flowgraph '{self.name}'")

    # -- the other faces

    def save(self, path: str | Path) -> None:
        """Write blocks, parameters, connections and the weights' digest to a YAML file.

        Raises `FlowgraphFileError` where a parameter cannot be written, and where the blocks have other weights than
        they read by themselves, which `save_pretrained` keeps; `FileError` where no file can be written there.
        """
        from linksim.faces.rebuilt import check_rebuilds
        from linksim.faces.yaml_file import save

        check_rebuilds(self, Flowgraph)
        save(self, Path(path))

    def to_yaml(self) -> str:
        """The text that `save` writes. Raises as `save`."""
        from linksim.faces.rebuilt import check_rebuilds
        from linksim.faces.yaml_file import text_of

        check_rebuilds(self, Flowgraph)
        return text_of(self)

    @staticmethod
    def from_yaml(text: str, *, blocks: Sequence[type[Block]] = ()) -> "Flowgraph":
        """Build the flowgraph that YAML text describes, or JSON of the same form. Raises as `load`."""
        from linksim.faces.yaml_file import load_text

        return load_text(text.encode(errors="surrogatepass"), "the text", blocks, Flowgraph)

    @staticmethod
    def load(path: str | Path, *, blocks: Sequence[type[Block]] = ()) -> "Flowgraph":
        """Build the flowgraph that a YAML file describes, from catalogue blocks and the classes given.

        Raises `FlowgraphFileError`, `UnknownBlockError`, `ParameterError`, and what `connect` raises.
        """
        from linksim.faces.yaml_file import load

        return load(Path(path), blocks, Flowgraph)

    @staticmethod
    def faults_in(path: str | Path, *, blocks: Sequence[type[Block]] = ()) -> "list[Fault]":
        """All that is wrong with the flowgraph in a YAML file: for each fault block, port, error and message. The list
        is empty where `load` builds the flowgraph.

        Raises `FlowgraphFileError` where it is no flowgraph file.
        """
        from linksim.faces.yaml_file import faults_in

        return faults_in(Path(path), blocks, Flowgraph)

    def to_python(self) -> str:
        """Python source whose function `build()` makes the same flowgraph. Raises as `save`."""
        from linksim.faces.python_code import python_code
        from linksim.faces.rebuilt import check_rebuilds

        check_rebuilds(self, Flowgraph)
        return python_code(self)

    def diagram(self) -> str:
        """The flowgraph as Mermaid text."""
        from linksim.faces.diagram import mermaid

        return mermaid(self)

    def _repr_svg_(self) -> str:
        from linksim.faces.diagram import svg

        return svg(self)

    def profile(self, *, batch: int | None = None, seed: int = 0, repeat: int = 3, **inputs: object) -> "Profile":
        """Time and memory per block over `repeat` runs, after one to warm up."""
        from linksim.faces.profile import profile

        return profile(self, batch, seed, repeat, inputs)

    def __repr__(self) -> str:
        blocks = "\n".join(f"  {name}: {block!r}" for name, block in self.blocks.items())
        edges = "\n".join(f"  {edge}" for edge in self.connections)
        return f"Flowgraph({self.name!r})\n{blocks}\n{edges}"
