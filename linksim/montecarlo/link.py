"""The link that is simulated at a point, and what identifies it."""

import copy
import hashlib
import inspect
import json
import traceback
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from linksim.block import Block
from linksim.catalogue import catalogue
from linksim.errors import FlowgraphError, LinksimError, ParameterError, SweepError, UnknownBlockError, nearest, require
from linksim.faces.yaml_file import describe, weights_digest
from linksim.flowgraph import Flowgraph
from linksim.montecarlo.code import code_of, library_versions
from linksim.montecarlo.identity import by_content
from linksim.tied import Tied

Factory = Callable[..., Flowgraph]


def arguments_of(source: Flowgraph | Factory) -> frozenset[str]:
    """The names of a factory's arguments; a flowgraph has none. Raises `ParameterError` where it is neither."""
    if not isinstance(source, Flowgraph) and not callable(source):
        raise ParameterError(f"a sweep needs a Flowgraph or a function that makes one (got {type(source).__name__})")
    try:
        parameters = {} if isinstance(source, Flowgraph) else inspect.signature(source).parameters
    except ValueError:
        name = getattr(source, "__name__", source)
        raise ParameterError(
            f"'{name}' does not say which arguments it takes; a factory is a Python function"
        ) from None
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise ParameterError("a factory must name its arguments; **kwargs hides which of the grid's names are its own")
    return frozenset(parameters)


def split_point(arguments: frozenset[str], point: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of a point shapes the link (a factory's arguments, `block.parameter`), and what is left for its inputs."""
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
        made = _made(source, own)
        if not isinstance(made, Flowgraph):
            raise FlowgraphError(f"the factory must return a Flowgraph (got {type(made).__name__})")
        # A factory may hand out the same object again and again; what is done to one link must not reach another.
        link = copy.deepcopy(made)
    for path, value in parameters.items():
        _set_parameter(link, path, value)
    return link.eval()  # pyright: ignore[reportReturnType]


def _made(source: Factory, arguments: Mapping[str, Any]) -> object:
    """What a factory makes; what it raises is the user's mistake, or the user's own."""
    name = getattr(source, "__name__", None) or type(source).__name__
    parameters = inspect.signature(source).parameters
    missing = [each for each, p in parameters.items()
               if p.default is p.empty and each not in arguments and p.kind is not p.VAR_POSITIONAL]  # fmt: skip
    if missing:
        raise SweepError(f"the function '{name}' needs {', '.join(missing)}: put it in the grid")
    for each, value in arguments.items():
        _check_block(each, value, parameters[each].annotation)
    try:
        return source(**arguments)
    except LinksimError:
        raise
    except (Exception, SystemExit) as error:
        given = f" for {', '.join(f'{k}={v!r}' for k, v in arguments.items())}" if arguments else ""
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise SweepError(
            f"the function '{name}' raised {type(error).__name__}: {error}{given} (line {where.lineno} of "
            f"'{Path(where.filename).name}')"
        ) from error


def _check_block(name: str, value: object, annotation: object) -> None:
    """Text where a block is wanted is the name of none, and a number is no block."""
    kinds = [kind for kind in (annotation, *typing.get_args(annotation)) if isinstance(kind, type)]
    wanted = any(issubclass(kind, nn.Module) for kind in kinds) and type(value) not in kinds
    if wanted and isinstance(value, str):
        raise ParameterError(f"'{name}' must be a block: no block '{value}' in the catalogue; "
                             f"{nearest(value, catalogue())}")  # fmt: skip
    require(not (wanted and isinstance(value, int | float)), name, "a block", value)


def _set_parameter(link: Flowgraph, path: str, value: Any) -> None:
    where, _, parameter = path.rpartition(".")
    try:
        whole, block = link.find(where)
    except UnknownBlockError as error:
        raise ParameterError(f"'{path}': {error}") from None
    if isinstance(block, Flowgraph | Tied):
        raise ParameterError(f"'{path}': '{whole}' is no block that has parameters")
    if parameter not in block.settings:
        raise ParameterError(f"'{path}': {type(block).__name__} has no parameter '{parameter}'; "
                             f"{nearest(parameter, block.settings)}")  # fmt: skip
    fresh = type(block)(**{**block.settings, parameter: value})
    # What was trained or loaded into the block since it was made goes along; what its parameters made does not.
    pristine = type(block)(**block.settings).state_dict()
    trained = {k: v for k, v in block.state_dict().items() if k not in pristine or not torch.equal(v, pristine[k])}
    try:
        fresh.load_state_dict(trained, strict=False)
    except RuntimeError:
        raise ParameterError(f"'{path}' changes the shape of trained weights; build such links in a factory") from None
    around, _, name = whole.rpartition(".")
    graph = link.find(around)[1] if around else link
    setattr(graph, name, fresh)


def parameter_path(link: Flowgraph, name: str) -> str | None:
    """The short path of the only block's parameter of that name, as `rate.target_cbr`; None where there is none or
    several."""
    found = [path for path, part in link.named_modules() if isinstance(part, Block) and name in part.settings]
    short = found[0].rpartition(".")[2] if len(found) == 1 else ""
    return f"{short}.{name}" if short else None


# -- identity


def describe_link(link: Flowgraph) -> str:
    """The canonical form: blocks, parameters, connections, as JSON; files by what they hold. Raises as
    `Flowgraph.save`."""
    link.validate()
    return json.dumps(by_content(describe(link)), sort_keys=True)


def link_digest(link: Flowgraph, *, own_classes: bool = True) -> str:
    """SHA-256 over the canonical form, the weights, the plain attributes of all blocks, and the code of all classes in
    the link and all that they lean on, and the versions of the libraries that these compute with; of linksim's classes
    alone without `own_classes`."""
    digest = hashlib.sha256(describe_link(link).encode())
    digest.update(weights_digest(link).encode())
    for path, module in link.named_modules():
        digest.update(f"\0{path}\0{sorted(_plain_attributes(module).items())}".encode())
    kinds = {type(module) for module in link.modules()}
    found = code_of(kinds, own_classes=own_classes)
    for name, code in sorted(found.items()):
        digest.update(f"\0{name}\0{code}".encode())
    digest.update(str(library_versions(found)).encode())
    return digest.hexdigest()


def _plain_attributes(module: nn.Module) -> dict[str, str]:
    """What may have been set on a block after it was made."""
    plain = (bool, int, float, str, tuple, list)
    return {
        name: repr(value)
        for name, value in vars(module).items()
        if not name.startswith("_") and name not in ("training", "connections", "weights") and isinstance(value, plain)
    }
