"""Uncoded BPSK: the first flowgraph of every radio."""

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import AWGN, BitErrors, BitSource, BPSKDemapper, BPSKMapper


def bpsk(*, length: int = 1024, channel: Block | None = None) -> Flowgraph:
    """Random bits, BPSK, a channel (AWGN unless given), soft demapping, bit errors.

    Inputs: snr_db [batch]. Outputs: ber, `Counts` per frame of `length` bits.
    """
    fg = Flowgraph("bpsk", inputs={"snr_db": Decibels})
    fg.bits, fg.mapper, fg.channel = BitSource(length=length), BPSKMapper(), channel or AWGN()
    fg.demapper, fg.errors = BPSKDemapper(), BitErrors()
    fg.connect(fg.bits, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    return fg
