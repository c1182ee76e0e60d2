"""The flowgraph of the stage that a run is in, and its gradients."""

import torch
from torch import Tensor

from linksim.errors import FlowgraphError, require
from linksim.flowgraph import Flowgraph
from linksim.randomness import derive_seed
from linksim.training.launcher import Launcher
from linksim.training.recipe import Recipe, Stage
from linksim.types import Score

LOSS = "loss"


class StageRunner:
    """Makes a stage's flowgraph when the stage begins, and leaves the gradient of one batch after the other.

    Args:
        recipe: whose parts are trained.
        launcher: the processes that share the work.
        shards: parts of equal size that a batch is drawn in, each from a seed of its own.
        half: whether networks compute in bfloat16 inside.

    Raises `FlowgraphError` where the flowgraph has inputs, or no output `loss` that is a `Score`; `ParameterError`
    where the shards fit neither the batch nor the processes.
    """

    def __init__(self, recipe: Recipe, launcher: Launcher, shards: int, *, half: bool) -> None:
        self._own_shards = launcher.own_shards(shards)
        fits = recipe.batch % shards == 0
        require(fits, "batch", f"a multiple of the {shards} shards that it is drawn in", recipe.batch)
        self.recipe, self.launcher, self.shards, self.half = recipe, launcher, shards, half
        self._stage: Stage | None = None
        self._graph: Flowgraph | None = None

    def enter(self, stage: Stage) -> None:
        """Go on to a stage. The parts leave the flowgraph that they stood in."""
        if self._graph is not None:
            self._graph.dissolve()
        graph = stage.graph().to(self.launcher.device)
        needed = [name for name, port in graph.input_ports.items() if not port.optional]
        loss = graph.output_ports.get(LOSS)
        if needed or loss is None or loss.spec.annotation is not Score:
            raise FlowgraphError(
                f"the flowgraph of stage '{stage.name}' must have no inputs, and an output 'loss' that is a Score "
                f"(got inputs {needed}, outputs {list(graph.output_ports)})"
            )
        self._stage, self._graph = stage, graph.train()

    def gradients(self, seed: int, step: int) -> tuple[float, dict[str, float]]:
        """Leave in the parts the mean gradient over the batch of this step; gives the loss and the other scores.

        What the batch is depends on (seed, step, number of shards) alone.
        """
        found: list[dict[str, float]] = []
        for shard in self._own_shards:
            name = f"step {step}" + (f", shard {shard}" if self.shards > 1 else "")
            loss, figures = self._loss(derive_seed(seed, name))
            (loss / len(self._own_shards)).backward()
            found.append({LOSS: float(loss.detach()), **figures})
        learning = [p for part in self.recipe.parts.values() for p in part.parameters()]
        self.launcher.average([p.grad for p in learning if p.grad is not None])
        own = torch.tensor([list(each.values()) for each in found], dtype=torch.float64).nanmean(0)
        means = self.launcher.gather(own.tolist()).nanmean(0).tolist()
        figures = dict(zip(found[0], means, strict=True))
        return figures.pop(LOSS), figures

    def _loss(self, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of the shard that this seed draws, and the means of the other scores."""
        assert self._graph is not None
        assert self._stage is not None
        for name, part in self.recipe.parts.items():
            part.train().requires_grad_(name in self._stage.learning)
        self._graph.seed(seed)
        with self.autocast():
            out = self._graph(batch=self.recipe.batch // self.shards)
        scores = {name: value.value for name, value in out.items() if isinstance(value, Score)}
        figures = {name: float(value.detach().nanmean()) for name, value in scores.items() if name != LOSS}
        return scores[LOSS].mean(), figures

    def clip(self, largest: float) -> Tensor:
        """Limit the gradient of each part by itself, so that one part's outliers do not slow the others; gives the norm
        of all."""
        parts = [list(module.parameters()) for module in self.recipe.parts.values()]
        norms = [torch.nn.utils.clip_grad_norm_(part, largest) for part in parts if part]
        return torch.stack([norm.cpu() for norm in norms]).norm()

    def autocast(self) -> torch.autocast:
        """Networks compute in bfloat16 inside, where that was asked for."""
        return torch.autocast(self.launcher.device.type, dtype=torch.bfloat16, enabled=self.half)
