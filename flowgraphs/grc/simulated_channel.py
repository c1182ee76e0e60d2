"""A GNU Radio flowgraph: samples from linksim by ZeroMQ, through GNU Radio's channel model, and back.

GNU Radio's own Python runs it, in a process of its own: `python3 simulated_channel.py --noise-voltage 1`. The same
flowgraph for GNU Radio Companion is simulated_channel.grc. Tested with GNU Radio 3.10.
"""

import signal
import sys
from argparse import ArgumentParser, Namespace
from threading import Thread

from gnuradio import channels, gr, zeromq

TIMEOUT_MS = 100


class SimulatedChannel(gr.top_block):
    """ZMQ PULL source, channel model, ZMQ PUSH sink."""

    def __init__(self, asked: Namespace) -> None:
        gr.top_block.__init__(self, "Simulated channel for linksim")
        source = zeromq.pull_source(gr.sizeof_gr_complex, 1, asked.from_linksim, TIMEOUT_MS)
        channel = channels.channel_model(
            noise_voltage=asked.noise_voltage,
            frequency_offset=asked.frequency_offset,
            epsilon=asked.epsilon,
            taps=[1.0],
            noise_seed=asked.seed,
        )
        sink = zeromq.push_sink(gr.sizeof_gr_complex, 1, asked.to_linksim, TIMEOUT_MS)
        self.connect(source, channel, sink)


def main() -> None:
    """Run until a signal ends it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--from-linksim", default="tcp://127.0.0.1:5555", help="where linksim sends from")
    parser.add_argument("--to-linksim", default="tcp://127.0.0.1:5556", help="where linksim receives from")
    parser.add_argument("--noise-voltage", type=float, default=1.0, help="square root of the noise variance")
    parser.add_argument("--frequency-offset", type=float, default=5e-4, help="in cycles per sample")
    parser.add_argument("--epsilon", type=float, default=1.000003, help="ratio of the sampling rates")
    parser.add_argument("--seed", type=int, default=1, help="of the noise")
    parser.add_argument("--until-closed", action="store_true", help="end when standard input ends")
    asked = parser.parse_args()
    flowgraph = SimulatedChannel(asked)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: flowgraph.stop())
    if asked.until_closed:
        Thread(target=lambda: (sys.stdin.read(), flowgraph.stop()), daemon=True).start()
    flowgraph.start()
    print("ready", flush=True)
    flowgraph.wait()


if __name__ == "__main__":
    main()
