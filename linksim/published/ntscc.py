"""NTSCC as its authors' checkpoints name it."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from linksim.blocks.jscc.published.ntscc_networks import Analysis, JointDecoder, JointEncoder, Prior, Synthesis
from linksim.blocks.jscc.published.ntscc_sizes import ABOUT, NTSCCSizes
from linksim.errors import WeightsError
from linksim.published.checkpoint import Read, matched
from linksim.published.swin_names import TABLES, read_stages, swin_name

MEDIAN = "entropy_bottleneck.quantiles"
"""[hyper, 1, 3]: the middle one is the median."""
_PARTS = {
    "ga": "published_ntscc_vectorizer.analysis",
    "gs": "published_ntscc_devectorizer.synthesis",
    "ha": "published_ntscc_vectorizer.prior.analysis",
    "hs": "published_ntscc_vectorizer.prior.synthesis",
    "fe": "published_ntscc_encoder.network",
    "fd": "published_ntscc_decoder.network",
}
_OWN = {
    "patch_embed.norm": "embed_norm", "outconv": "out", "rate_token": "rate.token", "rate_adaption": "rate",
    "refine.fc1": "refine.0", "refine.fc2": "refine.2", "norm": "norm",
}  # fmt: skip
_UNUSED = re.compile(r"(entropy_bottleneck|gaussian_conditional)\..*|f[ed]\..*(rate_choice_tensor|mask)")
"""Tables of an arithmetic coder, which a link without side information has not, and the rates again."""


def ntscc_tensors(given: Mapping[str, Tensor], path: Path) -> Read:
    """The tensors as `PublishedNTSCCCodec` takes them.

    Raises `WeightsError` where the file holds something else, or a network that needs side information.
    """
    for wanted in ("ga.patch_embed.proj.weight", "fe.rate_choice_tensor", MEDIAN):
        if wanted not in given:
            raise WeightsError(f"'{path}' is no file of NTSCC: it lacks '{wanted}'")
    if given[MEDIAN].shape[1:] != (1, 3):
        raise WeightsError(f"'{path}' is no file of NTSCC: '{MEDIAN}' has the shape {list(given[MEDIAN].shape)}")
    if "hyprior_refinement.fc1.weight" in given:
        raise WeightsError(
            f"'{path}' holds NTSCC with side information, whose coarser latent is sent too: linksim does not read it"
        )
    sizes = ntscc_sizes(given, path)
    named = {ours: theirs for theirs in given for ours in [_our_name(theirs)] if ours}
    shapes = _shapes(sizes)
    wanted = {theirs: shapes.get(ours, ()) for ours, theirs in named.items() if theirs != MEDIAN}
    lacking = {f"what linksim calls {ours}": shape for ours, shape in shapes.items() if ours not in named}
    unknown = {name: given[name] for name in given if not (_our_name(name) or _is_unused(name))}
    matched({**{name: given[name] for name in wanted}, **unknown}, {**wanted, **lacking}, path, "NTSCC")
    tensors = {ours: _value(given[theirs], theirs) for ours, theirs in named.items()}
    what = f"NTSCC without side information, width {sizes.width}, {len(sizes.rates)} rates to {sizes.lengths[-1]} uses"
    return Read(tensors, f"{what} per patch of 16x16 pixels", {ABOUT: sizes.as_json()})


def ntscc_sizes(given: Mapping[str, Tensor], path: Path) -> NTSCCSizes:
    """What names, shapes and rates of a file say of its sizes. Raises `WeightsError` where they do not."""
    try:
        analysis, synthesis = (read_stages(given, end) for end in ("ga", "gs"))
        encoder, decoder = (read_stages(given, end)[0] for end in ("fe", "fd"))
        rates = tuple(int(rate) for rate in given["fe.rate_choice_tensor"].tolist())
        return NTSCCSizes(analysis, synthesis, encoder, decoder, given[MEDIAN].shape[0], rates)
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"'{path}' is no file of NTSCC: it lacks {error}") from None


def _is_unused(theirs: str) -> bool:
    return bool(TABLES.match(theirs) or _UNUSED.match(theirs))


def _value(tensor: Tensor, theirs: str) -> Tensor:
    return tensor[:, 0, 1] if theirs == MEDIAN else tensor


def _shapes(sizes: NTSCCSizes) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        parts: dict[str, nn.Module] = {
            "published_ntscc_vectorizer.analysis": Analysis(sizes.analysis),
            "published_ntscc_vectorizer.prior": Prior(sizes.width, sizes.hyper),
            "published_ntscc_devectorizer.synthesis": Synthesis(sizes.synthesis),
            "published_ntscc_encoder.network": JointEncoder(sizes),
            "published_ntscc_decoder.network": JointDecoder(sizes),
        }
    return {f"{part}.{key}": tuple(t.shape) for part, net in parts.items() for key, t in net.state_dict().items()}


def _our_name(theirs: str) -> str:
    """Our name of a tensor; nothing where it is not one of ours."""
    if theirs == MEDIAN:
        return "published_ntscc_vectorizer.prior.median"
    end, _, name = theirs.partition(".")
    if end not in _PARTS or _is_unused(theirs):
        return ""
    if end in ("ha", "hs"):
        return f"{_PARTS[end]}.{name}"
    for begin, ours in _OWN.items():
        if name == begin or name.startswith(f"{begin}."):
            return f"{_PARTS[end]}.{ours}{name.removeprefix(begin)}"
    ours = swin_name(name)
    # The joint coder has one stage.
    return f"{_PARTS[end]}.{re.sub(r'^stages[.]0', 'stage', ours) if end in ('fe', 'fd') else ours}" if ours else ""
