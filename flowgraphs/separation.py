"""The digital link: a picture codec, a channel code and a modulation, each on its own."""

from functools import partial

from linksim import Block, Flowgraph
from linksim.blocks import (
    AWGN,
    ControlDecoder,
    ControlEncoder,
    ErasureConcealment,
    FrameBuilder,
    FrameSplitter,
    IdealTransport,
    LinkAdaptation,
    PictureDecoder,
    PictureEncoder,
    TransportDecoder,
    TransportEncoder,
)
from linksim.blocks.picture_codecs.codecs import CODECS
from linksim.flowgraphs.picture_link import PAPER_CBR, PICTURE_INPUTS, connect_bill, connect_importance, connect_quality


def separation(
    *,
    codec: str = "avif",
    target_cbr_total: float = PAPER_CBR,
    design_snr_db: float | None = None,
    margin_db: float = 0.0,
    ideal: bool = False,
    region_gain: float = 1.0,
    channel: Block | None = None,
) -> Flowgraph:
    """A picture by a picture codec, CRC, 5G LDPC and QAM, in as many channel uses as the ratio allows.

    The scheme follows each frame's mean SNR, or `design_snr_db`; see `LinkAdaptation`. With `ideal` bits go at the
    capacity of that SNR, and arrive where the channel carries them. `region_gain` serves importance, see
    `PictureEncoder`. A frame whose code blocks fail is lost, or shows the prefix that its codec can decode.
    Inputs: image [batch, 3, height, width], boxes and known_importance (optional), snr_db [batch].
    Outputs: image, erased, met, psnr, psnr_delivered, patch_psnr per class, sad, ledger, cbr, cbr_total.
    Raises what its blocks raise: `ParameterError`, and `LinksimError` where a codec's library is not there.
    """
    fg = Flowgraph("separation", inputs=PICTURE_INPUTS)
    fg.channel = channel or AWGN()
    connect_importance(fg)
    fg.adaptation = LinkAdaptation(
        target_cbr_total=target_cbr_total, margin_db=margin_db, design_snr_db=design_snr_db, ideal=ideal
    )
    fg.encoder, fg.decoder = PictureEncoder(codec=codec, region_gain=region_gain), PictureDecoder(codec=codec)
    fg.transport_encoder, fg.control_encoder, fg.frame = TransportEncoder(), ControlEncoder(), FrameBuilder()
    fg.control_decoder, fg.splitter = ControlDecoder(), FrameSplitter()
    fg.transport_decoder = IdealTransport() if ideal else TransportDecoder()
    fg.concealment = ErasureConcealment()
    _connect_transmitter(fg)
    _connect_receiver(fg, ideal)
    connect_quality(fg, fg.decoder["lost"])
    connect_bill(fg, fg.transport_encoder, fg.control_encoder)
    fg.connect(fg.concealment, fg["image"])
    fg.connect(fg.encoder["fits"], fg["met"])
    return fg


def _connect_transmitter(fg: Flowgraph) -> None:
    for block in (fg.adaptation, fg.encoder):
        fg.connect(fg["image"], block["image"])
    for block in (fg.adaptation, fg.channel):
        fg.connect(fg["snr_db"], block["snr_db"])
    fg.connect(fg.importance, fg.encoder["importance"])
    fg.connect(fg.adaptation["budget"], fg.encoder["budget"])
    fg.connect(fg.encoder["bits"], fg.transport_encoder["bits"])
    for port in ("scheme", "uses"):
        fg.connect(fg.adaptation[port], fg.transport_encoder[port])
    for port in ("scheme", "size"):
        fg.connect(fg.adaptation[port], fg.control_encoder[port])
    fg.connect(fg.control_encoder, fg.frame["header"])
    fg.connect(fg.transport_encoder, fg.frame["payload"])
    fg.connect(fg.frame, fg.channel["symbols"])


def _connect_receiver(fg: Flowgraph, ideal: bool) -> None:
    for block in (fg.control_decoder, fg.splitter):
        fg.connect(fg.channel, block["received"])
    fg.connect(fg.control_decoder["uses"], fg.splitter["header_uses"])
    fg.connect(fg.splitter, fg.transport_decoder["received"])
    fg.connect(fg.control_decoder["erased"], fg.transport_decoder["erased"])
    if ideal:
        fg.connect(fg.encoder["bits"], fg.transport_decoder["bits"])
        fg.connect(fg.adaptation["budget"], fg.transport_decoder["budget"])
    else:
        fg.connect(fg.control_decoder["scheme"], fg.transport_decoder["scheme"])
    for port in ("bits", "good"):
        fg.connect(fg.transport_decoder[port], fg.decoder[port])
    fg.connect(fg.control_decoder["size"], fg.decoder["size"])
    fg.connect(fg.decoder["image"], fg.concealment["image"])
    fg.connect(fg.decoder["lost"], fg.concealment["erased"])
    fg.connect(fg["image"], fg.concealment["original"])


DIGITAL_LINKS = {f"{codec}-ldpc": partial(separation, codec=codec) for codec in CODECS}
"""The digital links by name."""
