"""The link that is simulated at a point, and what identifies it."""

import copy
import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from linksim.block import Block
from linksim.errors import FlowgraphError, ParameterError, nearest
from linksim.file_format import describe, weights_digest
from linksim.flowgraph import Flowgraph

Factory = Callable[..., Flowgraph]


def split_point(source: Flowgraph | Factory, point: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a point shapes the link (a factory's arguments, `block.parameter`), and what is left for its inputs."""
    arguments = {} if isinstance(source, Flowgraph) else inspect.signature(source).parameters
    if any(p.kind is p.VAR_KEYWORD for p in (arguments.values() if arguments else ())):
        raise ParameterError("a factory must name its arguments; **kwargs hides which of the grid's names are its own")
    shaping = {name: value for name, value in point.items() if name in arguments or "." in name}
    return shaping, {name: value for name, value in point.items() if name not in shaping}


def build_link(source: Flowgraph | Factory, shaping: Mapping[str, Any]) -> Flowgraph:
    """The link for these arguments and `block.parameter` values; a flowgraph given is copied before it is changed.

    Raises `ParameterError` or what the factory raises.
    """
    parameters = {name: value for name, value in shaping.items() if "." in name}
    if isinstance(source, Flowgraph):
        link = copy.deepcopy(source)
    else:
        # A block handed to two flowgraphs would belong to both: each link gets one of its own.
        own = {name: copy.deepcopy(value) for name, value in shaping.items() if "." not in name}
        link = source(**own)
        if not isinstance(link, Flowgraph):
            raise FlowgraphError(f"the factory must return a Flowgraph (got {type(link).__name__})")
    for path, value in parameters.items():
        _set_parameter(link, path, value)
    return link.eval()  # pyright: ignore[reportReturnType]


def _set_parameter(link: Flowgraph, path: str, value: Any) -> None:
    *folders, name, parameter = path.split(".")
    graph = link
    for folder in folders:
        graph = graph.blocks.get(folder)  # pyright: ignore[reportAssignmentType]
        if not isinstance(graph, Flowgraph):
            raise ParameterError(f"'{path}': '{link.name}' has no nested flowgraph '{folder}'")
    block = graph.blocks.get(name)
    if not isinstance(block, Block):
        raise ParameterError(f"'{path}': '{graph.name}' has no block '{name}'; {nearest(name, graph.blocks)}")
    if parameter not in block.settings:
        raise ParameterError(f"'{path}': {type(block).__name__} has no parameter '{parameter}'; "
                             f"{nearest(parameter, block.settings)}")  # fmt: skip
    fresh = type(block)(**{**block.settings, parameter: value})
    weights = block.state_dict()
    try:
        fresh.load_state_dict(weights)
    except RuntimeError:
        raise ParameterError(f"'{path}' changes the shape of trained weights; build such links in a factory") from None
    setattr(graph, name, fresh)


# -- identity


def describe_link(link: Flowgraph) -> str:
    """The canonical form: blocks, parameters, connections, as JSON. Raises as `Flowgraph.save`."""
    link.validate()
    return json.dumps(describe(link), sort_keys=True)


def link_digest(link: Flowgraph, *, own_classes: bool = True) -> str:
    """SHA-256 over the canonical form, the weights, and the source of all block classes and all that they lean on; of
    linksim's alone without `own_classes`."""
    digest = hashlib.sha256(describe_link(link).encode())
    digest.update(weights_digest(link).encode())
    kinds = {type(module) for module in link.modules() if isinstance(module, Block)}
    kinds = {kind for kind in kinds if own_classes or _ours(kind.__module__)}
    for name, source in sorted(_sources(kinds).items()):
        digest.update(f"\0{name}\0{source}".encode())
    return digest.hexdigest()


def _sources(kinds: set[type[Block]]) -> dict[str, str]:
    """The source of each class's module and of the linksim modules that it uses, however indirectly, by name."""
    found: dict[str, str] = {}
    waiting: list[ModuleType] = []
    for kind in kinds:
        module = sys.modules.get(kind.__module__)
        if module is not None and _ours(module.__name__):
            waiting.append(module)
        else:
            found[f"{kind.__module__}.{kind.__qualname__}"] = _class_source(kind)
            waiting += _used_by(kind)
    while waiting:
        module = waiting.pop()
        if module.__name__ in found:
            continue
        found[module.__name__] = inspect.getsource(module)
        for value in vars(module).values():
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(name, str) and _ours(name) and name in sys.modules:
                waiting.append(sys.modules[name])
    return found


def _ours(module: str) -> bool:
    # The engine's own modules are told apart by the store's version; blocks and what they compute with, by source.
    return module.startswith("linksim.blocks.")


def _used_by(kind: type) -> list[ModuleType]:
    functions = [value for value in vars(kind).values() if isinstance(value, FunctionType)]
    names = {name for function in functions for name in function.__code__.co_names}
    scope = functions[0].__globals__ if functions else {}
    modules = [getattr(scope.get(name), "__module__", None) for name in names]
    return [sys.modules[m] for m in modules if isinstance(m, str) and _ours(m)]


def _class_source(kind: type) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        # Typed at a prompt: there is no source to read, but what it was compiled to says as much.
        return "".join(f"{name}:{value.__code__.co_code.hex()}{value.__code__.co_consts!r}{value.__code__.co_names}"
                       for name, value in sorted(vars(kind).items()) if isinstance(value, FunctionType))  # fmt: skip
