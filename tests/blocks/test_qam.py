"""QAM through Sionna: against theory, against the standard's formula, and with our conventions."""

import numpy as np
import pytest
import torch

from linksim import Decibels, Flowgraph, Received, Symbols
from linksim.blocks import AWGN, BitErrors, BitSource, QAMDemapper, QAMMapper, QPSKDemapper, Rayleigh
from linksim.errors import DimensionError, ParameterError
from linksim.montecarlo import Sweep
from linksim.theory import bit_error_rate

NAMES = {2: "qpsk", 4: "16qam", 6: "64qam", 8: "256qam"}


def link(bits_per_symbol: int = 4, fading: bool = False) -> Flowgraph:
    fg = Flowgraph("qam", inputs={"snr_db": Decibels})
    fg.bits, fg.mapper = BitSource(length=960), QAMMapper(bits_per_symbol=bits_per_symbol)
    fg.channel = Rayleigh(coherence="symbol") if fading else AWGN()
    fg.demapper, fg.errors = QAMDemapper(bits_per_symbol=bits_per_symbol), BitErrors()
    fg.connect(fg.bits, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    return fg


def gray_amplitude(bits):
    """One dimension of TS 38.211, 5.1, by its recursion: 1 - 2b times (2^k - the next)."""
    value = 1.0
    for k, bit in enumerate(reversed(bits)):
        value = (1 - 2 * bit) * (2**k - (value if k else 0.0)) if k else float(1 - 2 * bit)
    return value


@pytest.mark.parametrize("bits_per_symbol", [2, 4, 6, 8])
def test_points_are_those_of_the_standard(bits_per_symbol):
    count = 1 << bits_per_symbol
    labels = (torch.arange(count)[:, None] >> torch.arange(bits_per_symbol - 1, -1, -1)) & 1
    points = QAMMapper(bits_per_symbol=bits_per_symbol)(bits=labels.byte()).samples[:, 0]
    expected = torch.tensor([complex(gray_amplitude(row[0::2]), gray_amplitude(row[1::2])) for row in labels.tolist()])
    expected /= expected.abs().square().mean().sqrt()
    torch.testing.assert_close(points, expected.to(points.dtype))
    assert points.abs().square().mean().item() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("bits_per_symbol", [2, 4, 6, 8])
@pytest.mark.parametrize("fading", [False, True])
def test_bit_errors_are_those_of_theory(bits_per_symbol, fading):
    snr_db = {2: 6.0, 4: 12.0, 6: 17.0, 8: 22.0}[bits_per_symbol]
    grid = {"bits_per_symbol": [bits_per_symbol], "fading": [fading], "snr_db": [snr_db]}
    row = Sweep(link, grid=grid, stop="ber:rel=0.03", seed=2).run().iloc[0]
    # Hard decisions on LLRs of all points are not the nearest point's bits: at this SNR they differ by under 1 %.
    truth = float(bit_error_rate(snr_db, modulation=NAMES[bits_per_symbol], k_factor_db=None if fading else np.inf))
    slack = 0.5 * (row.high - row.low)
    assert row.low - slack <= truth <= row.high + slack


def test_the_sign_and_size_of_llrs_are_ours(generator):
    samples = torch.randn(3, 20, dtype=torch.complex64, generator=generator)
    gain = torch.randn(3, 20, dtype=torch.complex64, generator=generator)
    noise = 0.1 + torch.rand(3, 20, generator=generator)
    received = Received(Symbols(samples, torch.tensor([20, 10, 20])), gain, noise, torch.zeros(3).long(), "perfect")
    ours, sionna = QPSKDemapper()(received=received), QAMDemapper(bits_per_symbol=2)(received=received)
    torch.testing.assert_close(sionna[0], ours[0], rtol=1e-3, atol=1e-3)
    assert not sionna[1, 20:].any()


def test_gradients_and_double_precision(generator):
    samples = torch.randn(1, 5, dtype=torch.complex128, generator=generator, requires_grad=True)

    def llrs(samples):
        ones = torch.ones(1, 5, dtype=torch.complex128)
        received = Received(Symbols(samples, torch.tensor([5])), ones, torch.full((1, 5), 0.3).double(),
                            torch.zeros(1).long(), "perfect")  # fmt: skip
        return QAMDemapper(bits_per_symbol=4)(received=received)

    assert llrs(samples).dtype == torch.float64
    assert torch.autograd.gradcheck(llrs, (samples,))


def test_what_does_not_fit_is_named():
    with pytest.raises(ParameterError, match="2, 4, 6 or 8"):
        QAMMapper(bits_per_symbol=3)
    with pytest.raises(DimensionError, match="whole symbols of 4 bits .got 10 bits"):
        QAMMapper()(bits=torch.zeros(1, 10, dtype=torch.uint8))


def test_workers_get_sionnas_objects_too():
    settings = {"grid": {"snr_db": [10]}, "stop": "frames=256", "seed": 1}
    alone, both = (Sweep(link(), **settings).run(workers=workers) for workers in (1, 2))
    assert alone.errors.item() == both.errors.item()
