"""A picture over a noisy link with a codec in closed form: KLT, a rate per patch, linear joint coding."""

from typing import Literal

from linksim import Block, Boxes, Decibels, Flowgraph, Image
from linksim.blocks import (
    AWGN,
    PSNR,
    SAD,
    CBRLedger,
    Deserializer,
    Detokenizer,
    ErasureConcealment,
    FrameBuilder,
    FrameSplitter,
    HeaderDecoder,
    HeaderEncoder,
    HeaderErrors,
    IdealHeader,
    KLTDevectorizer,
    KLTVectorizer,
    LinearJSCCDecoder,
    LinearJSCCDistortion,
    LinearJSCCEncoder,
    MMSEEqualizer,
    PatchImportance,
    PatchPSNR,
    PowerNormalizer,
    RateAllocator,
    Serializer,
    Tokenizer,
)
from linksim.blocks.rate import RateSet

PAPER_CBR = 0.0201
"""SA-OOSC's channel bandwidth ratio (its section 4)."""


def klt(
    *,
    eta: float | None = None,
    target_cbr: float | None = None,
    target_cbr_total: float | None = None,
    target_psnr: float | None = None,
    alpha: float = 8.0,
    importance_exponent: float = 2.0,
    rate_set: RateSet = "default",
    map_smoothing: float = 0.0,
    channel: Block | None = None,
    header: Literal["robust", "ideal"] = "robust",
    header_code_rate: float = 0.5,
) -> Flowgraph:
    """The KLT link. Give eta or one target, else target_cbr is 0.0201; see `RateAllocator` for the rate's parameters.

    Inputs: image [batch, 3, height, width], boxes (optional), snr_db [batch].
    Outputs: image, erased, met, psnr, patch_psnr per class, sad, ledger, cbr, cbr_total, header errors.
    """
    if eta is None and target_cbr is None and target_cbr_total is None and target_psnr is None:
        target_cbr = PAPER_CBR
    fg = Flowgraph("klt", inputs={"image": Image, "boxes": Boxes, "snr_db": Decibels})
    fg.importance, fg.tokenizer, fg.vectorizer = PatchImportance(), Tokenizer(), KLTVectorizer()
    fg.rate = RateAllocator(
        eta=eta,
        target_cbr=target_cbr,
        target_cbr_total=target_cbr_total,
        target_psnr=target_psnr,
        alpha=alpha,
        rate_set=rate_set,
        map_smoothing=map_smoothing,
        header_code_rate=header_code_rate,
    )
    fg.jscc_encoder = LinearJSCCEncoder(rate_set=rate_set, importance_exponent=importance_exponent)
    fg.normalizer, fg.serializer, fg.frame = PowerNormalizer(), Serializer(), FrameBuilder()
    fg.channel = channel or AWGN()
    _connect_transmitter(fg)
    if target_psnr is not None:
        fg.distortion = LinearJSCCDistortion(importance_exponent=importance_exponent)
        fg.connect(fg.importance, fg.distortion["importance"])
        fg.connect(fg.vectorizer["latent"], fg.distortion, fg.rate["distortion"])
        fg.connect(fg["snr_db"], fg.rate["snr_db"])
    if header == "ideal":
        fg.header = received = IdealHeader(code_rate=header_code_rate, rate_set=rate_set)
    else:
        fg.header = HeaderEncoder(code_rate=header_code_rate, rate_set=rate_set)
        fg.header_decoder = received = HeaderDecoder(code_rate=header_code_rate, rate_set=rate_set)
        fg.connect(fg.channel, received)
    fg.connect(fg.tokenizer["size"], fg.header["size"])
    fg.connect(fg.rate["lengths"], fg.header["lengths"])
    fg.connect(fg.normalizer["power"], fg.header["power"])
    fg.connect(fg.jscc_encoder["loading"], fg.header["loading"])
    fg.connect(fg.header, fg.frame["header"])
    _connect_receiver(fg, received, rate_set)
    _connect_metrics(fg, received)
    return fg


def _connect_transmitter(fg: Flowgraph) -> None:
    fg.connect(fg["image"], fg.importance["image"])
    fg.connect(fg["boxes"], fg.importance["boxes"])
    fg.connect(fg["image"], fg.tokenizer, fg.vectorizer, fg.jscc_encoder, fg.normalizer, fg.serializer)
    fg.connect(fg.vectorizer["entropy"], fg.rate)
    fg.connect(fg.importance, fg.rate["importance"])
    fg.connect(fg.importance, fg.jscc_encoder["importance"])
    fg.connect(fg.tokenizer["size"], fg.rate["size"])
    for block in (fg.jscc_encoder, fg.normalizer, fg.serializer):
        fg.connect(fg.rate, block["lengths"])
    fg.connect(fg.serializer, fg.frame["payload"])
    fg.connect(fg.frame, fg.channel)
    fg.connect(fg["snr_db"], fg.channel["snr_db"])


def _connect_receiver(fg: Flowgraph, header: Block, rate_set: RateSet) -> None:
    fg.splitter, fg.equalizer, fg.deserializer = FrameSplitter(), MMSEEqualizer(), Deserializer()
    fg.jscc_decoder = LinearJSCCDecoder(rate_set=rate_set)
    fg.devectorizer, fg.detokenizer, fg.concealment = KLTDevectorizer(), Detokenizer(), ErasureConcealment()
    fg.connect(fg.channel, fg.splitter, fg.equalizer, fg.deserializer, fg.jscc_decoder)
    fg.connect(fg.jscc_decoder, fg.devectorizer, fg.detokenizer, fg.concealment, fg["image"])
    fg.connect(fg.deserializer["gain"], fg.jscc_decoder["gain"])
    fg.connect(fg.deserializer["noise_variance"], fg.jscc_decoder["noise_variance"])
    fg.connect(header["uses"], fg.splitter["header_uses"])
    fg.connect(header.outputs["lengths"], fg.deserializer["lengths"])
    fg.connect(header.outputs["size"], fg.detokenizer["size"])
    for port in ("lengths", "power", "loading"):
        fg.connect(header.outputs[port], fg.jscc_decoder[port])
    fg.connect(header["erased"], fg.concealment["erased"])
    fg.connect(fg["image"], fg.concealment["original"])


def _connect_metrics(fg: Flowgraph, header: Block) -> None:
    fg.psnr, fg.patch_psnr, fg.sad = PSNR(), PatchPSNR(), SAD()
    fg.bill, fg.header_errors = CBRLedger(), HeaderErrors()
    for metric in (fg.psnr, fg.patch_psnr, fg.sad):
        fg.connect(fg.concealment, metric["image"])
        fg.connect(fg["image"], metric["original"])
    fg.connect(fg.importance, fg.patch_psnr["importance"])
    fg.connect(fg.importance, fg.sad["importance"])
    fg.connect(fg["image"], fg.bill["original"])
    fg.connect(fg.serializer, fg.bill["payload"])
    fg.connect(fg.header, fg.bill["header"])
    fg.connect(fg.channel, fg.bill["received"])
    fg.connect(header["erased"], fg.header_errors["erased"])
    fg.connect(header.outputs["lengths"], fg.header_errors["lengths"])
    fg.connect(fg.rate, fg.header_errors["sent"])
    fg.connect(fg.psnr, fg["psnr"])
    fg.connect(fg.sad, fg["sad"])
    fg.connect(header["erased"], fg["erased"])
    fg.connect(fg.rate["met"], fg["met"])
    for port in ("ledger", "cbr", "cbr_total"):
        fg.connect(fg.bill[port], fg[port])
