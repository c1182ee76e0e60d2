"""A GNU Radio flowgraph: samples from linksim by ZeroMQ to a USRP, and what it receives back to linksim.

GNU Radio's own Python runs it: `python3 uhd_radio.py --device type=b200 --frequency 2.45e9`. The same flowgraph for GNU
Radio Companion is uhd_radio.grc. It has been compiled with GNU Radio 3.10, and not yet run with a radio. Send only
where you may.
"""

import signal
from argparse import ArgumentParser, Namespace

from gnuradio import gr, uhd, zeromq

TIMEOUT_MS = 100


class UHDRadio(gr.top_block):
    """ZMQ PULL source to the transmitter; the receiver to a ZMQ PUB sink, which never waits."""

    def __init__(self, asked: Namespace) -> None:
        gr.top_block.__init__(self, "A USRP for linksim")
        source = zeromq.pull_source(gr.sizeof_gr_complex, 1, asked.from_linksim, TIMEOUT_MS)
        stream = uhd.stream_args(cpu_format="fc32", channels=[0])
        transmitter, receiver = uhd.usrp_sink(asked.device, stream, ""), uhd.usrp_source(asked.device, stream)
        sink = zeromq.pub_sink(gr.sizeof_gr_complex, 1, asked.to_linksim, TIMEOUT_MS)
        for radio, gain in ((transmitter, asked.transmit_gain), (receiver, asked.receive_gain)):
            radio.set_samp_rate(asked.sample_rate)
            radio.set_center_freq(asked.frequency, 0)
            radio.set_gain(gain, 0)
        self.connect(source, transmitter)
        self.connect(receiver, sink)


def main() -> None:
    """Run until a signal ends it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="", help="UHD's device arguments")
    parser.add_argument("--from-linksim", default="tcp://127.0.0.1:5555", help="where linksim sends from")
    parser.add_argument("--to-linksim", default="tcp://127.0.0.1:5556", help="where linksim receives from")
    parser.add_argument("--sample-rate", type=float, default=4e6, help="in Hz; linksim's is 4 samples per symbol")
    parser.add_argument("--frequency", type=float, default=2.45e9, help="of the carrier, in Hz")
    parser.add_argument("--transmit-gain", type=float, default=0.0, help="in dB")
    parser.add_argument("--receive-gain", type=float, default=20.0, help="in dB")
    flowgraph = UHDRadio(parser.parse_args())
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: flowgraph.stop())
    flowgraph.start()
    print("ready", flush=True)
    flowgraph.wait()


if __name__ == "__main__":
    main()
