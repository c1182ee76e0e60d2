"""Coded QAM: bits through a channel code, a modulation and a channel."""

import math
from typing import Literal

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import (
    AWGN,
    BitErrors,
    BitSource,
    FrameErrors,
    LDPCDecoder,
    LDPCEncoder,
    PolarDecoder,
    PolarEncoder,
    QAMDemapper,
    QAMMapper,
)
from linksim.errors import require

Code = Literal["ldpc", "polar"]


def coded_qam(
    *,
    code: Code = "ldpc",
    information_bits: int = 1024,
    code_rate: float = 0.5,
    bits_per_symbol: int = 2,
    channel: Block | None = None,
) -> Flowgraph:
    """Random bits, 5G LDPC or polar code with CRC, Gray-mapped QAM, a channel (AWGN unless given), errors.

    `code_rate` is information bits over coded bits; these are rounded up to whole symbols.
    Inputs: snr_db [batch]. Outputs: ber of the information bits, bler, a frame of `information_bits` being a block.
    Raises `ParameterError` where no 5G code has these lengths.
    """
    require(code in ("ldpc", "polar"), "code", "'ldpc' or 'polar'", code)
    require(0 < code_rate < 1, "code_rate", "in (0, 1)", code_rate)
    # Rounded first: k / (k / n) can lie a hair above n.
    symbols = math.ceil(round(information_bits / code_rate / bits_per_symbol, 6))
    lengths = {"information_bits": information_bits, "coded_bits": symbols * bits_per_symbol}
    fg = Flowgraph("coded_qam", inputs={"snr_db": Decibels})
    fg.bits = BitSource(length=information_bits)
    if code == "ldpc":
        fg.encoder = LDPCEncoder(**lengths, bits_per_symbol=bits_per_symbol)
        fg.decoder = LDPCDecoder(**lengths, bits_per_symbol=bits_per_symbol)
    else:
        fg.encoder, fg.decoder = PolarEncoder(**lengths), PolarDecoder(**lengths)
    fg.mapper, fg.demapper = QAMMapper(bits_per_symbol=bits_per_symbol), QAMDemapper(bits_per_symbol=bits_per_symbol)
    fg.channel, fg.bit_errors, fg.frame_errors = channel or AWGN(), BitErrors(), FrameErrors()
    fg.connect(fg.bits, fg.encoder, fg.mapper, fg.channel, fg.demapper, fg.decoder)
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    for metric, name in ((fg.bit_errors, "ber"), (fg.frame_errors, "bler")):
        fg.connect(fg.decoder["llrs"], metric["received"])
        fg.connect(fg.bits, metric["sent"])
        fg.connect(metric, fg[name])
    return fg
