"""SA-OOSC: a picture over a noisy link with a learned codec, a rate per patch by entropy and importance."""

from linksim import Block, Decibels, Flowgraph, Image, Importance
from linksim.blocks import (
    BitsPerPixel,
    Deserializer,
    Detokenizer,
    HVDevectorizer,
    HVVectorizer,
    JSCCDecoder,
    JSCCEncoder,
    MixedFading,
    MMSEEqualizer,
    PowerNormalizer,
    RandomRateAllocator,
    RateAllocator,
    Serializer,
    Tokenizer,
    WeightedDistortion,
)
from linksim.blocks.vectorizer.hv import TRANSFORMS, transform_of
from linksim.flowgraphs.picture_link import PAPER_CBR, PICTURE_INPUTS, Header, connect_link
from linksim.types import Power

DEFAULT_ALPHA = 8.0
"""Complex uses for high importance, off low: of 0, 8 and 16 the one with the best non-background patches on street
scenes."""
DEFAULT_WEIGHTS = "small"
TRANSFORMER_BLOCKS = {"conv": 0, "swin": 4}
"""Of the joint coder each way, by the transform: with "swin" the link is of the paper's size."""


def sa_oosc(
    *,
    weights: str | None = DEFAULT_WEIGHTS,
    transform: str | None = None,
    eta: float | None = None,
    target_cbr: float | None = None,
    target_cbr_total: float | None = None,
    alpha: float = DEFAULT_ALPHA,
    map_smoothing: float = 0.0,
    channel: Block | None = None,
    header: Header = "robust",
    header_code_rate: float = 0.5,
) -> Flowgraph:
    """SA-OOSC's link. Give eta or one target, else target_cbr is 0.0201; see `RateAllocator` for the rate's parameters.

    `weights`: a shipped name, the path of a .safetensors file, or None for an untrained codec. `transform`: "conv", or
    "swin", the paper's, for which none are shipped; None is that of the weights.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional), snr_db [batch], which the
    transmitter's coder knows too.
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    """
    if eta is None and target_cbr is None and target_cbr_total is None:
        target_cbr = PAPER_CBR
    transform = transform or transform_of(weights)
    fg = Flowgraph("sa_oosc", inputs=PICTURE_INPUTS)
    _add_codec(fg, weights, transform)
    fg.rate = RateAllocator(
        eta=eta,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        alpha=alpha,
        map_smoothing=map_smoothing,
        header_code_rate=header_code_rate,
        header_loading=False,
        header_content=True,
    )
    received = connect_link(
        fg,
        rate_set="default",
        channel=channel,
        header=header,
        header_code_rate=header_code_rate,
        token=TRANSFORMS[transform][2],
    )
    fg.connect(fg["snr_db"], fg.jscc_encoder["snr_db"])
    fg.connect(fg.rate["content"], fg.jscc_encoder["content"])
    fg.connect(fg.rate["content"], fg.header["content"])
    fg.connect(received["content"], fg.jscc_decoder["content"])
    return fg


def sa_oosc_training(
    *,
    weights: str | None = None,
    transform: str = "conv",
    least_cbr: float = 0.012,
    most_cbr: float = 0.09,
    fading_share: float = 0.25,
    importance_exponent: float = 2.0,
    evenness: float = 1.0,
) -> Flowgraph:
    """The same codec between a random rate and a random channel, without header: what `linksim train` runs.

    Inputs: image (height and width multiples of 16), importance, mean_weight (see `WeightedDistortion`), snr_db.
    Outputs: image, distortion, rate, and quantized (for the noiseless distortion, through `devectorizer`).
    """
    fg = Flowgraph(
        "sa_oosc_training", inputs={"image": Image, "importance": Importance, "mean_weight": Power, "snr_db": Decibels}
    )
    _add_codec(fg, weights, transform)
    fg.tokenizer, fg.detokenizer = Tokenizer(token=TRANSFORMS[transform][2]), Detokenizer()
    fg.rate = RandomRateAllocator(least_cbr=least_cbr, most_cbr=most_cbr)
    fg.normalizer, fg.serializer, fg.channel = PowerNormalizer(), Serializer(), MixedFading(fading_share=fading_share)
    fg.equalizer, fg.deserializer, fg.bits = MMSEEqualizer(), Deserializer(), BitsPerPixel()
    fg.distortion = WeightedDistortion(exponent=importance_exponent, evenness=evenness)
    fg.connect(fg["image"], fg.tokenizer, fg.vectorizer, fg.jscc_encoder, fg.normalizer, fg.serializer, fg.channel)
    fg.connect(fg.channel, fg.equalizer, fg.deserializer, fg.jscc_decoder, fg.devectorizer, fg.detokenizer)
    fg.connect(fg.vectorizer["entropy"], fg.rate)
    fg.connect(fg["importance"], fg.rate["importance"])
    for block in (fg.jscc_encoder, fg.normalizer, fg.serializer, fg.deserializer, fg.jscc_decoder):
        fg.connect(fg.rate, block["lengths"])
    for block in (fg.jscc_encoder, fg.jscc_decoder):
        fg.connect(fg.rate["content"], block["content"])
    for block in (fg.jscc_encoder, fg.channel):
        fg.connect(fg["snr_db"], block["snr_db"])
    fg.connect(fg.normalizer["power"], fg.jscc_decoder["power"])
    for port in ("gain", "noise_variance"):
        fg.connect(fg.deserializer[port], fg.jscc_decoder[port])
    fg.connect(fg.tokenizer["size"], fg.detokenizer["size"])
    fg.connect(fg.detokenizer, fg.distortion)
    fg.connect(fg["image"], fg.distortion["original"])
    for port in ("importance", "mean_weight"):
        fg.connect(fg[port], fg.distortion[port])
    fg.connect(fg.vectorizer["entropy"], fg.bits)
    fg.connect(fg.vectorizer["hyper_bits"], fg.bits["hyper_bits"])
    fg.connect(fg.detokenizer, fg["image"])
    fg.connect(fg.distortion, fg["distortion"])
    fg.connect(fg.bits, fg["rate"])
    fg.connect(fg.vectorizer["quantized"], fg["quantized"])
    return fg


def _add_codec(fg: Flowgraph, weights: str | None, transform: str) -> None:
    blocks = TRANSFORMER_BLOCKS.get(transform, 0)
    fg.vectorizer = HVVectorizer(transform=transform, weights=weights)
    fg.devectorizer = HVDevectorizer(transform=transform, weights=weights)
    fg.jscc_encoder = JSCCEncoder(transformer_blocks=blocks, weights=weights)
    fg.jscc_decoder = JSCCDecoder(transformer_blocks=blocks, weights=weights)
