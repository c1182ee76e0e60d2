"""GNU Radio's root-raised-cosine filter, or correlator; run by waveform_speed.py with the system's Python.

usage: python3 gnuradio_waveform.py filter|fir|correlator SAMPLES < taps or symbols, a line of Python numbers
prints: seconds
"""

import sys
import time

import numpy as np
from gnuradio import blocks, digital, filter, gr

task, count = sys.argv[1], int(float(sys.argv[2]))
given = [complex(word) for word in sys.stdin.read().split()]
noise = np.random.default_rng(1).standard_normal(1 << 17).astype(np.complex64)
graph = gr.top_block()
source, head = blocks.vector_source_c(noise, True), blocks.head(gr.sizeof_gr_complex, count)
if task == "filter":
    made = filter.fft_filter_ccf(1, [value.real for value in given])
elif task == "fir":
    made = filter.fir_filter_ccf(1, [value.real for value in given])
else:
    # It correlates with the shaped preamble, at the rate of the samples.
    made = digital.corr_est_cc(given, 4.0, 0, 0.9)
graph.connect(source, head, made, blocks.null_sink(gr.sizeof_gr_complex))
start = time.perf_counter()
graph.run()
print(time.perf_counter() - start)
