"""The learned vectorizer and joint coder, untrained and trained, and the losses."""

import copy
import math
import pickle

import pytest
import torch
from safetensors.torch import save_file
from scipy.stats import norm

from linksim.blocks import (
    BitsPerPixel,
    HVDevectorizer,
    HVLoss,
    HVVectorizer,
    JSCCDecoder,
    JSCCEncoder,
    KLTDevectorizer,
    KLTVectorizer,
    PowerNormalizer,
    RandomFading,
    RandomRateAllocator,
    SystemLoss,
    Tokenizer,
    WeightedDistortion,
)
from linksim.blocks.jscc.calibration import calibrate
from linksim.blocks.rate import RATE_SETS
from linksim.errors import DimensionError, FileError, ParameterError, WeightsError
from linksim.types import ReceivedCodeword, Score, Symbols
from linksim.weights import load_part, shipped_weights, write_weights

V = torch.tensor(RATE_SETS["default"])


@pytest.fixture
def tokens(photograph):
    return Tokenizer()(image=photograph[:, :, 100:228, 200:360]).tokens


def lengths_like(latent, generator):
    return V[torch.randint(len(V), (latent.shape[0], *latent.shape[2:]), generator=generator)]


# -- the vectorizer


def test_untrained_the_transform_is_the_klt(tokens):
    latent = HVVectorizer().eval()(tokens=tokens).latent
    torch.testing.assert_close(
        latent, KLTVectorizer(channels=256, step=0.1)(tokens=tokens).latent, atol=2e-4, rtol=1e-4
    )
    rebuilt = KLTDevectorizer(channels=256, step=0.1)(latent=latent)
    torch.testing.assert_close(HVDevectorizer()(latent=latent), rebuilt, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("weights", [None, "small"])
def test_entropy_is_that_of_the_gaussian_by_scipy(tokens, weights):
    vectorizer = HVVectorizer(weights=weights).eval()
    seen = {}
    vectorizer.hyperprior.conditional.register_forward_pre_hook(
        lambda _, given: seen.update(scale=given[1], mean=given[2])
    )
    out = vectorizer(tokens=tokens)
    scale, mean, x = (t.detach().double().numpy() for t in (seen["scale"], seen["mean"], out.quantized))
    likelihood = norm.cdf(x + 0.5, mean, scale) - norm.cdf(x - 0.5, mean, scale)
    expected = -torch.from_numpy(likelihood).clamp_min(1e-9).log2().sum(1)
    torch.testing.assert_close(out.entropy.double(), expected, rtol=2e-3, atol=0.3)
    steps = out.quantized - seen["mean"]
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    assert (out.quantized - out.latent).abs().max() <= 0.5 + 1e-4


def test_training_noise_is_uniform_seeded_and_leaves_the_global_generator_alone(tokens):
    vectorizer = HVVectorizer().train()
    before = torch.random.get_rng_state()
    first, again, other = (vectorizer.seed(seed)(tokens=tokens).quantized for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    noise = (first - vectorizer(tokens=tokens).latent).flatten()
    assert noise.abs().max() <= 0.5 + 1e-4
    # Variance of a uniform step: 1/12, within five standard errors.
    assert noise.var().item() == pytest.approx(1 / 12, abs=5 * math.sqrt(1 / 180 / len(noise)))


@pytest.mark.parametrize(("batch", "rows", "cols"), [(1, 1, 1), (1, 2, 3), (3, 4, 5), (2, 7, 9)])
def test_every_size_has_an_entropy_per_patch_and_comes_back(batch, rows, cols, generator):
    tokens = torch.rand(batch, 48, 4 * rows, 4 * cols, generator=generator)
    out = HVVectorizer(weights="small").eval()(tokens=tokens)
    assert out.latent.shape == out.quantized.shape == (batch, 256, rows, cols)
    assert out.hyper.shape == (batch, 64, -(-rows // 4), -(-cols // 4))
    assert out.entropy.shape == (batch, rows, cols)
    assert (out.entropy > 0).all()
    assert out.hyper_bits.shape == (batch,)
    assert HVDevectorizer(weights="small").eval()(latent=out.latent).shape == tokens.shape


def test_a_batch_gives_what_its_pictures_give_alone(tokens):
    pair = torch.cat([tokens, tokens.flip(3)])
    vectorizer = HVVectorizer(weights="small").eval()
    both = vectorizer(tokens=pair)
    for i in range(2):
        alone = vectorizer(tokens=pair[i : i + 1])
        torch.testing.assert_close(both.entropy[i : i + 1], alone.entropy, rtol=1e-3, atol=0.05)


def test_training_lowered_the_loss_of_equation_13(tokens):
    def loss(weights):
        out = HVVectorizer(weights=weights).eval()(tokens=tokens)
        image, original = (
            torch.nn.functional.pixel_shuffle(t, 4)
            for t in (HVDevectorizer(weights=weights).eval()(latent=out.quantized), tokens)
        )
        rate = BitsPerPixel()(entropy=out.entropy, hyper_bits=out.hyper_bits)
        return HVLoss()(distortion=WeightedDistortion()(image=image, original=original), rate=rate).value.item()

    assert loss("small") < 0.75 * loss(None)


def test_wrong_tokens_and_parameters_are_named():
    with pytest.raises(DimensionError, match="48 channels"):
        HVVectorizer()(tokens=torch.zeros(1, 12, 8, 8))
    with pytest.raises(ParameterError, match="'transform' must be one of conv"):
        HVVectorizer(transform="swim")
    with pytest.raises(ParameterError, match="'channels'"):
        HVDevectorizer(channels=257)


# -- the joint coder


def through(encoder, decoder, latent, lengths, snr_db, gain=None, noise=None, base_rate=None):
    snr = torch.full((len(latent),), snr_db)
    sent = encoder(latent=latent, lengths=lengths, snr_db=snr, base_rate=base_rate)
    codeword, power = PowerNormalizer()(codeword=sent, lengths=lengths)
    variance = torch.full(codeword.shape, 10 ** (-snr_db / 10))
    gain = torch.ones_like(codeword) if gain is None else gain
    received = codeword * gain + (0 if noise is None else noise * variance.sqrt())
    return decoder(received=ReceivedCodeword(received, gain, variance, lengths, power), base_rate=base_rate)


def test_the_prefix_mask_leaves_exactly_k_symbols(generator):
    latent = torch.randn(2, 256, 3, 5, generator=generator)
    lengths = lengths_like(latent, generator)
    codeword = JSCCEncoder(weights="small")(latent=latent, lengths=lengths, snr_db=torch.tensor([0.0, 20.0]))
    assert codeword.shape == (2, 3, 5, 128)
    sent = torch.arange(128) < lengths[..., None]
    assert not codeword[~sent].any()
    assert (codeword[sent] != 0).all()


def test_untrained_and_without_noise_the_sent_dimensions_come_back(generator):
    latent = torch.randn(1, 256, 4, 6, generator=generator) * JSCCEncoder().core.get_buffer("deviation")
    lengths = lengths_like(latent, generator)
    found = through(JSCCEncoder(), JSCCDecoder(), latent, lengths, 90.0)
    sent = (torch.arange(256) < 2 * lengths[..., None]).movedim(-1, 1)
    torch.testing.assert_close(found[sent], latent[sent], rtol=5e-3, atol=5e-3)
    assert not found[~sent].any()


def test_untrained_a_symbol_is_weighed_by_its_own_noise_as_lmmse_says():
    decoder = JSCCDecoder()
    lengths, codeword = torch.full((1, 1, 1), 2), torch.tensor([[[[0.7 + 0.2j, 0.4 - 0.3j]]]])
    noise_variance = torch.tensor([[[[0.01, 3.0]]]])
    found = decoder(
        received=ReceivedCodeword(codeword, torch.ones_like(codeword), noise_variance, lengths, torch.tensor([4.0]))
    )
    deviation = decoder.core.get_buffer("deviation").flatten()[:4]
    # A dimension of variance v is sent with amplitude v^(1/4 - 1/2): power v^(1/2), and power 4 was normalised away.
    moment, noise = deviation / 4, noise_variance.repeat_interleave(2, -1).flatten() / 2
    sent = torch.view_as_real(codeword).flatten()
    # The four dimensions of the lowest rate share one estimate of how strong they came, four more stand for the usual.
    trust = (1 + noise / moment) ** -2
    strength = ((trust * (sent.square() - noise) / moment).sum() + 4) / (trust.sum() + 4)
    expected = strength * moment / (strength * moment + noise) * sent * 2 * deviation.sqrt()
    torch.testing.assert_close(found.flatten()[:4], expected, rtol=2e-3, atol=1e-4)


def test_a_known_complex_gain_is_undone(generator):
    latent = torch.randn(1, 256, 3, 3, generator=generator)
    lengths = lengths_like(latent, generator)
    encoder, decoder = JSCCEncoder(weights="small"), JSCCDecoder(weights="small")
    plain = through(encoder, decoder, latent, lengths, 15.0)
    turned = through(encoder, decoder, latent, lengths, 15.0, gain=torch.full((1, 3, 3, 128), 0.6 + 0.8j))
    torch.testing.assert_close(plain, turned, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("weights", [None, "small"])
def test_more_noise_is_more_error_and_none_passes_for_silence(photograph, generator, weights):
    tokens = Tokenizer()(image=photograph[:, :, :256, :256]).tokens
    latent = HVVectorizer(weights=weights).eval()(tokens=tokens).latent
    lengths = torch.full((1, 16, 16), 16)
    noise = torch.randn(1, 16, 16, 128, dtype=torch.complex64, generator=generator)
    coder = JSCCEncoder(weights=weights), JSCCDecoder(weights=weights)
    errors = [
        (through(*coder, latent, lengths, snr, noise=noise) - latent).square().mean() for snr in (0.0, 5.0, 10.0, 20.0)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < latent.square().mean()


def test_untrained_blocks_repeat_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    for kind in (HVVectorizer, HVDevectorizer, JSCCEncoder, JSCCDecoder):
        first, second = kind().state_dict(), kind().state_dict()
        assert all(torch.equal(first[key], second[key]) for key in first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_used_vectorizer_can_be_pickled_and_copied(tokens):
    vectorizer = HVVectorizer().train().seed(1)
    vectorizer(tokens=tokens)
    for again in (pickle.loads(pickle.dumps(vectorizer)), copy.deepcopy(vectorizer)):
        assert torch.equal(again.eval()(tokens=tokens).entropy, vectorizer.eval()(tokens=tokens).entropy)


def test_an_snr_beyond_training_gives_numbers(generator):
    latent = torch.randn(1, 256, 2, 2, generator=generator)
    codeword = JSCCEncoder(weights="small")(
        latent=latent, lengths=torch.full((1, 2, 2), 16), snr_db=torch.tensor([torch.inf])
    )
    assert codeword.isfinite().all()


def test_a_lost_fade_gives_numbers():
    lengths, zero = torch.full((1, 2, 2), 8), torch.zeros(1, 2, 2, 8, dtype=torch.complex64)
    decoder = JSCCDecoder(weights="small")
    noise_variance = torch.ones(1, 2, 2, 8)
    found = decoder(received=ReceivedCodeword(zero, zero, noise_variance, lengths, torch.ones(1)))
    assert found.isfinite().all()


def test_calibration_lowers_the_error_of_the_linear_core(photograph, generator):
    tokens = Tokenizer()(image=photograph).tokens
    latent = HVVectorizer().eval()(tokens=tokens).latent
    lengths = lengths_like(latent, generator)
    noise = torch.randn(*lengths.shape, 128, dtype=torch.complex64, generator=generator)
    encoder, decoder = JSCCEncoder(), JSCCDecoder()
    sent = (torch.arange(256) < 2 * lengths[..., None]).movedim(-1, 1)

    def error():
        return (through(encoder, decoder, latent, lengths, 10.0, noise=noise) - latent)[sent].square().mean().item()

    before = error()
    calibrate(encoder, decoder, [latent], [lengths])
    assert error() < 0.9 * before


def test_lengths_outside_the_set_are_named():
    latent, lengths = torch.zeros(1, 256, 1, 1), torch.full((1, 1, 1), 5)
    with pytest.raises(ParameterError, match="got 5"):
        JSCCEncoder()(latent=latent, lengths=lengths, snr_db=torch.zeros(1))


def test_more_uses_than_the_content_asks_for_come_with_more_power(generator):
    latent = torch.randn(1, 256, 4, 4, generator=generator)
    base_rate = torch.full((1, 4, 4), 8)
    lengths = base_rate.clone()
    lengths[0, 0, 0], lengths[0, 3, 3] = 28, 4
    snr = torch.tensor([10.0])
    encoder, decoder = JSCCEncoder(), JSCCDecoder()
    plain = encoder(latent=latent, lengths=lengths, snr_db=snr)
    told = encoder(latent=latent, lengths=lengths, snr_db=snr, base_rate=base_rate)
    ratio = 20 * torch.log10(told.abs().sum(-1) / plain.abs().sum(-1))[0]
    assert ratio[0, 0].item() == pytest.approx(6.0, abs=1e-4)
    assert ratio[3, 3].item() == pytest.approx(-3.0, abs=1e-4)
    assert torch.equal(told[0, 1], plain[0, 1])
    # The receiver is told too: without noise it gets the same latent, boosted or not.
    variance = torch.full(told.shape, 1e-12)
    known = {"noise_variance": variance, "lengths": lengths, "power": torch.ones(1)}
    received = [
        decoder(received=ReceivedCodeword(y, torch.ones_like(y), **known), base_rate=c)
        for y, c in ((plain, None), (told, base_rate))
    ]
    torch.testing.assert_close(received[0], received[1], rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_weight(tokens, generator):
    blocks = [HVVectorizer(), JSCCEncoder(), JSCCDecoder(), HVDevectorizer()]
    for block in blocks:
        block.train()
        for parameter in block.parameters():
            # Zero-initialised tails pass no gradient to what lies before them.
            parameter.data += 0.01 * torch.randn(parameter.shape, generator=generator)
    vectorizer, encoder, decoder, devectorizer = blocks
    seen = vectorizer.seed(1)(tokens=tokens.expand(3, -1, -1, -1))
    lengths = V[torch.arange(seen.entropy.numel()) % len(V)].reshape(seen.entropy.shape)
    latent = through(encoder, decoder, seen.latent, lengths, 8.0, base_rate=lengths.roll(1, 1))
    rebuilt = devectorizer(latent=latent) + devectorizer(latent=seen.quantized)
    (rebuilt.square().mean() + seen.entropy.mean() + seen.hyper_bits.mean()).backward()
    silent = [
        f"{type(block).__name__}.{name}"
        for block in blocks
        for name, parameter in block.named_parameters()
        if not name.endswith("quantiles") and (parameter.grad is None or not parameter.grad.isfinite().all()
                                               or not parameter.grad.any())
    ]  # fmt: skip
    assert silent == []


def test_transformer_blocks_change_nothing_until_they_are_trained(generator):
    latent, snr_db = torch.randn(1, 256, 3, 5, generator=generator), torch.tensor([10.0])
    lengths = lengths_like(latent, generator)
    plain, paper = JSCCEncoder(), JSCCEncoder(transformer_blocks=4)
    sent = plain(latent=latent, lengths=lengths, snr_db=snr_db)
    assert torch.equal(paper(latent=latent, lengths=lengths, snr_db=snr_db), sent)
    assert len(paper.state_dict()) > len(plain.state_dict())
    for block in (paper, JSCCDecoder(transformer_blocks=4)):
        for parameter in block.parameters():
            parameter.data += 0.01 * torch.randn(parameter.shape, generator=generator)
    changed = paper(latent=latent, lengths=lengths, snr_db=snr_db)
    changed.abs().square().sum().backward()
    attention = [p for name, p in paper.named_parameters() if ".transformer." in name]
    assert len(attention) == 4 * 13
    assert all(p.grad is not None and bool(p.grad.any()) for p in attention)
    with pytest.raises(ParameterError, match=r"'transformer_blocks' must be an integer in 0\.\.16 \(got 17\)"):
        JSCCDecoder(transformer_blocks=17)


# -- weights


def test_shipped_weights_are_small_and_have_cards():
    from importlib.resources import files

    folder = files("linksim.blocks.weights")
    assert "small" in shipped_weights()
    for name in shipped_weights():
        assert len(folder.joinpath(f"{name}.safetensors").read_bytes()) <= 20e6
        card = folder.joinpath(f"{name.upper()}.md").read_text()
        assert len(card) > 1500
        assert all(word in card.lower() for word in ("data", "terms", "recipe", "seed", "hours", "results", "limits"))
    blocks = [kind(weights="small") for kind in (HVVectorizer, HVDevectorizer, JSCCEncoder, JSCCDecoder)]
    assert sum(p.numel() for block in blocks for p in block.parameters()) <= 9e6


def test_weights_come_from_a_file_and_misfits_are_named(tmp_path):
    own, path = JSCCEncoder(weights="small"), tmp_path / "own.safetensors"
    write_weights(path, {f"jscc_encoder.{k}": v for k, v in own.state_dict().items()})
    again = JSCCEncoder(weights=str(path))
    assert all(torch.equal(a, b) for a, b in zip(own.state_dict().values(), again.state_dict().values(), strict=True))
    with pytest.raises(WeightsError, match="'own.safetensors' lacks .* of the tensors of 'jscc_decoder'"):
        JSCCDecoder(weights=str(path))
    with pytest.raises(WeightsError, match="did you mean 'small'"):
        JSCCDecoder(weights="smal")
    with pytest.raises(WeightsError, match="no file of weights at"):
        JSCCDecoder(weights=str(tmp_path / "gone.safetensors"))
    with pytest.raises(WeightsError, match="another shape"):
        load_part(torch.nn.Linear(3, 2), str(_linear(tmp_path, 4)), "part")
    with pytest.raises(WeightsError, match="unknown here"):
        load_part(torch.nn.Linear(3, 2, bias=False), str(_linear(tmp_path, 3)), "part")
    path.write_bytes(b"not safetensors")
    with pytest.raises(FileError, match="no file of weights in the safetensors format"):
        JSCCDecoder(weights=str(path))
    with pytest.raises(WeightsError, match="not finite"):
        write_weights(path, {"a": torch.tensor([1e9])})


def _linear(folder, inputs):
    path = folder / f"linear{inputs}.safetensors"
    save_file({f"part.{k}": v for k, v in torch.nn.Linear(inputs, 2).state_dict().items()}, path)
    return path


# -- losses, random rates, mixed fading


def test_weighted_distortion_follows_the_papers_weights(generator):
    original = torch.rand(2, 3, 32, 48, generator=generator)
    image = (original + 0.1 * torch.randn(2, 3, 32, 48, generator=generator)).requires_grad_()
    importance = torch.randint(4, (2, 2, 3), generator=generator)
    found = WeightedDistortion()(image=image, original=original, importance=importance).value
    expected = []
    for b in range(2):
        weights = [2.0 ** int(importance[b, r, c]) for r in range(2) for c in range(3)]
        errors = [
            ((image - original)[b, :, 16 * r : 16 * r + 16, 16 * c : 16 * c + 16] * 255).square().mean().item()
            for r in range(2)
            for c in range(3)
        ]
        expected.append(sum(w * e for w, e in zip(weights, errors, strict=True)) / sum(weights))
    assert found.tolist() == pytest.approx(expected, rel=1e-4)
    found.sum().backward()
    assert image.grad.any()
    equal = WeightedDistortion(exponent=0.0)(image=image, original=original, importance=importance).value
    assert equal.tolist() == pytest.approx(((image - original) * 255).square().mean((1, 2, 3)).tolist(), rel=1e-4)
    fixed = WeightedDistortion()(
        image=image, original=original, importance=importance, mean_weight=torch.tensor([2.0, 4.0])
    ).value
    mean_weight = torch.exp2(importance.double()).mean((1, 2)) / torch.tensor([2.0, 4.0])
    assert fixed.tolist() == pytest.approx((found.detach() * mean_weight).tolist(), rel=1e-4)
    with pytest.raises(DimensionError, match="multiples of 16"):
        WeightedDistortion()(image=image[..., :40], original=original[..., :40])


def test_evenness_counts_pictures_by_their_psnr(generator):
    original = torch.rand(2, 3, 32, 32, generator=generator)
    noise = torch.randn(2, 3, 32, 32, generator=generator) * torch.tensor([0.01, 0.2])[:, None, None, None]
    image = (original + noise).requires_grad_()
    WeightedDistortion(psnr_weighting=1.0)(image=image, original=original).value.sum().backward()
    even, image.grad = image.grad, None
    mse = (image - original).square().mean((1, 2, 3))
    (20 * mse.log()).sum().backward()
    torch.testing.assert_close(even, image.grad, rtol=1e-3, atol=1e-7)
    with pytest.raises(ParameterError, match="'psnr_weighting'"):
        WeightedDistortion(psnr_weighting=2.0)


def test_the_sums_are_equations_13_and_20():
    d, h, r = (Score(torch.tensor(values)) for values in ([80.0, 5.0], [20.0, 10.0], [0.5, 1.0]))
    assert HVLoss(rate_weight=10.0)(distortion=h, rate=r).value.tolist() == [25.0, 20.0]
    assert SystemLoss(rate_weight=10.0)(distortion=d, noiseless_distortion=h, rate=r).value.tolist() == [105.0, 25.0]


def test_bits_per_pixel_passes_gradients():
    entropy = torch.full((2, 2, 3), 128.0, requires_grad=True)
    rate = BitsPerPixel()(entropy=entropy, hyper_bits=torch.tensor([0.0, 768.0])).value
    assert rate.tolist() == [0.5, 1.0]
    rate.sum().backward()
    assert entropy.grad.any()


def test_random_rates_stay_in_the_set_and_about_their_range(generator):
    entropy = 100 * torch.rand(64, 16, 16, generator=generator)
    rate = RandomRateAllocator(least_cbr=0.02, most_cbr=0.06, most_alpha=0.0).train().seed(3)
    lengths = rate(entropy=entropy).lengths
    assert set(lengths.unique().tolist()) <= set(V.tolist())
    cbr = lengths.float().mean((1, 2)) / 768
    assert 0.018 < cbr.min() < 0.03
    assert 0.045 < cbr.max() < 0.065
    assert torch.equal(
        RandomRateAllocator(least_cbr=0.02, most_cbr=0.06, most_alpha=0.0).train().seed(3)(entropy=entropy).lengths,
        lengths,
    )
    # A dim crop keeps its few uses: the mean over what was seen before counts, not its own.
    few = rate(entropy=entropy / 10).lengths.float().mean()
    assert few < lengths.float().mean() / 4
    labelled = (
        RandomRateAllocator(most_alpha=24.0).train().seed(3)(entropy=entropy, importance=torch.full((64, 16, 16), 3))
    )
    plain = RandomRateAllocator(most_alpha=0.0).train().seed(3)(entropy=entropy)
    assert labelled.lengths.float().mean() > plain.lengths.float().mean() + 1
    assert torch.equal(labelled.base_rate, plain.base_rate)
    assert torch.equal(plain.base_rate, plain.lengths)


def test_random_fading_fades_its_share():
    symbols = Symbols(torch.ones(4000, 2, dtype=torch.complex64), torch.full((4000,), 2))
    received = RandomFading(fading_share=0.3).seed(5)(symbols=symbols, snr_db=torch.full((4000,), 10.0))
    fades = received.gain[:, 0] != 1
    assert fades.float().mean().item() == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 4000))
    assert (received.gain[:, 0] == received.gain[:, 1]).all()
    power = received.gain[fades, 0].abs().square().mean().item()
    assert power == pytest.approx(1.0, abs=5 / math.sqrt(fades.sum().item()))
    assert not (RandomFading(fading_share=0.0).seed(5)(symbols=symbols, snr_db=torch.zeros(4000)).gain != 1).any()
