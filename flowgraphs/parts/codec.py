"""Codecs: the blocks between a picture's tokens and the symbols of its patches, as one object that a link takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from linksim import Block
from linksim.blocks import (
    DeepJSCCCNNDecoder,
    DeepJSCCCNNEncoder,
    DeepJSCCDecoder,
    DeepJSCCEncoder,
    GenEDDecoder,
    GenEDEncoder,
    GenEDRouter,
    HVDevectorizer,
    HVVectorizer,
    JSCCDecoder,
    JSCCEncoder,
    KLTDevectorizer,
    KLTVectorizer,
    LatentDiffusionDecoder,
    LatentDiffusionEncoder,
    LatentSearch,
    LinearJSCCDecoder,
    LinearJSCCEncoder,
    PublishedNTSCCDecoder,
    PublishedNTSCCDevectorizer,
    PublishedNTSCCEncoder,
    PublishedNTSCCVectorizer,
    PublishedSwinJSCCDecoder,
    PublishedSwinJSCCEncoder,
    RateAdaptiveSwinJSCCDecoder,
    RateAdaptiveSwinJSCCEncoder,
    SGDJSCCDecoder,
    SGDJSCCEncoder,
    SwinJSCCDecoder,
    SwinJSCCEncoder,
    UIDSCDecoder,
    UIDSCEncoder,
)
from linksim.blocks.generative.codec import GENED_RATES
from linksim.blocks.generative.latent_diffusion import LATENT_USES, MODEL, STEPS
from linksim.blocks.generative.sgdjscc import CODEC
from linksim.blocks.jscc.deepjscc import FIXED_RATES
from linksim.blocks.jscc.deepjscc_cnn import CNN_USES, LAST_LAYER, uses_of
from linksim.blocks.jscc.published.ntscc_sizes import ntscc_sizes_of
from linksim.blocks.jscc.published.swin_sizes import sizes_of
from linksim.blocks.jscc.swinjscc import ANY_RATE
from linksim.blocks.jscc.uidsc import MASKED_RATES
from linksim.blocks.rate.lagrangian import PAPER_WEIGHTS
from linksim.blocks.rate.measured_distortion import DEFAULT_TABLE, known_tables
from linksim.blocks.rate_set import MAX_USES, RateSet
from linksim.blocks.vectorizer import conv_transform
from linksim.blocks.vectorizer.hv import TRANSFORMS, transform_of
from linksim.errors import WeightsError
from linksim.flowgraphs.parts.conventions import OURS, Conventions, conventions_of
from linksim.weights import holds_part, shape_in, weights_path

TRANSFORMER_BLOCKS = {"swin": 4}
"""Of the joint coder each way, by the transform: with "swin" the codec is of the paper's size."""
IMPORTANCE_GAIN_DB = 4.0
"""Of 0, 2, 4 and 6 dB the one with the best non-background patches on street scenes."""


@dataclass
class PictureCodec:
    """A joint source-channel codec of pictures: what a link needs to know of it, and its blocks.

    `encoder` gives the codeword of each patch from the rate map and the tokens, or what `vectorizer` makes of them.
    `decoder` estimates the same from a `ReceivedCodeword`, and `devectorizer` turns it into tokens again. Both ends may
    ask for more by the names of their ports, see `Offers`. `token` is the edge of a token in pixels,
    `rate_set` the set V of lengths, `distortion` the table of `MeasuredDistortion` that fits it, `prefix` the beginning
    of the names that encoder and decoder have in files of weights, `search` what betters the latent before it is sent,
    `channels` how many channels the mask is of by which the encoder tells the decoder what it sends; 0 where there is
    none. `conventions`: what the link's SNR and power mean, see `Conventions`. `one_rate`: whether the codec has
    the first of V alone, which must have two.

    A codec's blocks stand in one link: make a new codec for each.
    """

    encoder: Block
    decoder: Block
    vectorizer: Block | None = None
    devectorizer: Block | None = None
    token: int = conv_transform.TOKEN
    rate_set: RateSet = "default"
    distortion: str | None = None
    prefix: str = "jscc"
    search: Block | None = None
    channels: int = 0
    conventions: Conventions = OURS
    one_rate: bool = False

    @property
    def parts(self) -> Mapping[str, Block]:
        """The blocks by the names that they have in files of weights."""
        named = {
            "vectorizer": self.vectorizer,
            "devectorizer": self.devectorizer,
            f"{self.prefix}_encoder": self.encoder,
            f"{self.prefix}_decoder": self.decoder,
        }
        return {name: block for name, block in named.items() if block is not None}


class Codec(PictureCodec):
    """The codec of SA-OOSC, NTSCC and OOSC: a learned transform with a hyperprior, and a joint coder for all rates.

    Args:
        weights: a shipped name, the path of a .safetensors file, or None for an untrained codec.
        transform: "conv_light" ("light"), "conv" ("small"), or "swin", the paper's, for which none are shipped; None
            is that of the weights.
        importance_gain_db: transmit power in dB, beyond what was learned, for patches whose rate exceeds their base
            rate.
        effort: steps of the transmitter's `LatentSearch`: decibels for seconds.

    Raises what `HVVectorizer` and `JSCCEncoder` raise.
    """

    def __init__(
        self,
        weights: str | None = "light",
        *,
        transform: str | None = None,
        importance_gain_db: float = IMPORTANCE_GAIN_DB,
        effort: int = 0,
    ) -> None:
        transform = transform or transform_of(weights)
        joint: dict[str, Any] = {
            "transformer_blocks": TRANSFORMER_BLOCKS.get(transform, 0),
            "importance_gain_db": importance_gain_db,
            "weights": weights,
        }
        super().__init__(
            JSCCEncoder(**joint),
            JSCCDecoder(**joint),
            HVVectorizer(transform=transform, weights=weights),
            HVDevectorizer(transform=transform, weights=weights),
            token=TRANSFORMS[transform][2],
            # Weights that were trained further have no table of their own.
            distortion=weights if weights in known_tables() else DEFAULT_TABLE,
            search=_search(effort, transform=transform, **joint),
        )


def _search(effort: int, **codec: Any) -> Block | None:
    """The transmitter's search; None where it takes no effort."""
    return LatentSearch(steps=effort, importance_weights=PAPER_WEIGHTS, **codec) if effort else None


class DeepJSCCCodec(PictureCodec):
    """DeepJSCC's codec; `weights` as for `Codec`."""

    def __init__(self, weights: str | None = "deepjscc") -> None:
        super().__init__(
            DeepJSCCEncoder(weights=weights), DeepJSCCDecoder(weights=weights), rate_set=FIXED_RATES, prefix="deepjscc"
        )


class SwinJSCCCodec(PictureCodec):
    """SwinJSCC's codec; `weights` as for `Codec`."""

    def __init__(self, weights: str | None = "swinjscc") -> None:
        super().__init__(
            SwinJSCCEncoder(weights=weights), SwinJSCCDecoder(weights=weights), rate_set=ANY_RATE, prefix="swinjscc"
        )


class PublishedSwinJSCCCodec(PictureCodec):
    """SwinJSCC's codec as its authors published it, for the one rate of its weights, or all rates where they adapt to
    it; `weights` as for `PublishedSwinJSCCEncoder`. `conventions` "as published" counts as the authors do: mean power
    1 over a batch, and a receiver that knows for nothing what a header tells."""

    def __init__(self, weights: str | None = None, *, conventions: str = "ours") -> None:
        sizes = sizes_of(weights)
        adaptive = bool(sizes.rate_gates)
        ends = (
            (RateAdaptiveSwinJSCCEncoder, RateAdaptiveSwinJSCCDecoder)
            if adaptive
            else (PublishedSwinJSCCEncoder, PublishedSwinJSCCDecoder)
        )
        super().__init__(
            *(end(weights=weights) for end in ends),
            token=1,
            rate_set=sizes.lengths if adaptive else (*sizes.lengths, MAX_USES),
            one_rate=not adaptive,
            prefix="published_swinjscc",
            channels=sizes.channels if adaptive else 0,
            conventions=conventions_of("swinjscc", conventions),
        )


class PublishedNTSCCCodec(PictureCodec):
    """NTSCC's codec as its authors published it, without side information; `weights` as for
    `PublishedNTSCCVectorizer`. `conventions` "as published" counts as the authors do: mean power 1 over a batch, and a
    receiver that knows the rate map for nothing; their rate is `EntropyRate`."""

    def __init__(self, weights: str | None = None, *, conventions: str = "ours") -> None:
        super().__init__(
            PublishedNTSCCEncoder(weights=weights),
            PublishedNTSCCDecoder(weights=weights),
            PublishedNTSCCVectorizer(weights=weights),
            PublishedNTSCCDevectorizer(weights=weights),
            token=1,
            rate_set=ntscc_sizes_of(weights).lengths,
            prefix="published_ntscc",
            conventions=conventions_of("ntscc", conventions),
        )

    @property
    def parts(self) -> Mapping[str, Block]:
        """See `PictureCodec`; the transform's names say whose it is, too."""
        own = {"vectorizer": "published_ntscc_vectorizer", "devectorizer": "published_ntscc_devectorizer"}
        return {own.get(name, name): block for name, block in super().parts.items()}


class UIDSCCodec(PictureCodec):
    """UIDSC's codec; `mask_attention`: whether it has an MGA. `weights` as for `Codec`."""

    def __init__(self, weights: str | None = "uidsc", *, mask_attention: bool = True) -> None:
        super().__init__(
            UIDSCEncoder(mask_attention=mask_attention, weights=weights),
            UIDSCDecoder(weights=weights),
            rate_set=MASKED_RATES,
            prefix="uidsc",
        )


class GenEDCodec(PictureCodec):
    """GenED-SC's first stage; `dual_branch`: whether foreground and background have branches of their own. `weights` as
    for `Codec`; `most_share` and `noise_on` as for `SemanticImportancePredictor`."""

    def __init__(
        self,
        weights: str | None = "gened_sc",
        *,
        dual_branch: bool = True,
        most_share: float = 0.5,
        noise_on: str = "logits",
    ) -> None:
        super().__init__(
            GenEDEncoder(dual_branch=dual_branch, weights=weights),
            GenEDDecoder(dual_branch=dual_branch, weights=weights),
            GenEDRouter(most_share=most_share, noise_on=noise_on, weights=weights),
            rate_set=GENED_RATES,
            prefix="gened",
        )

    @property
    def parts(self) -> Mapping[str, Block]:
        """See `PictureCodec`; the router is no transform that another codec could take."""
        return {"gened_router" if name == "vectorizer" else name: block for name, block in super().parts.items()}


class SGDJSCCCodec(PictureCodec):
    """SGDJSCC's codec; `weights`, `steps` and `codec` as for `SGDJSCCDecoder`."""

    def __init__(self, weights: str | None = "sgdjscc", *, steps: int = 1, codec: str | None = CODEC) -> None:
        super().__init__(
            SGDJSCCEncoder(weights=codec),
            SGDJSCCDecoder(weights=weights, steps=steps, codec=codec),
            rate_set=ANY_RATE,
            prefix="sgdjscc",
        )


class LatentDiffusionCodec(PictureCodec):
    """SGDJSCC's codec by the networks of Stable Diffusion, for one rate, CBR 1/96; `model`, `edge_model` and `steps` as
    for `LatentDiffusionDecoder`."""

    def __init__(self, model: str = MODEL, *, edge_model: str = "", steps: int = STEPS) -> None:
        super().__init__(
            LatentDiffusionEncoder(model=model),
            LatentDiffusionDecoder(model=model, edge_model=edge_model, steps=steps),
            token=1,
            rate_set=(LATENT_USES, MAX_USES),
            one_rate=True,
            prefix="latent_diffusion",
        )


class DeepJSCCCNNCodec(PictureCodec):
    """DeepJSCC's codec as published, for the one rate of its weights, CBR 1/12 with the shipped ones; `weights` as for
    `Codec`. `conventions` "as published" counts as the PyTorch version does that the page on published weights names:
    an SNR that is 3.01 dB below Es/N0, and a receiver that knows for nothing what a header tells."""

    def __init__(self, weights: str | None = "deepjscc_cnn", *, conventions: str = "ours") -> None:
        uses = CNN_USES
        if weights is not None:
            # Of a file that has no such layer the encoder says what it lacks.
            found = shape_in(weights_path(weights, "deepjscc_cnn_encoder"), LAST_LAYER)
            uses = uses_of(found[0]) if found else uses
        super().__init__(
            DeepJSCCCNNEncoder(uses=uses, weights=weights),
            DeepJSCCCNNDecoder(uses=uses, weights=weights),
            token=1,
            rate_set=(uses, MAX_USES),
            one_rate=True,
            prefix="deepjscc_cnn",
            conventions=conventions_of("deepjscc", conventions),
        )


PUBLISHED: Mapping[str, Callable[[str], PictureCodec]] = {
    "deepjscc_cnn_encoder": DeepJSCCCNNCodec,
    "published_ntscc_encoder": PublishedNTSCCCodec,
    "published_swinjscc_encoder": PublishedSwinJSCCCodec,
}
"""The codecs of published weights, by what a file of these holds."""


def published_codec(weights: str) -> PictureCodec:
    """The codec whose weights `linksim import` wrote to a file.

    Raises `WeightsError` where it holds no such weights.
    """
    path = weights_path(weights)
    made = next((codec for part, codec in PUBLISHED.items() if holds_part(path, part)), None)
    if made is None:
        raise WeightsError(f"'{weights}' holds no published codec; make it with: linksim import CODEC CHECKPOINT")
    return made(weights)


class KLTCodec(PictureCodec):
    """The codec in closed form: a KLT and linear joint coding; see `LinearJSCCEncoder`."""

    def __init__(self, *, importance_exponent: float = 2.0, rate_set: RateSet = "default") -> None:
        super().__init__(
            LinearJSCCEncoder(rate_set=rate_set, importance_exponent=importance_exponent),
            LinearJSCCDecoder(rate_set=rate_set),
            KLTVectorizer(),
            KLTDevectorizer(),
            rate_set=rate_set,
        )
