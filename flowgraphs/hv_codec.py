"""What SA-OOSC, NTSCC and OOSC share: a learned vectorizer, a rate per patch by its entropy, and a joint coder."""

from linksim import Block, Decibels, Flowgraph, Image, Importance
from linksim.blocks import (
    BitsPerPixel,
    Detokenizer,
    HVDevectorizer,
    HVVectorizer,
    JSCCDecoder,
    JSCCEncoder,
    MeasuredDistortion,
    RandomRateAllocator,
    RateAllocator,
    Tokenizer,
    WeightedDistortion,
)
from linksim.blocks.rate.measured_distortion import known_tables
from linksim.blocks.vectorizer.hv import TRANSFORMS, transform_of
from linksim.flowgraphs.picture_link import (
    PAPER_CBR,
    Header,
    connect_link,
    connect_training_channel,
    connect_vectorizer,
)
from linksim.types import Power

Weights = tuple[float, float, float, float]
"""Of a patch's error in the rate, by its label."""
TRANSFORMER_BLOCKS = {"conv": 0, "swin": 4}
"""Of the joint coder each way, by the transform: with "swin" the link is of the paper's size."""

DEFAULT_TABLE = "small"
"""Of measured distortion, where the weights have none."""


def complete_hv_link(
    fg: Flowgraph,
    *,
    weights: str | None,
    transform: str | None,
    importance_gain_db: float = 0.0,
    channel: Block | None,
    header: Header,
    header_code_rate: float,
) -> Block:
    """Complete a flowgraph that has a rate alone; returns what `connect_link` does.

    Nothing tells the far end what a patch's content alone would have got.
    """
    transform = transform or transform_of(weights)
    add_codec(fg, weights, transform, importance_gain_db)
    received = connect_link(
        fg,
        rate_set="default",
        channel=channel,
        header=header,
        header_code_rate=header_code_rate,
        token=TRANSFORMS[transform][2],
    )
    connect_vectorizer(fg)
    fg.connect(fg["snr_db"], fg.jscc_encoder["snr_db"])
    return received


def complete_heeding_link(
    fg: Flowgraph,
    *,
    weights: str | None,
    transform: str | None,
    eta: float | None,
    target_cbr: float | None,
    target_cbr_total: float | None,
    alpha: float,
    importance_weights: Weights | None,
    importance_gain_db: float,
    map_smoothing: float,
    channel: Block | None,
    header: Header,
    header_code_rate: float,
) -> None:
    """Complete a flowgraph of inputs alone to a link whose rate heeds importance: whose, the caller connects."""
    if eta is None and target_cbr is None and target_cbr_total is None:
        target_cbr = PAPER_CBR
    fg.rate = RateAllocator(
        eta=eta,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        alpha=alpha,
        importance_weights=importance_weights,
        map_smoothing=map_smoothing,
        header_code_rate=header_code_rate,
        header_loading=False,
        header_content=True,
    )
    received = complete_hv_link(
        fg,
        weights=weights,
        transform=transform,
        importance_gain_db=importance_gain_db,
        channel=channel,
        header=header,
        header_code_rate=header_code_rate,
    )
    _tell_content(fg, received)
    if importance_weights is not None:
        _foresee_errors(fg, weights)


def _tell_content(fg: Flowgraph, received: Block) -> None:
    """Both ends of the joint coder learn what a patch's content alone would have got, the far one by the header."""
    for port in (fg.jscc_encoder["content"], fg.header["content"]):
        fg.connect(fg.rate["content"], port)
    fg.connect(received["content"], fg.jscc_decoder["content"])


def _foresee_errors(fg: Flowgraph, weights: str | None) -> None:
    """The rate learns what error each patch would have at each length, as it was measured with these weights.

    For weights without a table of their own, as for those trained further, that of "small" must do.
    """
    fg.foreseen = MeasuredDistortion(table=weights if weights in known_tables() else DEFAULT_TABLE)
    fg.connect(fg.vectorizer["entropy"], fg.foreseen, fg.rate["errors"])
    fg.connect(fg["snr_db"], fg.foreseen["snr_db"])


def hv_training(
    name: str,
    *,
    weights: str | None,
    transform: str,
    least_cbr: float,
    most_cbr: float,
    most_alpha: float,
    fading_share: float,
    importance_exponent: float,
    evenness: float,
) -> Flowgraph:
    """The codec between a random rate and a random channel, without header: what `linksim train` runs.

    Inputs: image (height and width multiples of 16), importance, mean_weight (see `WeightedDistortion`), snr_db.
    Outputs: image, distortion, rate, and quantized (for the noiseless distortion, through `devectorizer`).
    """
    fg = Flowgraph(name, inputs={"image": Image, "importance": Importance, "mean_weight": Power, "snr_db": Decibels})
    add_codec(fg, weights, transform)
    fg.tokenizer, fg.detokenizer = Tokenizer(token=TRANSFORMS[transform][2]), Detokenizer()
    fg.rate = RandomRateAllocator(least_cbr=least_cbr, most_cbr=most_cbr, most_alpha=most_alpha)
    fg.bits, fg.distortion = BitsPerPixel(), WeightedDistortion(exponent=importance_exponent, evenness=evenness)
    connect_training_channel(fg, fg.rate["lengths"], fading_share)
    fg.connect(fg["image"], fg.tokenizer, fg.vectorizer, fg.jscc_encoder)
    fg.connect(fg.jscc_decoder, fg.devectorizer, fg.detokenizer)
    fg.connect(fg.vectorizer["entropy"], fg.rate)
    fg.connect(fg["importance"], fg.rate["importance"])
    for block in (fg.jscc_encoder, fg.jscc_decoder):
        fg.connect(fg.rate["content"], block["content"])
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


def add_codec(fg: Flowgraph, weights: str | None, transform: str, importance_gain_db: float = 0.0) -> None:
    """The four learned blocks."""
    blocks = TRANSFORMER_BLOCKS[transform]
    fg.vectorizer = HVVectorizer(transform=transform, weights=weights)
    fg.devectorizer = HVDevectorizer(transform=transform, weights=weights)
    fg.jscc_encoder = JSCCEncoder(transformer_blocks=blocks, importance_gain_db=importance_gain_db, weights=weights)
    fg.jscc_decoder = JSCCDecoder(transformer_blocks=blocks, importance_gain_db=importance_gain_db, weights=weights)
