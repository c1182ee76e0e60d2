"""Uncoded BPSK or QPSK over AWGN with GNU Radio's C++ blocks; run by sweep_speed.py with the system's Python.

usage: python3 gnuradio_bpsk.py bpsk|qpsk SNR_DB BITS
prints: seconds errors
"""

import sys
import time

from gnuradio import analog, blocks, digital, gr

modulation, snr_db, count = sys.argv[1], float(sys.argv[2]), int(float(sys.argv[3]))
WINDOW = 1 << 14
graph = gr.top_block()
noise = analog.noise_source_c(analog.GR_GAUSSIAN, 10 ** (-snr_db / 20), 3)
add = blocks.add_cc()
if modulation == "bpsk":
    bits = analog.random_uniform_source_b(0, 2, 1)
    mapper, slicer = digital.chunks_to_symbols_bc([1, -1]), digital.binary_slicer_fb()
    flip = blocks.multiply_const_ff(-1.0)
    received = [add, blocks.complex_to_real(), flip, slicer]
    per_symbol = 1
else:
    constellation = digital.constellation_qpsk()
    bits = analog.random_uniform_source_b(0, 4, 1)
    mapper = digital.chunks_to_symbols_bc([point / abs(point) for point in constellation.points()])
    received = [add, digital.constellation_decoder_cb(constellation.base())]
    per_symbol = 2
head = blocks.head(gr.sizeof_char, count // per_symbol // WINDOW * WINDOW)
wrong, summed, sink = blocks.xor_bb(), blocks.integrate_ff(WINDOW), blocks.vector_sink_f()
graph.connect(bits, head, mapper, (add, 0))
graph.connect(noise, (add, 1))
graph.connect(*received, (wrong, 0))
graph.connect(head, (wrong, 1))
if per_symbol == 1:
    graph.connect(wrong, blocks.uchar_to_float(), summed, sink)
else:
    # The Hamming weight of the two wrong bits.
    weight = digital.map_bb([0, 1, 1, 2])
    graph.connect(wrong, weight, blocks.uchar_to_float(), summed, sink)
start = time.perf_counter()
graph.run()
print(time.perf_counter() - start, int(sum(sink.data())))
