"""Trained weights: shipped by name, or from a file."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor, nn

from linksim.errors import FileError, WeightsError, nearest
from linksim.files import write_whole

BASE, NAMES, SCALE, SMALL = "base", "names", "scale:", torch.float8_e4m3fn
PACKED = (BASE, NAMES)
"""What only a file says that is the difference from another."""
_PART = "_loaded_part"
SHIPPED = "linksim.blocks.weights"
"""The package whose .safetensors files are the shipped weights, one file per preset."""


def shipped_weights(part: str = "") -> list[str]:
    """The names of the weights that come with the package, of those that hold a part."""
    folder = files(SHIPPED)
    names = sorted(
        entry.name.removesuffix(".safetensors") for entry in folder.iterdir() if entry.name.endswith(".safetensors")
    )
    return [
        name for name in names if not part or _shipped_holds(Path(str(folder.joinpath(f"{name}.safetensors"))), part)
    ]


def holds_part(path: Path, part: str) -> bool:
    """Whether a file has weights of that part. Raises `FileError` as `read_weights`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return any(key.startswith(f"{part}.") for key in file.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FileError(f"'{path}' is no file of weights in the safetensors format: {error}") from None


_shipped_holds = cache(holds_part)


def weights_path(name: str, part: str = "") -> Path:
    """The file of shipped weights by name, or a .safetensors file of one's own by its path.

    Raises `WeightsError` where there is neither, or the shipped weights do not hold the part asked for.
    """
    if name.endswith(".safetensors"):
        if not Path(name).is_file():
            raise WeightsError(f"no file of weights at '{name}'")
        return Path(name)
    known = shipped_weights(part)
    if name not in known and name in shipped_weights():
        raise WeightsError(f"the weights '{name}' hold no '{part}'; those that do: {', '.join(known) or 'none'}")
    if name not in known:
        raise WeightsError(f"no weights '{name}'; {nearest(name, known)} (a path must end in .safetensors)")
    return Path(str(files(SHIPPED).joinpath(f"{name}.safetensors")))


def read_weights(path: Path, part: str = "") -> dict[str, Tensor]:
    """The tensors of a file whose names begin with `part` and a dot, without that prefix, as float32 on the CPU.

    A file that says what others it is the difference from, see `write_difference`, gives their sum.
    Raises `FileError` where the file is not in the safetensors format, `WeightsError` where a number is not finite.
    """
    from safetensors import SafetensorError, safe_open

    prefix = f"{part}." if part else ""
    try:
        with safe_open(path, "pt") as file:
            keys = [key for key in file.keys() if key.startswith(prefix) and not key.startswith(SCALE)]  # noqa: SIM118
            found = {key: file.get_tensor(key) for key in keys}
            about = file.metadata() or {}
            scaled = set(file.keys()) & {SCALE + key for key in keys}
            scales = {key.removeprefix(SCALE): file.get_tensor(key) for key in scaled}
    except (SafetensorError, OSError) as error:
        raise FileError(f"'{path}' is no file of weights in the safetensors format: {error}") from None
    values = {key: t.float() if t.is_floating_point() else t for key, t in found.items()}
    bad = [key for key, t in [*values.items(), *scales.items()] if not bool(t.isfinite().all())]
    if bad:
        raise WeightsError(f"'{path}' holds values that are no finite numbers, in {len(bad)} tensors: '{bad[0]}'")
    if scales:
        whole, names = read_weights(weights_path(about[BASE])), json.loads(about.get(NAMES, "{}"))
        values |= {key: whole[_in_base(key, names)] + values[key] * scale for key, scale in scales.items()}
    return {key.removeprefix(prefix): tensor for key, tensor in values.items()}


def _in_base(key: str, names: Mapping[str, str]) -> str:
    return next((names[start] + key.removeprefix(start) for start in names if key.startswith(start)), key)


def about_weights(path: Path) -> dict[str, str]:
    """What a file of weights says of itself, by name. Raises `FileError` as `read_weights`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise FileError(f"'{path}' is no file of weights in the safetensors format: {error}") from None


def shape_in(path: Path, key: str) -> tuple[int, ...]:
    """The shape of one tensor of a file, () where it is not there. Raises `FileError` as `read_weights`."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return tuple(file.get_slice(key).get_shape()) if key in file.keys() else ()  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FileError(f"'{path}' is no file of weights in the safetensors format: {error}") from None


def load_part(module: nn.Module, name: str | None, part: str) -> None:
    """Give a module the weights named `part` in shipped weights or a file; None leaves it as it is.

    Raises `WeightsError` naming the tensors that are missing, left over or of another shape.
    """
    # Not by setattr, with which torch and blocks do more.
    vars(module)[_PART] = part
    if name is None or any(parameter.is_meta for parameter in module.parameters()):
        return
    path = weights_path(name, part)
    given, wanted = read_weights(path, part), module.state_dict()
    for what, keys in (
        ("lacks", wanted.keys() - given.keys()),
        ("has, unknown here,", given.keys() - wanted.keys()),
        ("has in another shape", {k for k in wanted.keys() & given.keys() if wanted[k].shape != given[k].shape}),
    ):
        if keys:
            shown = ", ".join(f"'{part}.{key}'" for key in sorted(keys)[:3])
            raise WeightsError(f"'{path.name}' {what} {len(keys)} of the tensors of '{part}': {shown}")
    module.load_state_dict(given)


def loaded_part(module: nn.Module) -> str:
    """The name of the part that a module's weights have in files; "" where it reads none."""
    return vars(module).get(_PART, "")


def named_tensors(parts: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    """All weights of several modules, with the module's name before the tensor's."""
    for part, module in parts.items():
        for key, tensor in module.state_dict().items():
            yield f"{part}.{key}", tensor


def write_weights(
    path: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype = torch.float16,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write weights in half precision; `about`: see `about_weights`.

    Raises `WeightsError` where one is not finite in it.
    """
    from safetensors.torch import save

    small = {
        key: (tensor.detach().cpu().to(dtype) if tensor.is_floating_point() else tensor.cpu()).contiguous()
        for key, tensor in tensors.items()
    }
    bad = [key for key, tensor in small.items() if tensor.is_floating_point() and not bool(tensor.isfinite().all())]
    if bad:
        raise WeightsError(f"not finite as {dtype}: {', '.join(bad[:3])}")
    write_whole(path, save(small, metadata=dict(about or {})))


def write_difference(
    path: Path, tensors: Mapping[str, Tensor], base: str, names: Mapping[str, str] | None = None
) -> None:
    """Write weights that were trained on from shipped ones as the difference from these, a byte a number.

    A number keeps three binary digits of its difference, which is small: half the file of half precision. A tensor that
    the shipped weights do not have, or have in another shape, is written in half precision. `names`: by what the names
    of tensors begin here, and by what there.
    Raises `WeightsError` where the shipped weights are unknown or share no tensor with these.
    """
    from safetensors.torch import save

    names = names or {}
    whole = read_weights(weights_path(base))
    packed: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        there = whole.get(_in_base(key, names))
        if there is None or there.shape != tensor.shape:
            packed[key] = tensor.detach().cpu().to(torch.float16).contiguous()
            continue
        difference = tensor.detach().float().cpu() - there.float()
        # Some tensors hold nothing, and some differ in nothing.
        largest = torch.cat([difference.abs().flatten(), torch.zeros(1)]).max()
        scale = (largest / torch.finfo(SMALL).max).clamp_min(torch.finfo(torch.float32).tiny)
        packed |= {key: (difference / scale).to(SMALL), SCALE + key: scale}
    if not any(key.startswith(SCALE) for key in packed):
        raise WeightsError(f"these weights have no tensor of '{base}'")
    write_whole(path, save(packed, metadata={BASE: base, NAMES: json.dumps(dict(names))}))
