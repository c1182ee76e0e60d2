"""Links by name, from what a user says on the command line."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch

from linksim import Block, Flowgraph
from linksim.blocks import AWGN, FixedRate, LagrangianRateAllocator, OFDMChannel, RateAllocator, Rayleigh, Rician
from linksim.blocks.sionna.fading_models import MODELS
from linksim.blocks.waveform import GNURadioChannel
from linksim.errors import ParameterError, nearest
from linksim.flowgraphs import DIGITAL_LINKS, LINKS, USES_IMPORTANCE
from linksim.flowgraphs.parts import (
    Codec,
    DeepJSCCCNNCodec,
    DeepJSCCCodec,
    PictureCodec,
    PublishedNTSCCCodec,
    PublishedSwinJSCCCodec,
    RobustHeader,
    SwinJSCCCodec,
)
from linksim.flowgraphs.waveform_channel import waveform_channel
from linksim.types import PATCH
from linksim.weights import holds_part, weights_path

CHANNELS: dict[str, Callable[[], Block]] = {
    "awgn": AWGN,
    "rayleigh": Rayleigh,
    "rician": Rician,
    **{model: partial(OFDMChannel, model=model) for model in MODELS if model != "rayleigh"},
    "waveform": waveform_channel,
    "ofdm-waveform": partial(waveform_channel, modulation="ofdm"),
    "gnuradio": GNURadioChannel,
}
CLOSED_FORM = "klt"


def _published(
    own: Callable[..., PictureCodec], part: str, theirs: Callable[..., PictureCodec], *default: str
) -> Callable[..., PictureCodec]:
    """linksim's codec, or the published one where a file holds its weights, as `linksim import` writes it; without
    weights linksim's, perhaps with `default`."""

    def codec(*weights: str, **options: Any) -> PictureCodec:
        found = bool(weights) and holds_part(weights_path(weights[0]), part)
        if found and options:
            raise ParameterError(f"published weights know no {' and no '.join(options)}; leave it out")
        return (theirs if found else own)(*(weights or default), **options)

    return codec


CODECS: dict[str, Callable[..., PictureCodec]] = {
    "sa_oosc": Codec,
    "ntscc": _published(Codec, "published_ntscc_encoder", PublishedNTSCCCodec, "ntscc"),
    "deepjscc": _published(DeepJSCCCodec, "deepjscc_cnn_encoder", DeepJSCCCNNCodec),
    "swinjscc": _published(SwinJSCCCodec, "published_swinjscc_encoder", PublishedSwinJSCCCodec),
}
SEARCHING = ("sa_oosc", "ntscc")
"""The links whose transmitter can search for a better latent."""
RATES: dict[str, Callable[..., Block]] = {
    "sa_oosc": LagrangianRateAllocator,
    "deepjscc": FixedRate,
    "swinjscc": FixedRate,
}
"""The rate blocks of the links; that of the others is `RateAllocator`."""


def link_name(name: str, others: Iterable[str] = ()) -> str:
    """A link's name as it is registered: sa-oosc is sa_oosc. Raises `ParameterError` where there is none, with `others`
    among those that are known."""
    known = {**LINKS, **DIGITAL_LINKS}
    plain = name if name in known else name.replace("-", "_")
    if plain not in known:
        raise ParameterError(f"no link '{name}'; {nearest(name, [*known, *others])}")
    return plain


def make_channel(name: str) -> Block:
    """A channel by name. Raises `ParameterError` where there is none."""
    if name not in CHANNELS:
        raise ParameterError(f"no channel '{name}'; {nearest(name, CHANNELS)}")
    return CHANNELS[name]()


def make_link(
    link: str,
    channel: Block,
    goals: Mapping[str, Any],
    *,
    weights: str | None = None,
    alpha: float | None = None,
    effort: int = 0,
    header: RobustHeader | None = None,
) -> Flowgraph:
    """A link with a joint codec, for a target of `RateAllocator`'s. With `alpha` SA-OOSC's rate is that of its paper.
    `effort`: steps of the transmitter's search.

    Raises `ParameterError` where an option means nothing to the link.
    """
    if link != CLOSED_FORM and "target_psnr" in goals:
        raise ParameterError(f"--psnr needs a link that predicts its quality: --link {CLOSED_FORM}; or give --cbr")
    if link == CLOSED_FORM and weights is not None:
        raise ParameterError(f"--weights is for links that learn; '{link}' has none")
    if link not in USES_IMPORTANCE and alpha is not None:
        raise ParameterError(
            f"--alpha is for the links {' and '.join(USES_IMPORTANCE)}; the link '{link}' does not use importance"
        )
    if effort and link not in SEARCHING:
        raise ParameterError(f"--effort is for the links {' and '.join(SEARCHING)}; leave it out")
    parts: dict[str, Any] = {"header": header, "channel": channel}
    own: dict[str, Any] = {"effort": effort} if effort else {}
    if alpha is not None:
        own["importance_gain_db"] = 0.0
    if weights is not None or (own and link in CODECS):
        parts["codec"] = CODECS[link](**own) if weights is None else CODECS[link](weights, **own)
    codec = parts.get("codec")
    if codec is not None and codec.one_rate and not goals:
        # A tenth more, for pictures that are not of whole patches.
        goals = {"target_cbr": 1.1 * int(codec.rate_set[0]) / (3 * PATCH**2)}
    if alpha is not None:
        parts["rate"] = RateAllocator(alpha=alpha, **goals)
    else:
        parts["rate"] = RATES.get(link, RateAllocator)(**goals)
    return LINKS[link](**parts)


def pick_device(name: str) -> torch.device:
    """The device of that name; "auto" takes a GPU where there is one. Raises `ParameterError` where there is none."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ParameterError("no CUDA device here; use --device cpu or auto")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")
