"""A module as a graph of PyTorch operations: what it does to inputs of these shapes."""

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from linksim.errors import LinksimError


class _Recorder(TorchDispatchMode):
    """Notes each operation on what depends on the inputs; all else is a constant of the graph.

    `torch.export` takes no module whose shapes depend on values, and a codec's do: on its rate map. For one rate map
    they are constants.
    """

    def __init__(self, inputs: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.root, self.graph = nn.Module(), fx.Graph()
        self._known: dict[int, fx.Node] = {}
        # A tensor that was given back could leave its id to another.
        self._kept: list[Tensor] = []
        self._depending: set[int] = set()
        for name, tensor in inputs.items():
            self._note(tensor, self.graph.placeholder(name))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        flat = tree_flatten((args, kwargs))[0]
        # A number that is read out of a tensor leaves the graph, as for a check of ranges.
        leaves = func is torch.ops.aten._local_scalar_dense.default
        if leaves or not any(id(value) in self._depending for value in flat):
            return func(*args, **kwargs)
        if func._schema.is_mutable and id(args[0]) not in self._depending:
            raise LinksimError("the module writes what depends on its inputs into a constant tensor")
        noted_args, noted_kwargs = tree_map(self.node, (args, kwargs))
        result = func(*args, **kwargs)
        node = self.graph.call_function(func, noted_args, noted_kwargs)
        if isinstance(result, Tensor):
            self._note(result, node)
        else:
            for place, part in enumerate(result):
                if isinstance(part, Tensor):
                    self._note(part, self.graph.call_function(operator.getitem, (node, place)))
        return result

    def node(self, value: Any) -> Any:
        """The node of a tensor, a new constant for one that has none; other values as they are."""
        if not isinstance(value, Tensor):
            return value
        if id(value) not in self._known:
            name = f"constant_{len(self._kept)}"
            self.root.register_buffer(name, value.detach().clone())
            self._known[id(value)] = self.graph.get_attr(name)
            self._kept.append(value)
        return self._known[id(value)]

    def _note(self, tensor: Tensor, node: fx.Node) -> None:
        self._known[id(tensor)] = node
        self._depending.add(id(tensor))
        self._kept.append(tensor)


@torch.no_grad()
def record(module: nn.Module, inputs: Mapping[str, Tensor]) -> fx.GraphModule:
    """The graph of a module that takes these inputs by position and gives a tuple of tensors.

    It holds for inputs of the same shapes. What the module decides by numbers that it reads out of its inputs is
    decided as for these, so that the graph must be compared with the module on other inputs.

    Raises `LinksimError` where the module writes values that depend on its inputs into a tensor that does not.
    """
    recorder = _Recorder(inputs)
    with recorder:
        outputs = module(*inputs.values())
    recorder.graph.output(tuple(recorder.node(each) for each in outputs))
    recorder.graph.eliminate_dead_code()
    return fx.GraphModule(recorder.root, recorder.graph)
