"""Links over a waveform: drop-in for AWGN, and a burst that is lost is an erasure in every link."""

import inspect
import math

import pytest
import torch
from scipy import stats

from linksim import Block, Decibels, Flowgraph, Received, Symbols
from linksim.blocks import IQImbalance
from linksim.errors import ParameterError
from linksim.flowgraphs import FLOWGRAPHS, bpsk, sa_oosc, separation, waveform_channel
from linksim.theory import bit_error_rate
from linksim.types import Boxes, Detections, Text

WITH_CHANNEL = [name for name, make in FLOWGRAPHS.items() if "channel" in inspect.signature(make).parameters]


class EveryBurstIsLost(Block):
    """What a synchroniser hands on of bursts that it has not found.

    Shapes: as AWGN.
    """

    fades = False

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Received:
        nothing, none = torch.zeros_like(symbols.samples), torch.zeros_like(symbols.length)
        return Received(Symbols(nothing, none), nothing, torch.ones(nothing.shape), none, "estimated")


def inputs(fg):
    """Something for every input that a link asks for."""
    size = 256
    known = {
        "image": torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)),
        "text": Text.of(["the resolution was adopted", "we must act now"]),
        "mask": torch.ones(2, size, size, dtype=torch.bool),
        "detections": Detections(torch.zeros(2, 1, 4), torch.full((2, 1), -1), torch.zeros(2, 1)),
        "boxes": Boxes(torch.zeros(2, 1, 4), torch.zeros(2, 1, dtype=torch.int64)),
    }
    return {name: known[name] for name in fg.input_ports if name in known}


@pytest.mark.parametrize("name", WITH_CHANNEL)
def test_what_is_lost_on_the_way_is_an_erasure_and_never_a_wrong_picture(name):
    fg = FLOWGRAPHS[name](channel=EveryBurstIsLost())
    run = fg.run(batch=2, snr_db=10.0, seed=1, **inputs(fg))
    if "erased" in run:
        assert run["erased"].all()
    elif "bler" in run:
        assert torch.equal(run["bler"].errors, run["bler"].trials)
    else:
        rate = run["ber"].errors.sum() / run["ber"].trials.sum()
        assert rate.item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("modulation", ["single-carrier", "ofdm"])
@pytest.mark.parametrize("snr_db", [0.0, 4.0, 8.0])
def test_bit_errors_lie_between_the_closed_form_and_that_of_half_a_decibel_less(modulation, snr_db):
    fg = bpsk(length=4096, channel=waveform_channel(modulation=modulation))
    ber = fg.run(batch=32, snr_db=snr_db, seed=1)["ber"]
    errors, trials = int(ber.errors.sum()), int(ber.trials.sum())
    # The empty subcarriers of OFDM leave the others 0.28 dB.
    better = 0.35 if modulation == "ofdm" else 0.0
    low = stats.binom.ppf(1e-4, trials, float(bit_error_rate(snr_db + better, modulation="bpsk")))
    high = stats.binom.ppf(1 - 1e-4, trials, float(bit_error_rate(snr_db - 0.5, modulation="bpsk")))
    assert low <= errors <= high


@pytest.mark.parametrize("make", [sa_oosc, lambda **given: separation(codec="avif", **given)], ids=["sa_oosc", "avif"])
def test_pictures_come_over_a_waveform_as_over_awgn(make, photograph):
    image = photograph
    # The rate follows what a channel costs, so the waveform's frame may be shorter.
    plain = make().run(image=image, snr_db=10.0, seed=1)
    moved = make(channel=waveform_channel()).run(image=image, snr_db=10.0, seed=1)
    assert not moved["erased"].any()
    assert moved["psnr"].value.item() == pytest.approx(plain["psnr"].value.item(), abs=0.3)
    assert moved["ledger"].pilots.item() > 400
    assert moved["ledger"].cbr_total.item() > moved["ledger"].cbr.item()
    assert moved.labels["csi"] == "estimated"


def test_a_waveform_channel_is_saved_and_read_again(tmp_path):
    fg = bpsk(channel=waveform_channel(impairments=[IQImbalance(gain_db=0.3)]))
    fg.save(tmp_path / "link.yaml")
    again = Flowgraph.load(tmp_path / "link.yaml")
    first, second = (each.run(batch=3, snr_db=3.0, seed=2)["ber"].errors for each in (fg, again))
    assert torch.equal(first, second)


def test_estimates_are_there_to_be_probed():
    fg = bpsk(channel=waveform_channel())
    run = fg.run(batch=5, snr_db=10.0, seed=1, probe=["channel.estimates", "channel.shaper.out"])
    assert run["channel.estimates"].found.all()
    assert run["channel.estimates"].frequency.mean().item() == pytest.approx(2e-3, abs=1e-4)
    assert run["channel.shaper.out"].samples.shape[0] == 5
    lost = fg.run(batch=5, snr_db=-40.0, seed=1, probe=["channel.estimates"])
    assert not lost["channel.estimates"].found.any()
    assert math.isnan(lost["channel.estimates"].snr_db[0])


def test_an_unknown_modulation_is_named():
    with pytest.raises(ParameterError, match="modulation"):
        waveform_channel(modulation="chirp")


@pytest.mark.gpu
@pytest.mark.parametrize("modulation", ["single-carrier", "ofdm"])
def test_a_waveform_channel_works_on_the_gpu(modulation):
    fg = bpsk(length=2000, channel=waveform_channel(modulation=modulation)).to("cuda")
    run = fg.run(batch=8, snr_db=9.0, seed=1, probe=["channel.estimates", "channel.out"])
    assert run["channel.estimates"].found.all()
    assert run["channel.out"].symbols.samples.device.type == "cuda"
    assert run["ber"].errors.sum() < 10
