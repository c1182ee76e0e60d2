"""Tokens, KLT, linear joint coding, serialization, framing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linksim import Received, Symbols
from linksim.blocks import (
    AWGN,
    Deserializer,
    Detokenizer,
    ErasureConcealment,
    FrameBuilder,
    FrameSplitter,
    KLTDevectorizer,
    KLTVectorizer,
    LinearJSCCDecoder,
    LinearJSCCDistortion,
    LinearJSCCEncoder,
    PowerNormalizer,
    Rayleigh,
    Serializer,
    Tokenizer,
)
from linksim.blocks.rate import RATE_SETS
from linksim.blocks.vectorizer import klt_basis
from linksim.errors import DimensionError, ParameterError

V = torch.tensor(RATE_SETS["default"])


def clean(symbols: Symbols, noise_variance: float = 1e-12) -> Received:
    one = torch.ones_like(symbols.samples)
    return Received(symbols, one, noise_variance * one.real, torch.zeros_like(symbols.length), "perfect")


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 3), st.sampled_from([1, 2, 4, 8, 16]))
@settings(max_examples=40, deadline=None)
def test_pictures_of_any_size_come_back(height, width, batch, token):
    image = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(height * 71 + width))
    tokens, size = Tokenizer(token=token)(image=image)
    assert tokens.shape[1] == 3 * token * token
    assert tokens.shape[2] * token % 16 == 0
    assert size.tolist() == [[height, width]] * batch
    assert torch.equal(Detokenizer()(tokens=tokens, size=size), image)


def test_detokenizer_names_what_does_not_fit():
    with pytest.raises(DimensionError, match=r"3\*p\*p channels"):
        Detokenizer()(tokens=torch.zeros(1, 10, 4, 4), size=torch.tensor([[16, 16]]))
    with pytest.raises(DimensionError, match="exceeds"):
        Detokenizer()(tokens=torch.zeros(1, 48, 4, 4), size=torch.tensor([[17, 16]]))
    with pytest.raises(ParameterError):
        Tokenizer(token=3)


def test_the_basis_is_orthonormal_and_in_order():
    vectors, values = klt_basis()
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(256), atol=2e-3, rtol=0)
    assert bool((values.diff() <= 0).all())
    assert bool((values > 0).all())


@pytest.mark.parametrize("token", [2, 4, 16])
def test_klt_keeps_most_of_a_photograph(photograph, token):
    tokens, size = Tokenizer(token=token)(image=photograph)
    latent, entropy = KLTVectorizer()(tokens=tokens)
    assert latent.shape == (1, 256, 32, 32)
    back = Detokenizer()(tokens=KLTDevectorizer(token=token)(latent=latent), size=size)
    error = (back - photograph).square().mean()
    assert error < 1e-3
    # Energy is kept by an orthonormal transform: what the latent lacks is the error.
    energy = (photograph - 0.5).square().sum() - (latent * 0.3).square().sum()
    assert float(energy / photograph.numel()) == pytest.approx(float(error), rel=0.05)
    assert bool((entropy >= 0).all())


def test_entropy_by_its_formula_and_against_busyness(photograph):
    latent, entropy = KLTVectorizer()(tokens=Tokenizer()(image=photograph).tokens)
    torch.testing.assert_close(entropy, 0.5 * (1 + latent**2).log2().sum(1))
    patches = photograph.unfold(2, 16, 16).unfold(3, 16, 16)
    busyness = patches.flatten(-2).std(-1).mean(1)
    ranks = [x.flatten().argsort().argsort().float() for x in (entropy, busyness)]
    assert torch.corrcoef(torch.stack(ranks))[0, 1] > 0.8


def test_power_is_one_for_every_picture_and_never_over_the_batch(generator):
    y = (
        torch.randn(3, 4, 4, 8, dtype=torch.complex64, generator=generator)
        * torch.tensor([1e-3, 1, 1e3])[:, None, None, None]
    )
    lengths = torch.randint(1, 9, (3, 4, 4), generator=generator)
    y = y * (torch.arange(8) < lengths[..., None])
    out = PowerNormalizer()(codeword=y, lengths=lengths)
    power = out.codeword.abs().square().sum((1, 2, 3)) / lengths.sum((1, 2))
    torch.testing.assert_close(power, torch.ones(3))
    torch.testing.assert_close(out.codeword * out.power.sqrt()[:, None, None, None], y)
    alone = PowerNormalizer()(codeword=y[:1], lengths=lengths[:1])
    assert torch.equal(alone.codeword, out.codeword[:1])
    silent = PowerNormalizer()(codeword=y * 0, lengths=lengths)
    assert bool((silent.codeword == 0).all())
    assert bool(torch.isfinite(silent.power).all())
    together = PowerNormalizer(over="batch")(codeword=y, lengths=lengths)
    assert float(together.codeword.abs().square().sum() / lengths.sum()) == pytest.approx(1, rel=1e-5)
    torch.testing.assert_close(together.codeword * together.power.sqrt()[:, None, None, None], y)
    with pytest.raises(ParameterError, match="'over' must be picture or batch"):
        PowerNormalizer(over="frame")


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_serializing_comes_back(rows, cols, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, 7, (batch, rows, cols), generator=generator)
    y = torch.randn(batch, rows, cols, 6, dtype=torch.complex64, generator=generator)
    y = y * (torch.arange(6) < lengths[..., None])
    symbols = Serializer()(codeword=y, lengths=lengths)
    assert symbols.length.tolist() == lengths.sum((1, 2)).tolist()
    kmax = max(int(lengths.max()), 1)
    back = Deserializer()(received=clean(symbols), lengths=lengths, power=torch.ones(len(lengths)))
    assert torch.equal(back.codeword, y[..., :kmax])
    assert bool(((back.gain == 1) == (torch.arange(kmax) < lengths[..., None])).all())


def test_patches_are_sent_row_by_row():
    y = torch.arange(8.0).reshape(1, 2, 2, 2) + 0j
    lengths = torch.tensor([[[2, 1], [0, 2]]])
    assert Serializer()(codeword=y, lengths=lengths).samples.real.tolist() == [[0.0, 1.0, 2.0, 6.0, 7.0]]


def test_a_stream_too_short_leaves_gaps_that_weigh_nothing():
    lengths = torch.tensor([[[3, 3]]])
    received = clean(Symbols(torch.ones(1, 4) + 0j, torch.tensor([4])))
    back = Deserializer()(received=received, lengths=lengths, power=torch.ones(1))
    assert back.codeword.real.tolist() == [[[[1, 1, 1], [1, 0, 0]]]]
    assert back.gain.real.tolist() == [[[[1, 1, 1], [1, 0, 0]]]]


def test_frames_come_apart_again():
    header = Symbols(torch.tensor([[1.0, 2, 0], [3, 4, 5]]) + 0j, torch.tensor([2, 3]))
    payload = Symbols(torch.tensor([[6.0, 7, 8], [9, 0, 0]]) + 0j, torch.tensor([3, 1]))
    frame = FrameBuilder()(header=header, payload=payload)
    assert frame.samples.real.tolist() == [[1, 2, 6, 7, 8], [3, 4, 5, 9, 0]]
    assert frame.length.tolist() == [5, 4]
    back = FrameSplitter()(received=clean(frame), header_uses=header.length).symbols
    assert back.samples.real.tolist() == payload.samples.real.tolist()
    assert back.length.tolist() == [3, 1]
    lost = FrameSplitter()(received=clean(frame), header_uses=frame.length)
    assert lost.symbols.length.tolist() == [0, 0]


def test_splitting_keeps_each_symbols_own_gain():
    frame = Symbols(torch.ones(2, 50) + 0j, torch.tensor([50, 50]))
    received = Rayleigh(coherence="symbol").seed(1)(symbols=frame, snr_db=torch.tensor([3.0, 9.0]))
    payload = FrameSplitter()(received=received, header_uses=torch.tensor([7, 11]))
    assert torch.equal(payload.gain[0, :43], received.gain[0, 7:])
    assert torch.equal(payload.symbols.samples[1, :39], received.symbols.samples[1, 11:])
    assert torch.equal(payload.noise_variance[1, :39], received.noise_variance[1, 11:])


def coded(latent, lengths, snr_db, channel=None, importance=None, seed=1):
    """The linear codec over a channel: (estimate, loading)."""
    encoded = LinearJSCCEncoder()(latent=latent, lengths=lengths, importance=importance)
    normal = PowerNormalizer()(codeword=encoded.codeword, lengths=lengths)
    symbols = Serializer()(codeword=normal.codeword, lengths=lengths)
    snr = torch.full((len(latent),), float(snr_db))
    received = (channel or AWGN()).seed(seed)(symbols=symbols, snr_db=snr)
    patches = Deserializer()(received=received, lengths=lengths, power=normal.power)
    return LinearJSCCDecoder()(received=patches, power_loading=encoded.power_loading), encoded.power_loading


@pytest.fixture
def latent(photograph):
    return KLTVectorizer()(tokens=Tokenizer()(image=photograph).tokens).latent


@pytest.fixture
def lengths(generator):
    return V[torch.randint(0, 8, (1, 32, 32), generator=generator)]


def test_without_noise_the_prefix_comes_back(latent, lengths):
    estimate, _ = coded(latent, lengths, 90.0)
    sent = torch.arange(256)[:, None, None] < 2 * lengths[:, None]
    torch.testing.assert_close(estimate[sent], latent[sent], atol=2e-2, rtol=1e-2)
    assert bool((estimate[~sent] == 0).all())


def test_quality_rises_with_snr_and_without_signal_the_estimate_is_zero(latent, lengths):
    errors = [float((coded(latent, lengths, snr)[0] - latent).square().mean()) for snr in (-20, -5, 0, 5, 10, 20, 40)]
    assert errors == sorted(errors, reverse=True)
    nothing = float((coded(latent, lengths, -60.0)[0]).square().mean())
    assert nothing < 0.05 * float(latent.square().mean())


def test_lmmse_beats_plain_inversion(latent, lengths):
    encoded = LinearJSCCEncoder()(latent=latent, lengths=lengths)
    estimate, _ = coded(latent, lengths, 0.0)
    inverse, _ = coded(latent, lengths, 90.0)
    assert encoded.power_loading.shape == (1, 8, 2)
    noise_energy = float((estimate - inverse).square().mean())
    assert noise_energy < float(latent.square().mean())


def test_symbols_in_a_deep_fade_do_no_harm(latent, lengths):
    flat = float((coded(latent, lengths, 10.0)[0] - latent).square().mean())
    fading = coded(latent, lengths, 10.0, Rayleigh(coherence="symbol"))[0]
    assert bool(torch.isfinite(fading).all())
    assert flat < float((fading - latent).square().mean()) < float(latent.square().mean())


def test_importance_moves_power_to_the_important(latent, lengths):
    importance = (lengths >= 48).long() * 3
    plain, weighted = coded(latent, lengths, 5.0)[0], coded(latent, lengths, 5.0, importance=importance)[0]
    important = (importance == 3)[:, None].expand_as(latent)
    errors = [[float((x - latent)[m].square().mean()) for m in (important, ~important)] for x in (plain, weighted)]
    assert errors[1][0] < errors[0][0]
    assert errors[1][1] > errors[0][1]


def test_what_is_foreseen_comes_true(latent, lengths):
    predicted = LinearJSCCDistortion()(latent=latent)
    levels = torch.searchsorted(V, lengths[0].contiguous())
    for snr_db in (0.0, 10.0, 20.0):
        expected = predicted.expected_error(0, levels, V, 10 ** (-snr_db / 10))
        errors = [(coded(latent, lengths, snr_db, seed=s)[0] - latent).square().sum() * 0.3**2 for s in range(5)]
        assert float(sum(errors)) / 5 == pytest.approx(expected, rel=0.05)


def test_gradients_reach_the_latent(lengths):
    x = torch.randn(1, 256, 32, 32, generator=torch.Generator().manual_seed(1)).requires_grad_()
    estimate, _ = coded(x, lengths, 5.0)
    estimate.square().sum().backward()
    sent = torch.arange(256)[:, None, None] < 2 * lengths[:, None]
    assert bool((x.grad[sent] != 0).float().mean() > 0.99)
    assert bool(torch.isfinite(x.grad).all())


def test_one_patch_and_one_level():
    x = torch.randn(1, 256, 1, 1, generator=torch.Generator().manual_seed(1))
    for k in RATE_SETS["default"]:
        estimate, _ = coded(x, torch.full((1, 1, 1), k), 30.0)
        assert float((estimate[:, : 2 * k] - x[:, : 2 * k]).square().mean()) < float(x.square().mean())


def test_concealment_shows_grey_and_checks_sizes():
    original = torch.rand(2, 3, 5, 7)
    grey = ErasureConcealment()(image=torch.zeros(2, 3, 16, 16), erased=torch.tensor([True, True]), original=original)
    assert grey.shape == original.shape
    assert grey.unique().tolist() == [0.5]
    with pytest.raises(DimensionError, match="came where"):
        ErasureConcealment()(image=torch.zeros(2, 3, 16, 16), erased=torch.tensor([True, False]), original=original)


def test_bad_parameters():
    for kind in (KLTVectorizer, KLTDevectorizer):
        with pytest.raises(ParameterError, match="'channels'"):
            kind(channels=257)
        with pytest.raises(ParameterError, match="'step'"):
            kind(step=0.0)
    with pytest.raises(ParameterError, match="'importance_exponent'"):
        LinearJSCCEncoder(importance_exponent=-1.0)
