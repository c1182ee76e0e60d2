"""Whether a flowgraph can be built again from what a file says of it."""

import torch
from torch import nn

from linksim.block import Block
from linksim.errors import FlowgraphFileError
from linksim.faces.yaml_file import build, describe, weights_digest
from linksim.graph import Graph


def own_kinds(graph: nn.Module) -> list[type[Block]]:
    """The classes of the blocks in a flowgraph, at any depth."""
    return [type(each) for each in graph.modules() if isinstance(each, Block) and not isinstance(each, Graph)]


def lost_weights(graph: Graph, again: Graph) -> str | None:
    """The name of a tensor that a flowgraph built again does not have or has with other numbers; None where all are the
    same."""
    if weights_digest(graph) == weights_digest(again):
        return None
    before, after = graph.state_dict(), again.state_dict()
    return next(
        (key for key in before if key not in after or not torch.equal(before[key].cpu(), after[key].cpu())), "weights"
    )


def check_rebuilds(graph: Graph, kind: type[Graph]) -> None:
    """Raise `FlowgraphFileError` where blocks and parameters, which are all that a file holds, give other weights."""
    graph.validate()
    if not graph.state_dict():
        return
    lost = lost_weights(graph, build(describe(graph), graph.name, own_kinds(graph), kind))
    if lost is not None:
        raise FlowgraphFileError(
            f"'{lost}' would be lost: a flowgraph file names the weights that blocks read by themselves, and these are "
            "others (trained, drawn at random or of another precision); save_pretrained keeps them with the flowgraph"
        )
