import pytest
import torch
from scipy import stats

from linksim import Decibels, Flowgraph, Symbols
from linksim.blocks import (
    AWGN,
    AmplitudeFading,
    BitSource,
    BPSKDemapper,
    BPSKMapper,
    MMSEEqualizer,
    QPSKDemapper,
    QPSKMapper,
    Rayleigh,
    Rician,
    ZeroForcingEqualizer,
)
from linksim.errors import DimensionError, LinksimError, ParameterError
from linksim.theory import bit_error_rate

CONFIDENCE = 0.999
CHANNELS = [
    (AWGN, {}, float("inf"), 100),
    (Rayleigh, {"coherence": "frame"}, None, 1),
    (Rayleigh, {"coherence": "symbol"}, None, 100),
    (Rician, {"k_factor_db": 6.0, "coherence": "frame"}, 6.0, 1),
    (Rician, {"k_factor_db": 6.0, "coherence": "symbol"}, 6.0, 100),
]


def ones(batch=1, uses=4, length=None):
    samples = torch.ones(batch, uses, dtype=torch.complex64)
    symbols = Symbols(samples, torch.tensor([uses] * batch if length is None else length))
    return Symbols(samples * symbols.mask, symbols.length)


@pytest.mark.parametrize("equalizer", [None, ZeroForcingEqualizer, MMSEEqualizer])
@pytest.mark.parametrize(("kind", "settings", "k_factor_db", "draws"), CHANNELS)
@pytest.mark.parametrize(
    ("modulation", "mapper", "demapper", "bits"),
    [("bpsk", BPSKMapper, BPSKDemapper, 1), ("qpsk", QPSKMapper, QPSKDemapper, 2)],
)
def test_bit_errors_agree_with_closed_form(
    modulation, mapper, demapper, bits, kind, settings, k_factor_db, draws, equalizer
):
    fg = Flowgraph("ber", inputs={"snr_db": Decibels})
    fg.bits, fg.channel, fg.demapper = BitSource(length=draws * bits), kind(**settings), demapper()
    fg.connect(fg.bits, mapper(), fg.channel, *([equalizer()] if equalizer else []), fg.demapper)
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    for snr_db in (0.0, 6.0):
        run = fg.run(batch=100_000 // draws, snr_db=snr_db, seed=3, probe=["bits.out"])
        # The bits of one symbol fade together: only the first of each is an independent draw.
        wrong = ((run["demapper.out"] > 0) != run["bits.out"].bool())[:, ::bits]
        interval = stats.binomtest(int(wrong.sum()), wrong.numel()).proportion_ci(CONFIDENCE, "exact")
        assert interval.low <= bit_error_rate(snr_db, modulation=modulation, k_factor_db=k_factor_db) <= interval.high


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize(("kind", "coherence"), [(Rayleigh, "frame"), (Rayleigh, "symbol"), (Rician, "frame")])
def test_the_distribution_of_fading(kind, coherence, batch):
    channel = kind(coherence=coherence).seed(2)
    draws = [channel(symbols=ones(batch, 1), snr_db=torch.zeros(batch)).gain[:, 0] for _ in range(6400 // batch)]
    strength = torch.cat(draws).abs().square().numpy()
    if kind is Rayleigh:
        assert stats.kstest(strength, "expon").pvalue > 1 - CONFIDENCE
    else:
        # |h|^2 (K+1)/(1/2 each) is non-central chi-squared with two degrees of freedom.
        k = 10**0.6
        assert stats.kstest(strength * 2 * (k + 1), stats.ncx2(2, 2 * k).cdf).pvalue > 1 - CONFIDENCE
        angle = torch.cat(draws).angle().numpy()
        assert stats.kstest(angle, stats.uniform(-torch.pi, 2 * torch.pi).cdf).pvalue > 1 - CONFIDENCE


def test_coherence_says_what_fades_together():
    frame = Rayleigh(coherence="frame").seed(1)(symbols=ones(3, 5), snr_db=torch.zeros(3)).gain
    symbol = Rayleigh(coherence="symbol").seed(1)(symbols=ones(3, 5), snr_db=torch.zeros(3)).gain
    assert len(set(frame.flatten().tolist())) == 3
    assert len(set(symbol.flatten().tolist())) == 15
    blocks = Rayleigh(coherence=2).seed(1)(symbols=ones(3, 5), snr_db=torch.zeros(3)).gain
    assert len(set(blocks.flatten().tolist())) == 9
    assert torch.equal(blocks[:, [0, 2]], blocks[:, [1, 3]])
    wide = Rician(coherence=3).seed(1)(symbols=ones(2, 7), snr_db=torch.zeros(2)).gain
    assert [len(set(row.tolist())) for row in wide] == [3, 3]


@pytest.mark.parametrize("snr_db", [0.0, 10.0, -5.0])
def test_noise_variance_per_real_dimension(snr_db):
    count = 200_000
    silence = Symbols(torch.zeros(1, count, dtype=torch.complex64), torch.tensor([count]))
    received = AWGN().seed(4)(symbols=silence, snr_db=torch.tensor([snr_db]))
    truth = 10 ** (-snr_db / 10) / 2
    for part in (received.symbols.samples.real, received.symbols.samples.imag):
        energy = float(part.double().square().sum())
        assert stats.chi2.ppf(0.0005, count) <= energy / truth <= stats.chi2.ppf(0.9995, count)
    assert received.noise_variance[0, 0].item() == pytest.approx(2 * truth)
    correlation = float((received.symbols.samples.real * received.symbols.samples.imag).mean()) / truth
    assert abs(correlation) < 4 / count**0.5


@pytest.mark.parametrize("kind", [AWGN, Rayleigh, Rician])
def test_nothing_is_added_past_the_length(kind):
    received = kind().seed(1)(symbols=ones(2, 6, [6, 2]), snr_db=torch.zeros(2))
    assert bool((received.symbols.samples[1, 2:] == 0).all())
    assert bool((received.symbols.samples[0] != 0).all())
    assert received.overhead.tolist() == [0, 0]
    assert received.csi == "perfect"


def test_all_channels_have_one_interface():
    def shape(kind):
        return [[str(port) for port in ports.values()] for ports in (kind().input_ports, kind().output_ports)]

    assert shape(AWGN) == shape(Rayleigh) == shape(Rician)


def test_each_frame_has_its_own_snr():
    received = AWGN().seed(1)(symbols=ones(2, 50_000), snr_db=torch.tensor([0.0, 20.0]))
    noise = (received.symbols.samples - 1).abs().square().mean(1)
    assert noise[0].item() == pytest.approx(1.0, rel=0.03)
    assert noise[1].item() == pytest.approx(0.01, rel=0.03)


@pytest.mark.parametrize("kind", [AWGN, Rayleigh, Rician])
def test_gradients_pass_through_channels_and_equalizers(kind):
    x = torch.randn(1, 5, dtype=torch.complex128, generator=torch.Generator().manual_seed(1)).requires_grad_()
    snr_db = torch.tensor([7.0], dtype=torch.float64, requires_grad=True)

    def link(x, snr_db):
        received = kind().seed(1)(symbols=Symbols(x, torch.tensor([5])), snr_db=snr_db)
        out = [equalizer()(received=received).symbols.samples for equalizer in (ZeroForcingEqualizer, MMSEEqualizer)]
        return torch.view_as_real(torch.cat(out))

    assert torch.autograd.gradcheck(link, (x, snr_db))


def test_equalizers_against_their_formulas():
    received = Rayleigh(coherence="symbol").seed(1)(symbols=ones(2, 100), snr_db=torch.full((2,), 5.0))
    h, y, n0 = received.gain, received.symbols.samples, received.noise_variance
    forced, least = ZeroForcingEqualizer()(received=received), MMSEEqualizer()(received=received)
    torch.testing.assert_close(forced.symbols.samples, y / h)
    torch.testing.assert_close(forced.noise_variance, n0 / h.abs() ** 2)
    torch.testing.assert_close(least.symbols.samples, h.conj() * y / (h.abs() ** 2 + n0))
    # The symbol that MMSE gives has the least mean squared error: any scaled version of it is worse.
    error = (least.symbols.samples - 1).abs().square().mean()
    assert float(error) < float((forced.symbols.samples - 1).abs().square().mean())
    # Signal to noise ratio is not changed by either.
    for out in (forced, least):
        torch.testing.assert_close(out.gain.abs() ** 2 / out.noise_variance, h.abs() ** 2 / n0)


def test_llrs_against_the_definition():
    from linksim.blocks.modulation.bpsk import matched_filter

    received = Rayleigh(coherence="symbol").seed(3)(symbols=ones(1, 50), snr_db=torch.tensor([3.0]))
    h, y, n0 = received.gain, received.symbols.samples, received.noise_variance
    density = [-((y - h * s).abs() ** 2) / n0 for s in (1.0, -1.0)]
    torch.testing.assert_close(BPSKDemapper()(received=received), density[1] - density[0], rtol=1e-4, atol=1e-4)
    points = {bits: ((1 - 2 * bits[0]) + 1j * (1 - 2 * bits[1])) / 2**0.5 for bits in ((0, 0), (0, 1), (1, 0), (1, 1))}
    metric = {bits: -((y - h * s).abs() ** 2) / n0 for bits, s in points.items()}
    llrs = QPSKDemapper()(received=received).reshape(1, 50, 2)
    for place in (0, 1):
        one, zero = (torch.logsumexp(torch.stack([m for b, m in metric.items() if b[place] == v]), 0) for v in (1, 0))
        torch.testing.assert_close(llrs[..., place], one - zero, rtol=1e-3, atol=1e-3)
    assert matched_filter(AWGN().seed(1)(symbols=ones(2, 9), snr_db=torch.zeros(2))).shape == (2, 1)


def test_llrs_agree_with_sionna():
    with torch.random.fork_rng(devices=[]):
        from sionna.phy.mapping import Demapper

        sionna = Demapper("app", "qam", 2, device="cpu")
    received = AWGN().seed(3)(symbols=ones(1, 64), snr_db=torch.tensor([2.0]))
    theirs = sionna(received.symbols.samples, received.noise_variance)
    torch.testing.assert_close(QPSKDemapper()(received=received), theirs.reshape(1, -1), rtol=1e-3, atol=1e-3)


def test_bad_parameters():
    with pytest.raises(ParameterError, match="'coherence' must be 'frame' or 'symbol'"):
        Rayleigh(coherence="block")
    for coherence in (0, -1, True, 2.5):
        with pytest.raises(ParameterError, match="a positive number of uses"):
            Rician(coherence=coherence)
    with pytest.raises(ParameterError, match="k_factor_db"):
        Rician(k_factor_db=1e9)
    with pytest.raises(DimensionError, match="even"):
        QPSKMapper()(bits=torch.zeros(1, 3, dtype=torch.uint8))


def test_bits_are_fair_and_independent():
    bits = BitSource(length=1001).seed(1)(batch=200)
    assert bits.dtype == torch.uint8
    assert set(bits.unique().tolist()) == {0, 1}
    assert stats.binomtest(int(bits.sum()), bits.numel()).pvalue > 1 - CONFIDENCE
    pairs = torch.stack([bits[:, :-1], bits[:, 1:]], -1).reshape(-1, 2)
    table = [[int(((pairs == torch.tensor([a, b])).all(1)).sum()) for b in (0, 1)] for a in (0, 1)]
    assert stats.chi2_contingency(table).pvalue > 1 - CONFIDENCE


@pytest.mark.gpu
def test_channels_on_the_gpu():
    for kind in (AWGN, Rayleigh, Rician):
        symbols = Symbols(
            torch.ones(4, 1000, dtype=torch.complex64, device="cuda"), torch.tensor([1000] * 4, device="cuda")
        )
        received = kind().to("cuda").seed(1)(symbols=symbols, snr_db=torch.zeros(4, device="cuda"))
        noise = received.symbols.samples - received.gain
        assert noise.abs().square().mean().item() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("snr_db", [float("inf"), 390.0, 1e6])
def test_an_infinite_snr_gives_no_errors_and_finite_llrs(snr_db):
    from linksim.flowgraphs import bpsk

    for channel in (AWGN(), Rayleigh()):
        run = bpsk(length=100, channel=channel).run(batch=3, snr_db=snr_db, probe=["demapper.out"])
        assert run["ber"].errors.tolist() == [0, 0, 0]
        assert bool(torch.isfinite(run["demapper.out"]).all())


def test_an_snr_that_is_no_number_is_refused():
    with pytest.raises(LinksimError, match="got NaN"):
        AWGN()(symbols=ones(2), snr_db=torch.tensor([1.0, float("nan")]))


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_a_real_gain_that_nobody_knows(snr_db, generator):
    """What the receiver is told, the mean gain and the noise variance about it, is what happens at unit power."""
    uses = 200_000
    sent = torch.randn(1, uses, dtype=torch.complex64, generator=generator)
    symbols = Symbols(sent, torch.tensor([uses]))
    received = AmplitudeFading().seed(3)(symbols=symbols, snr_db=torch.tensor([snr_db]))
    assert received.csi == "none"
    assert AmplitudeFading.labels == {"csi": "none"}
    rest = received.symbols.samples - received.gain * sent
    assert rest.abs().square().mean().item() == pytest.approx(received.noise_variance[0, 0].item(), rel=0.02)
    # E|h|^2 = 1, and the phase is not turned.
    power = 1.0 + 10 ** (-snr_db / 10)
    assert received.symbols.samples.abs().square().mean().item() == pytest.approx(power, rel=0.02)
    turned = (received.symbols.samples * sent.conj()).mean() / sent.abs().square().mean()
    assert turned.real.item() == pytest.approx(torch.pi**0.5 / 2, rel=0.01)
    assert abs(turned.imag.item()) < 0.01


def test_a_real_gain_leaves_what_is_past_the_end_empty():
    received = AmplitudeFading().seed(1)(symbols=ones(2, 6, [6, 2]), snr_db=torch.tensor([5.0, 5.0]))
    assert not received.symbols.samples[1, 2:].any()
