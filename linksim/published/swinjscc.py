"""SwinJSCC as its authors' checkpoints name it."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from linksim.blocks.jscc.published.rate_adaptive import AdaptiveDecoderNetwork, AdaptiveEncoderNetwork
from linksim.blocks.jscc.published.swin_sizes import ABOUT, SwinSizes
from linksim.blocks.jscc.published.swinjscc import DecoderNetwork, EncoderNetwork
from linksim.errors import ParameterError, WeightsError
from linksim.published.checkpoint import Read, matched
from linksim.published.swin_names import TABLES, read_stages, swin_name

VARIANTS = {
    "base": "without adaptation",
    "sa": "adapted to the SNR",
    "ra": "adapted to the rate",
    "sara": "adapted to SNR and rate",
}
BY_RATE = ("ra", "sara")
"""Their encoder keeps its gates by the rate under the name that the others have for those by the SNR."""
LAST_GATE = 7


def witt_tensors(given: Mapping[str, Tensor], path: Path, variant: str) -> Read:
    """The tensors of WITT, which came before SwinJSCC: the same networks and names without the gates by the rate.

    Raises as `swinjscc_tensors`, `WeightsError` also where the file adapts to the rate.
    """
    if "encoder.patch_embed.proj.weight" in given and "encoder.head_list.weight" not in given:
        raise WeightsError(f"'{path}' is no file of WITT: it adapts to the rate; read it with: linksim import swinjscc")
    read = swinjscc_tensors(given, path, variant)
    return read._replace(what=read.what.replace("SwinJSCC", "WITT"))


def swinjscc_tensors(given: Mapping[str, Tensor], path: Path, variant: str) -> Read:
    """The tensors as `PublishedSwinJSCCCodec` takes them.

    Raises `WeightsError` where the file holds something else, `ParameterError` where the variant is unknown, not that
    of the file, or not said where the file does not say it: without adaptation and adapted to the SNR files have the
    same tensors, but in the former nobody trained the gates.
    """
    for wanted in ("encoder.patch_embed.proj.weight", "encoder.layers.0.blocks.0.attn.relative_position_bias_table"):
        if wanted not in given:
            raise WeightsError(f"'{path}' is no file of SwinJSCC: it lacks '{wanted}'")
    variant = _variant(given, path, variant)
    sizes = swinjscc_sizes(given, path, variant)
    named = _renamed(given, sizes, path, variant)
    widths = ", ".join(str(stage.width) for stage in sizes.analysis)
    uses = "-".join(str(sizes.lengths[end]) for end in sorted({0, len(sizes.lengths) - 1}))
    what = f"SwinJSCC {VARIANTS[variant]}, widths {widths}, {uses} uses per patch of 16x16 pixels"
    return Read({ours: given[theirs] for ours, theirs in named.items()}, what, {ABOUT: sizes.as_json()})


def _variant(given: Mapping[str, Tensor], path: Path, said: str) -> str:
    """Which one it is, by what its user says and the names in it."""
    if said and said not in VARIANTS:
        raise ParameterError(f"no variant '{said}' of SwinJSCC; known are {', '.join(VARIANTS)}")
    if "encoder.head_list.weight" in given:
        if said not in ("base", "sa"):
            raise ParameterError(
                "say the variant, which the file does not: --variant sa, adapted to the SNR, or --variant base, not "
                "adapted" + (f" (got '{said}', but it does not adapt to the rate)" if said else "")
            )
        return said
    found = "sara" if "encoder.sm_list1.0.weight" in given else "ra"
    if said not in ("", found):
        raise ParameterError(f"'{path}' holds the variant '{found}', {VARIANTS[found]}; leave out --variant {said}")
    return found


def _renamed(given: Mapping[str, Tensor], sizes: SwinSizes, path: Path, variant: str) -> dict[str, str]:
    """Their names by ours. Raises `WeightsError` where names or shapes are not those of a file of these sizes."""
    named = {ours: theirs for theirs in given for ours in [_our_name(theirs, variant)] if ours}
    if variant == "base":
        named = {ours: theirs for ours, theirs in named.items() if ".channel_gates." not in ours}
    with torch.device("meta"):
        parts = _parts(sizes)
    shapes = {f"{part}.{key}": tuple(t.shape) for part, block in parts.items() for key, t in block.state_dict().items()}
    unknown = {name: given[name] for name in given if not _our_name(name, variant) and not TABLES.match(name)}
    wanted = {theirs: shapes.get(ours, ()) for ours, theirs in named.items()}
    lacking = {f"what linksim calls {ours}": shape for ours, shape in shapes.items() if ours not in named}
    found = {**{theirs: given[theirs] for theirs in named.values()}, **unknown}
    matched(found, {**wanted, **lacking}, path, f"SwinJSCC, variant {variant}")
    return named


def _parts(sizes: SwinSizes) -> dict[str, nn.Module]:
    encoder, decoder = (
        (AdaptiveEncoderNetwork, AdaptiveDecoderNetwork) if sizes.rate_gates else (EncoderNetwork, DecoderNetwork)
    )
    return {
        "published_swinjscc_encoder.network": encoder(sizes),
        "published_swinjscc_decoder.network": decoder(sizes),
    }


def _our_name(theirs: str, variant: str) -> str:
    """Our name of a tensor of a variant; nothing where it is not one of ours."""
    end, _, name = theirs.partition(".")
    part, inner = (
        ("published_swinjscc_encoder.network", "analysis")
        if end == "encoder"
        else ("published_swinjscc_decoder.network", "synthesis")
    )
    if name.startswith("head_list."):
        return f"{part}.head.{name.removeprefix('head_list.')}"
    if name.startswith("norm."):
        return f"{part}.{inner}.{name}"
    gate = re.fullmatch(r"(sm|bm)_list(1?)\.(\d+)\.(?:fc\.)?(.+)", name)
    if gate:
        last = gate[1] == "sm" and int(gate[3]) == LAST_GATE
        place = "last" if last else f"{'layers' if gate[1] == 'sm' else 'scales'}.{gate[3]}"
        by_rate = end == "encoder" and variant in BY_RATE and not gate[2]
        return f"{part}.{'rate' if by_rate else 'channel'}_gates.{place}.{gate[4]}"
    ours = swin_name(name)
    return f"{part}.{inner}.{ours}" if ours else ""


def swinjscc_sizes(given: Mapping[str, Tensor], path: Path, variant: str) -> SwinSizes:
    """What the names and shapes of a file of this variant say of its sizes. Raises `WeightsError` where they do not."""
    try:
        stages = {end: read_stages(given, end) for end in ("encoder", "decoder")}
        hidden = given["encoder.sm_list.0.weight"].shape[0]
        ends = stages["encoder"], stages["decoder"]
        by_snr = hidden if variant in ("sa", "sara") else 0
        if variant in BY_RATE:
            return SwinSizes(*ends, ends[0][-1].width, by_snr, hidden)
        return SwinSizes(*ends, given["encoder.head_list.weight"].shape[0], by_snr)
    except KeyError as error:
        raise WeightsError(f"'{path}' is no file of SwinJSCC, variant {variant}: it lacks {error}") from None
