"""A trained transform as the start of a coder that goes straight to symbols."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from linksim.blocks.vectorizer.conv_transform import analysis_layers, synthesis_layers
from linksim.blocks.vectorizer.hv import LEARNED_STEP, transform_of
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.errors import WeightsError
from linksim.weights import read_weights, weights_path


class TransformStart(NamedTuple):
    """SA-OOSC's transform "conv" in pieces: networks without the layer next to the latent, and these layers for the
    first dimensions of the latent, in units of the pixel range."""

    analysis: dict[str, Tensor]
    klt: Tensor
    tail_weight: Tensor
    tail_bias: Tensor
    inverse_klt: Tensor
    head_weight: Tensor
    head_bias: Tensor
    synthesis: dict[str, Tensor]


def transform_start(weights: str, dimensions: int, transform: str = "conv") -> TransformStart:
    """The pieces of trained weights.

    Raises `WeightsError` where they are unknown, hold no such codec, or one of another transform than `transform`.
    """
    path = weights_path(weights, "vectorizer")
    if transform_of(weights) != transform:
        raise WeightsError(f"'{path.name}' is of another transform than '{transform}', which these networks are of")
    near, far = read_weights(path, "vectorizer.analysis"), read_weights(path, "devectorizer.synthesis")
    tail, first = len(analysis_layers()), slice(0, dimensions)
    scaled = far["network.0.weight"] * far["scale"].flatten()[:, None, None]
    return TransformStart(
        _layers(near, range(tail)),
        near["klt.weight"][first] * LEARNED_STEP,
        near[f"network.{tail}.weight"][first] * LEARNED_STEP,
        near[f"network.{tail}.bias"][first] * LEARNED_STEP,
        far["klt.weight"][first] / LEARNED_STEP,
        scaled[:, first] / LEARNED_STEP,
        far["network.0.bias"],
        _layers(far, range(1, 1 + len(synthesis_layers()))),
    )


def _layers(state: dict[str, Tensor], chosen: range) -> dict[str, Tensor]:
    """The tensors of some layers of `network`, their numbers from 0 on."""
    found: dict[str, Tensor] = {}
    for key, tensor in state.items():
        number, _, rest = key.removeprefix("network.").partition(".")
        if key.startswith("network.") and int(number) in chosen:
            found[f"{int(number) - chosen.start}.{rest}"] = tensor
    return found


def power_loading(dimensions: int) -> Tensor:
    """Amplitude of each dimension by its variance in the KLT: power in proportion to the standard deviation."""
    return klt_basis()[1][:dimensions].pow(-0.25)


def take_layers(state: dict[str, Tensor], name: str, tensors: Mapping[str, Tensor], chosen: range) -> None:
    """Set the layers of `name` to those of a transform whose numbers are chosen, counted from 0 on again."""
    for key, tensor in tensors.items():
        number, _, rest = key.partition(".")
        if int(number) in chosen:
            take_widened(state, f"{name}.{int(number) - chosen.start}.{rest}", tensor)


def take_widened(state: dict[str, Tensor], name: str, tensor: Tensor) -> None:
    """Set a tensor; inputs that only the new layer has count for nothing at the start."""
    missing = state[name].shape[1] - tensor.shape[1] if tensor.dim() == 4 else 0
    state[name] = functional.pad(tensor, (0, 0, 0, 0, 0, missing)) if missing else tensor
