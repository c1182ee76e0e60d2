"""Which weights of a flowgraph go into which file, and its description with these files in it."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from linksim.block import Block
from linksim.faces.yaml_file import Fields, describe
from linksim.graph import Graph
from linksim.weights import loaded_part

WEIGHTS = "model.safetensors"
PARAMETERS = ("weights", "codec")
"""Parameters of blocks that name weights."""
Files = dict[str, dict[str, Tensor]]


def stored(graph: Graph) -> tuple[Files, Fields]:
    """The tensors of each file, by their names in it, and the description of the flowgraph that reads them."""
    files: Files = {}
    return files, _described(graph, describe(graph), files)


def placed(value: Any, paths: Mapping[str, str]) -> Any:
    """A description in which the files of weights have their paths."""
    if isinstance(value, dict):
        return {
            key: paths.get(str(each), each) if key in PARAMETERS else placed(each, paths) for key, each in value.items()
        }
    return [placed(each, paths) for each in value] if isinstance(value, list) else value


def weighty(graph: nn.Module) -> Iterator[Block]:
    """The blocks, not flowgraphs, that read weights."""
    for module in graph.modules():
        if isinstance(module, Block) and not isinstance(module, Graph) and weights_of(module):
            yield module


def weights_of(block: Block) -> dict[str, str | None]:
    """What a block's parameters name as its weights; nothing of a block that reads none."""
    if not any(True for _ in _readers(block)):
        return {}
    found = {name: block.settings[name] for name in PARAMETERS if name in block.settings}
    # A second network may be left out; the first, untrained when the block was made, may be trained by now.
    return {name: value for name, value in found.items() if name == PARAMETERS[0] or value is not None}


def _described(graph: Graph, fields: Any, files: Files) -> Fields:
    entries = dict(fields["blocks"])
    for name, block in graph.blocks.items():
        entry = entries[name]
        if isinstance(block, Graph):
            entries[name] = {"flowgraph": _described(block, entry["flowgraph"], files)}
        elif "block" in entry and weights_of(block):
            own = dict.fromkeys(weights_of(block), _file_for(block, files))
            entries[name] = {**entry, "parameters": {**entry.get("parameters", {}), **own}}
    return {**fields, "blocks": entries}


def _file_for(block: Block, files: Files) -> str:
    """The first file whose tensors do not differ from the block's, which it gets."""
    tensors = {
        f"{loaded_part(each)}.{key}": tensor.detach().clone()
        for each in _readers(block)
        for key, tensor in each.state_dict().items()
    }
    for name, held in files.items():
        if all(torch.equal(held[key], tensors[key]) for key in held.keys() & tensors.keys()):
            held.update(tensors)
            return name
    name = f"model-{len(files) + 1}.safetensors" if files else WEIGHTS
    files[name] = tensors
    return name


def _readers(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules within this one that read a part of a file."""
    if loaded_part(module):
        yield module
    else:
        for child in module.children():
            yield from _readers(child)
