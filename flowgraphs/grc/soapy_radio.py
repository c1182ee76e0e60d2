"""A GNU Radio flowgraph: samples from linksim by ZeroMQ to a radio, and what the radio receives back to linksim.

For every radio that SoapySDR drives (LimeSDR, HackRF, PlutoSDR, bladeRF, USRP, ...). GNU Radio's own Python runs it:
`python3 soapy_radio.py --device driver=plutosdr --frequency 2.45e9`. The same flowgraph for GNU Radio Companion is
soapy_radio.grc. It has been compiled with GNU Radio 3.10, and not yet run with a radio. Send only where you may.
"""

import signal
from argparse import ArgumentParser, Namespace

from gnuradio import gr, soapy, zeromq

TIMEOUT_MS = 100


class SoapyRadio(gr.top_block):
    """ZMQ PULL source to the transmitter; the receiver to a ZMQ PUB sink, which never waits."""

    def __init__(self, asked: Namespace) -> None:
        gr.top_block.__init__(self, "A radio for linksim, by SoapySDR")
        source = zeromq.pull_source(gr.sizeof_gr_complex, 1, asked.from_linksim, TIMEOUT_MS)
        transmitter = soapy.sink(asked.device, "fc32", 1, "", "", [""], [""])
        receiver = soapy.source(asked.device, "fc32", 1, "", "", [""], [""])
        sink = zeromq.pub_sink(gr.sizeof_gr_complex, 1, asked.to_linksim, TIMEOUT_MS)
        for radio, gain in ((transmitter, asked.transmit_gain), (receiver, asked.receive_gain)):
            radio.set_sample_rate(0, asked.sample_rate)
            radio.set_frequency(0, asked.frequency)
            radio.set_gain(0, gain)
        self.connect(source, transmitter)
        self.connect(receiver, sink)


def main() -> None:
    """Run until a signal ends it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="driver=plutosdr", help="SoapySDR's device arguments")
    parser.add_argument("--from-linksim", default="tcp://127.0.0.1:5555", help="where linksim sends from")
    parser.add_argument("--to-linksim", default="tcp://127.0.0.1:5556", help="where linksim receives from")
    parser.add_argument("--sample-rate", type=float, default=4e6, help="in Hz; linksim's is 4 samples per symbol")
    parser.add_argument("--frequency", type=float, default=2.45e9, help="of the carrier, in Hz")
    parser.add_argument("--transmit-gain", type=float, default=0.0, help="in dB")
    parser.add_argument("--receive-gain", type=float, default=20.0, help="in dB")
    flowgraph = SoapyRadio(parser.parse_args())
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: flowgraph.stop())
    flowgraph.start()
    print("ready", flush=True)
    flowgraph.wait()


if __name__ == "__main__":
    main()
