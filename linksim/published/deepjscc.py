"""DeepJSCC of Bourtsoulatze et al. as the checkpoints of its PyTorch version name it."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from linksim.blocks import DeepJSCCCNNDecoder, DeepJSCCCNNEncoder
from linksim.blocks.jscc.deepjscc_cnn import uses_of
from linksim.errors import WeightsError
from linksim.published.checkpoint import Read, matched
from linksim.types import PATCH

LAYERS = 5
FIRST_DECODING = "deepjscc_cnn_decoder.network.0.weight"
LAST = f"encoder.conv{LAYERS}.conv.weight"


def deepjscc_tensors(given: Mapping[str, Tensor], path: Path) -> Read:
    """The tensors as `DeepJSCCCNNCodec` takes them.

    Raises `WeightsError` where the file holds something else.
    """
    if LAST not in given:
        raise WeightsError(f"'{path}' is no file of DeepJSCC: it lacks '{LAST}'")
    channels = given[LAST].shape[0]
    uses = uses_of(channels)
    parts = {
        "deepjscc_cnn_encoder": DeepJSCCCNNEncoder(uses=uses),
        "deepjscc_cnn_decoder": DeepJSCCCNNDecoder(uses=uses),
    }
    wanted = {f"{part}.{key}": tensor for part, block in parts.items() for key, tensor in block.state_dict().items()}
    names = {theirs: ours for ours in wanted for theirs in [_their_name(ours)]}
    # A PReLU of theirs has one slope for all channels.
    slopes = {name for name in names if ".prelu." in name or ".activate." in name}
    shapes = {name: (1,) if name in slopes else tuple(wanted[ours].shape) for name, ours in names.items()}
    matched(given, shapes, path, f"DeepJSCC with {channels} channels")
    tensors = {
        ours: given[name].expand(wanted[ours].shape) if name in slopes else given[name] for name, ours in names.items()
    }
    # Their symbols have power 1 for each real dimension, ours for both together.
    tensors[FIRST_DECODING] = tensors[FIRST_DECODING] * 2**0.5
    return Read(tensors, f"DeepJSCC, {uses} uses per patch of 16x16 pixels, CBR {uses / (3 * PATCH**2):.4f}")


def _their_name(ours: str) -> str:
    part, _, place, leaf = ours.split(".")
    layer, kind = divmod(int(place), 2)
    if part == "deepjscc_cnn_encoder":
        return f"encoder.conv{layer + 1}.{'prelu' if kind else 'conv'}.{leaf}"
    return f"decoder.tconv{layer + 1}.{'activate' if kind else 'transconv'}.{leaf}"
