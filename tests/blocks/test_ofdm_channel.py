"""The OFDM channel: what it does to symbols, what it says about it, and what it costs."""

import numpy as np
import pytest
import torch

from linksim import Flowgraph, Received, Symbols
from linksim.blocks import AWGN, OFDMChannel, QPSKDemapper, QPSKMapper, RandomRateAllocator, RateAllocator
from linksim.blocks.sionna.estimators import LinearMMSE
from linksim.blocks.sionna.fading_models import MODELS
from linksim.blocks.sionna.ofdm_channel import PILOT_SYMBOLS
from linksim.blocks.sionna.runtime import drawing_from, sionna_config
from linksim.errors import LinksimError, ParameterError
from linksim.flowgraphs import bpsk, sa_oosc
from linksim.flowgraphs.parts import Codec, IdealHeader
from linksim.flowgraphs.parts.training_link import training_link
from linksim.montecarlo import Sweep
from linksim.theory import bit_error_rate

WIDE = {"delay_spread": 300e-9, "cyclic_prefix": 80, "speed": 100 / 3.6}


def sent(batch=40, uses=5760, seed=1, dtype=torch.complex64):
    samples = torch.randn(batch, uses, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return Symbols(samples, torch.full((batch,), uses))


def through(channel, symbols, snr_db=10.0, seed=1) -> Received:
    return channel.seed(seed)(symbols=symbols, snr_db=torch.full((len(symbols.length),), snr_db))


@pytest.mark.parametrize("estimation", ["ls", "lmmse", "perfect"])
@pytest.mark.parametrize("settings", [{}, WIDE, {"model": "cdl-c", "speed": 30.0}, {"model": "cdl-d", "speed": 30.0},
                                      {"model": "rayleigh"}])  # fmt: skip
def test_the_noise_variance_it_states_is_the_one_that_is_measured(estimation, settings):
    """y - gain x has the stated variance, in every OFDM symbol of a slot: the estimate's error is in it."""
    symbols = sent(batch=150)
    received = through(OFDMChannel(estimation=estimation, **settings), symbols)
    error = (received.symbols.samples - received.gain * symbols.samples).abs().square()
    by_symbol = error.view(150, 2, 12, 240).mean((0, 1, 3))
    stated = received.noise_variance.view(150, 2, 12, 240).mean((0, 1, 3))
    torch.testing.assert_close(by_symbol, stated, rtol=0.06, atol=0.0)
    assert received.csi == ("perfect" if estimation == "perfect" else "estimated")
    assert stated.min() >= 0.1 - 1e-6


@pytest.mark.parametrize("estimation", ["ls", "lmmse"])
def test_fast_receivers_are_told_how_far_the_estimate_is_off(estimation):
    symbols = sent(batch=150)
    received = through(OFDMChannel(estimation=estimation, speed=300 / 3.6), symbols, snr_db=25.0)
    error = (received.symbols.samples - received.gain * symbols.samples).abs().square()
    by_symbol = error.view(150, 2, 12, 240).mean((0, 1, 3))
    stated = received.noise_variance.view(150, 2, 12, 240).mean((0, 1, 3))
    torch.testing.assert_close(by_symbol, stated, rtol=0.15, atol=0.0)
    assert stated.max() > 2 * 10**-2.5


@pytest.mark.parametrize("snr_db", [60.0, 80.0, 120.0, 200.0, 300.0])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
@pytest.mark.parametrize("model", ["tdl-a", "cdl-c", "rayleigh"])
def test_without_noise_lmmse_is_as_good_as_its_precision(snr_db, dtype, model):
    symbols = sent(batch=4, uses=2880, dtype=dtype)
    settings = {"model": model, "speed": 0.0}
    known, estimated = (
        OFDMChannel(estimation=e, **settings).seed(4)(symbols=symbols, snr_db=torch.full((4,), snr_db).to(dtype).real)
        for e in ("perfect", "lmmse")
    )
    error = (known.gain - estimated.gain).abs().square().mean().item()
    assert error < max(10 ** (-snr_db / 10), 1e-6 if dtype == torch.complex64 else 1e-8)


def test_lmmse_is_better_than_least_squares_and_perfect_knowledge_is_best():
    noise = {
        e: through(OFDMChannel(estimation=e), sent()).noise_variance.mean().item() for e in ("ls", "lmmse", "perfect")
    }
    assert noise["perfect"] == pytest.approx(0.1)
    assert noise["perfect"] < noise["lmmse"] < 0.11 < noise["ls"]


def test_the_linear_mmse_estimate_is_the_textbook_one_and_not_worse_than_sionnas(generator):
    from sionna.phy.ofdm import LMMSEChannelEstimator, ResourceGrid, tdl_freq_cov_mat, tdl_time_cov_mat

    count, noise = 16, 0.2
    with drawing_from(torch.Generator()):
        time = tdl_time_cov_mat("A", 30.0, 3.5e9, 36e-6, 14, precision="double")
        frequency = tdl_freq_cov_mat("A", 30e3, count, 300e-9, precision="double")
        grid = ResourceGrid(num_ofdm_symbols=14, fft_size=count, subcarrier_spacing=30e3, pilot_pattern="kronecker",
                            pilot_ofdm_symbol_indices=list(PILOT_SYMBOLS), precision="double")  # fmt: skip
        theirs = LMMSEChannelEstimator(grid, time, frequency, order="f-t", precision="double")
    joint = torch.kron(time.to(torch.complex128), frequency.to(torch.complex128))
    root = torch.linalg.cholesky(joint + 1e-9 * torch.eye(len(joint)))
    channel = (torch.randn(200, len(joint), dtype=torch.complex128, generator=generator) @ root.T).view(200, 14, count)
    noisy = channel + torch.randn(channel.shape, dtype=torch.complex128, generator=generator) * noise**0.5
    seen = noisy[:, PILOT_SYMBOLS, :]
    ours, error = LinearMMSE(time, frequency, PILOT_SYMBOLS)(seen[:, None], torch.full((200,), noise).double())
    places = torch.cat([torch.arange(count) + count * symbol for symbol in PILOT_SYMBOLS])
    inverse = torch.linalg.inv(joint[places][:, places] + noise * torch.eye(len(places)))
    expected = (seen.flatten(1) @ (joint[:, places] @ inverse).T).view(200, 14, count)
    torch.testing.assert_close(ours[:, 0], expected, rtol=1e-6, atol=1e-8)
    left = (joint - joint[:, places] @ inverse @ joint[places]).diagonal().real
    torch.testing.assert_close(error[0, 0].flatten(), left, rtol=1e-6, atol=1e-8)
    received = torch.zeros(200, 1, 1, 14, count, dtype=torch.complex128)
    received[:, 0, 0, PILOT_SYMBOLS] = seen * grid.pilot_pattern.pilots.reshape(2, count)
    other = theirs(received, torch.full((200,), noise).double())[0].reshape(200, 14, count)
    miss = [float((estimate - channel).abs().square().mean()) for estimate in (ours[:, 0], other)]
    assert miss[0] <= miss[1] * 1.01


def test_bit_errors_are_those_of_rayleigh_fading_at_the_power_of_the_active_subcarriers():
    fg = bpsk(length=2880, channel=OFDMChannel(estimation="perfect", **WIDE))
    fg.mapper, fg.demapper = QPSKMapper(), QPSKDemapper()
    table = Sweep(fg, grid={"snr_db": [5, 15]}, stop="ber:rel=0.04", seed=3, chunk=32).run()
    for row in table.itertuples():
        truth = float(bit_error_rate(row.snr_db + 10 * np.log10(256 / 240), modulation="qpsk", k_factor_db=None))
        # The interval is one of 95 % and there are two: leave it half again as much room.
        slack = 0.5 * (row.high - row.low)
        assert row.low - slack <= truth <= row.high + slack
    assert set(table.labels) == {"csi: perfect"}


def test_mean_power_is_one_over_all_channel_uses():
    channel = OFDMChannel(estimation="perfect", **WIDE)
    received = through(channel, sent(batch=1500, uses=2880), snr_db=300.0)
    elements = received.gain.abs().square().mean().item() * 14 * channel.active
    uses = 14 * (channel.fft_size + channel.cyclic_prefix)
    prefix = 1 + channel.cyclic_prefix / channel.fft_size
    assert elements * prefix / uses == pytest.approx(1.0, abs=0.05)


def test_every_use_that_carries_no_symbol_is_billed_once(photograph):
    channel = OFDMChannel()
    symbols = Symbols(torch.ones(3, 6000, dtype=torch.complex64), torch.tensor([6000, 2880, 1]))
    received = through(channel, symbols)
    slots = torch.tensor([3, 1, 1])
    assert received.overhead.tolist() == (slots * 14 * 276 - symbols.length).tolist()
    assert not received.symbols.samples[2, 1:].any()
    run = sa_oosc(rate=RateAllocator(target_cbr=0.04), channel=OFDMChannel()).run(image=photograph, snr_db=12.0)
    ledger = run["ledger"]
    everything = sum(getattr(ledger, part).item() for part in ("payload", "header", "pilots"))
    assert everything % (14 * 276) == 0
    assert run["cbr_total"].value.item() == pytest.approx(everything / (3 * 512 * 512))


def frequency_response(channel, realisations):
    from linksim.blocks.sionna.ofdm_channel import _Parts

    parts: _Parts = channel.seed(5)._parts.like(torch.zeros(1, dtype=torch.complex64))
    return channel._fading(realisations, 1, parts)[:, 0, 0]


def test_coherence_bandwidth_is_what_the_delay_spread_implies():
    channel = OFDMChannel(**{**WIDE, "speed": 0.0})
    factors = frequency_response(channel, 3000)
    mean = (factors[:, :1].conj() * factors).mean(0)
    fading = channel._parts.like(torch.zeros(1, dtype=torch.complex64)).fading
    delays = torch.as_tensor(fading.paths.delays).flatten().double()
    powers = torch.as_tensor(fading.paths.mean_powers).flatten().double()
    steps = torch.arange(256) * 30e3
    expected = (powers * torch.exp(-2j * torch.pi * steps[:, None] * delays)).sum(1) / powers.sum()
    assert (mean - expected).abs().max() < 5 / 3000**0.5
    spread = ((powers * delays**2).sum() - (powers * delays).sum() ** 2).sqrt().item()
    assert spread == pytest.approx(300e-9, rel=0.02)
    # Near zero |R(f)| = 1 - (2 pi f spread)^2 / 2 for any profile: where it passes 0.9, to a step of 30 kHz.
    passed = int((mean.abs() < 0.9).nonzero()[0]) * 30e3
    assert passed == pytest.approx(0.2**0.5 / (2 * torch.pi * spread), rel=0.2)


@pytest.mark.parametrize("model", ["rayleigh", *(f"{kind}-{letter}" for kind in ("tdl", "cdl") for letter in "acde")])
def test_the_statistics_that_lmmse_knows_are_those_of_the_fading(model):
    channel = OFDMChannel(model=model, speed=60.0, delay_spread=200e-9, cyclic_prefix=100)
    parts = channel.seed(5)._parts.like(torch.zeros(1, dtype=torch.complex64))
    factors = channel._fading(4000, 1, parts)[:, 0].to(torch.complex128)
    bound = 5 / 4000**0.5
    power = factors.abs().square().mean((0, 1))
    assert (power - 1).abs().max() < bound
    across = (factors[:, 0, :1].conj() * factors[:, 0]).mean(0)
    expected = parts.fading.frequency_covariance(256, 30e3)[:, 0]
    assert (across - expected).abs().max() < bound
    over = (factors[:, :1].conj() * factors).mean((0, 2))
    expected = parts.fading.time_covariance(14, channel.symbol_seconds)[:, 0]
    assert (over - expected).abs().max() < bound


def test_fading_is_never_normalised_away_and_goes_on_from_slot_to_slot():
    power = frequency_response(OFDMChannel(delay_spread=1e-9), 4000).abs().square().mean(1)
    assert power.mean().item() == pytest.approx(1.0, abs=0.08)
    # One tap after all: the power of a realisation is exponential, with a standard deviation of 1.
    assert power.std().item() == pytest.approx(1.0, abs=0.1)
    channel = OFDMChannel(speed=1.0)
    parts = channel.seed(2)._parts.like(torch.zeros(1, dtype=torch.complex64))
    factors = channel._fading(20, 3, parts)
    step = (factors[:, 1:, 0] - factors[:, :-1, -1]).abs().square().mean()
    assert step < 1e-3


@pytest.mark.parametrize("estimation", ["ls", "lmmse", "perfect"])
def test_gradients_agree_with_finite_differences(estimation):
    channel = OFDMChannel(fft_size=16, guard=2, cyclic_prefix=8, delay_spread=50e-9, estimation=estimation)
    samples = torch.randn(2, 40, dtype=torch.complex128, generator=torch.Generator().manual_seed(1), requires_grad=True)
    snr_db = torch.tensor([5.0, 12.0], dtype=torch.float64, requires_grad=True)

    def run(samples, snr_db):
        out = channel.seed(3)(symbols=Symbols(samples, torch.tensor([40, 30])), snr_db=snr_db)
        return out.symbols.samples, out.gain, out.noise_variance

    assert torch.autograd.gradcheck(run, (samples, snr_db))


@pytest.mark.parametrize("estimation", ["ls", "lmmse"])
def test_gradients_reach_the_jscc_encoder_as_finite_differences_say(estimation):
    """From a loss on what the decoder makes of it, through equalizer, estimate and fading, to the encoder's weights."""
    rate = RandomRateAllocator(least_cbr=0.05, most_cbr=0.06)
    link = training_link("training", Codec("small"), rate, fading_share=0.0, importance_exponent=2.0)
    link.channel = OFDMChannel(fft_size=64, guard=4, cyclic_prefix=20, estimation=estimation)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    inputs = {"image": image, "importance": torch.ones(1, 4, 4, dtype=torch.long), "mean_weight": torch.ones(1),
              "snr_db": torch.full((1,), 12.0)}  # fmt: skip
    weights = [p for p in link.transmitter.jscc_encoder.parameters() if p.requires_grad]

    def loss():
        link.seed(3)
        return (link(**inputs)["image"] - image).double().square().sum()

    gradients = torch.autograd.grad(loss(), weights, allow_unused=True)
    norm = sum(g.double().square().sum() for g in gradients if g is not None).sqrt()
    # In float32, along the gradient, where the loss changes most: by a thousandth each way.
    step = 1e-3 * loss().item() / norm.item()
    ends = []
    with torch.no_grad():
        for length in (step, -2 * step):
            for weight, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    weight.add_(gradient / norm, alpha=length)
            ends.append(loss().item())
    assert norm > 0
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(norm.item(), rel=0.02)


@pytest.mark.parametrize("model", MODELS)
def test_all_models_and_no_generator_but_its_own(model):
    config = sionna_config()
    before = torch.random.get_rng_state(), config.torch_rng("cpu").get_state()
    channel = OFDMChannel(model=model)
    first, again = (through(channel, sent(2, 100)) for _ in range(2))
    other = through(OFDMChannel(model=model), sent(2, 100), seed=2)
    assert torch.equal(first.symbols.samples, again.symbols.samples)
    assert not torch.equal(first.symbols.samples, other.symbols.samples)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert torch.equal(before[1], config.torch_rng("cpu").get_state())


def test_it_takes_the_place_of_awgn_in_any_flowgraph(photograph, tmp_path):
    fg = sa_oosc(rate=RateAllocator(target_cbr=0.04))
    awgn = fg.run(image=photograph, snr_db=15.0)["psnr"].value.item()
    fg.channel = OFDMChannel(estimation="lmmse")
    run = fg.run(image=photograph, snr_db=15.0, seed=1)
    assert not run["erased"].item()
    assert awgn - 6 < run["psnr"].value.item() < awgn + 1
    assert run.labels["csi"] == "estimated"
    fg.save(tmp_path / "link.yaml")
    twin = Flowgraph.load(tmp_path / "link.yaml").run(image=photograph, snr_db=15.0, seed=1)
    assert twin["psnr"].value.item() == run["psnr"].value.item()
    assert OFDMChannel().input_ports.keys() == AWGN().input_ports.keys()
    assert OFDMChannel().output_ports.keys() == AWGN().output_ports.keys()


def test_the_receiver_uses_the_noise_variance_of_each_symbol(photograph):
    """Handed a flat noise variance instead of each symbol's own, the decoder does worse."""
    channel = OFDMChannel(estimation="ls", **WIDE)
    link = sa_oosc(rate=RateAllocator(target_cbr=0.04), channel=channel, header=IdealHeader())
    own = link.run(image=photograph, snr_db=8.0, seed=2)["psnr"].value.item()

    class Flat(OFDMChannel):
        def forward(self, symbols, snr_db) -> Received:
            out = super().forward(symbols=symbols, snr_db=snr_db)
            flat = out.noise_variance.min(1, keepdim=True).values.expand_as(out.noise_variance) / 4
            return Received(out.symbols, out.gain, flat, out.overhead, out.csi)

    Flat.forward.__annotations__ = OFDMChannel.forward.__annotations__
    link.channel = Flat(estimation="ls", **WIDE)
    assert own > link.run(image=photograph, snr_db=8.0, seed=2)["psnr"].value.item()


@pytest.mark.parametrize(("settings", "message"), [
    ({"model": "tdl-f"}, "'model' must be one of rayleigh, tdl-a"),
    ({"delay_spread": 0}, "'delay_spread'"),
    ({"guard": 130}, "at least 8 subcarriers"),
    ({"estimation": "mmse"}, "ls, lmmse or perfect"),
])  # fmt: skip
def test_parameters_are_checked(settings, message):
    with pytest.raises(ParameterError, match=message):
        OFDMChannel(**settings)


def test_taps_longer_than_the_prefix_and_no_number_are_refused():
    with pytest.raises(ParameterError, match="'cyclic_prefix' must be at least as long as the taps"):
        through(OFDMChannel(delay_spread=1e-6), sent(1, 10))
    with pytest.raises(LinksimError, match="snr_db must be a number"):
        through(OFDMChannel(), sent(1, 10), snr_db=float("nan"))


@pytest.mark.gpu
def test_it_runs_on_a_gpu():
    channel = OFDMChannel(estimation="lmmse").to("cuda")
    symbols = Symbols(sent(2, 100).samples.cuda(), torch.tensor([100, 100]).cuda())
    received = channel.seed(1)(symbols=symbols, snr_db=torch.full((2,), 10.0).cuda())
    assert received.symbols.samples.device.type == "cuda"
