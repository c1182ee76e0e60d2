"""Files of published weights: read without running anything that is in them."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import torch
from torch import Tensor

from linksim.errors import FileError, WeightsError
from linksim.weights import read_weights

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
"""Names under which checkpoints keep the weights beside other things."""
PARALLEL = "module."
"""What torch's DataParallel puts before every name."""
SHOWN = 3


class Read(NamedTuple):
    """Tensors by linksim's names, what they are in words, and what their file has to say of itself."""

    tensors: Mapping[str, Tensor]
    what: str
    about: Mapping[str, str] = {}


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of one that torch.save wrote of a state_dict, by name.

    Raises `FileError` where it is neither, is cut short, or holds more than tensors and plain values, `WeightsError`
    where it holds no tensors by name, or numbers that are not finite.
    """
    if not path.is_file():
        raise FileError(f"no file at '{path}'")
    if path.suffix == ".safetensors":
        return read_weights(path)
    tensors = {name.removeprefix(PARALLEL): tensor for name, tensor in _state(_loaded(path), path).items()}
    bad = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor.float()).all())]
    if bad:
        raise WeightsError(f"'{path}' holds values that are no finite numbers, in {len(bad)} tensors: '{bad[0]}'")
    return tensors


def matched(given: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], path: Path, what: str) -> None:
    """Raise `WeightsError`, naming tensors, unless a file has those of these names and shapes and no others."""
    shapes = {name: tuple(given[name].shape) for name in wanted.keys() & given.keys()}
    for problem, names in (
        ("lacks", [f"'{name}'" for name in wanted if name not in given]),
        ("has too many:", [f"'{name}'" for name in given if name not in wanted]),
        (
            "has in another shape",
            [
                f"'{name}' ({list(shapes[name])} for {list(wanted[name])})"
                for name in shapes
                if shapes[name] != wanted[name]
            ],
        ),
    ):
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise WeightsError(f"'{path}' is no file of {what}: it {problem} {', '.join(names[:SHOWN])}{more}")


def _loaded(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).split("\n")[0].split(". ")[0]
        raise FileError(
            f"'{path}' is cut short, or holds more than tensors, which could run code: it is not read ({reason}); save "
            "its state_dict alone: torch.save(model.state_dict(), FILE)"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, BadZipFile) as error:
        raise FileError(f"'{path}' is no file of torch.save, or is cut short ({type(error).__name__})") from None


def _state(content: Any, path: Path) -> dict[str, Tensor]:
    """The mapping of names to tensors, perhaps one level down."""
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    named = isinstance(content, dict) and bool(content) and all(isinstance(name, str) for name in content)
    if not named or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"'{path}' holds no state_dict: a mapping of names to tensors")
    return dict(content)
