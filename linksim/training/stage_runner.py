"""The flowgraph of the stage that a run is in."""

import torch
from torch import Tensor

from linksim.errors import FlowgraphError
from linksim.flowgraph import Flowgraph
from linksim.training.recipe import Recipe, Stage
from linksim.types import Score

LOSS = "loss"


class StageRunner:
    """Makes a stage's flowgraph when the stage begins, and gives the loss of one batch after the other.

    `half`: whether networks compute in bfloat16 inside.
    Raises `FlowgraphError` where the flowgraph has inputs, or no output `loss` that is a `Score`.
    """

    def __init__(self, recipe: Recipe, device: torch.device, *, half: bool) -> None:
        self.recipe, self.device, self.half = recipe, device, half
        self._stage: Stage | None = None
        self._graph: Flowgraph | None = None

    def enter(self, stage: Stage) -> None:
        """Go on to a stage. The parts leave the flowgraph that they stood in."""
        if self._graph is not None:
            self._graph.dissolve()
        graph = stage.graph().to(self.device)
        needed = [name for name, port in graph.input_ports.items() if not port.optional]
        loss = graph.output_ports.get(LOSS)
        if needed or loss is None or loss.spec.annotation is not Score:
            raise FlowgraphError(
                f"the flowgraph of stage '{stage.name}' must have no inputs, and an output 'loss' that is a Score "
                f"(got inputs {needed}, outputs {list(graph.output_ports)})"
            )
        self._stage, self._graph = stage, graph.train()

    def loss(self, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of the batch that this seed draws, and the means of the other scores."""
        assert self._graph is not None
        assert self._stage is not None
        for name, part in self.recipe.parts.items():
            part.train().requires_grad_(name in self._stage.learning)
        self._graph.seed(seed)
        with self.autocast():
            out = self._graph(batch=self.recipe.batch)
        scores = {name: value.value for name, value in out.items() if isinstance(value, Score)}
        figures = {name: float(value.detach().nanmean()) for name, value in scores.items() if name != LOSS}
        return scores[LOSS].mean(), figures

    def autocast(self) -> torch.autocast:
        """Networks compute in bfloat16 inside, where that was asked for."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half)
