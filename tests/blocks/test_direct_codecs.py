"""DeepJSCC and SwinJSCC: what they are before training, what crosses their ports, and where a start comes from."""

import pytest
import torch

from linksim.blocks import (
    DeepJSCCDecoder,
    DeepJSCCEncoder,
    Detokenizer,
    HVDevectorizer,
    HVVectorizer,
    KLTDevectorizer,
    KLTVectorizer,
    SwinJSCCDecoder,
    SwinJSCCEncoder,
    Tokenizer,
)
from linksim.blocks.jscc import swinjscc
from linksim.blocks.jscc.deepjscc import FIXED_RATES, take_transform, wiener
from linksim.blocks.jscc.swinjscc import MAX_USES, ModNet
from linksim.blocks.jscc.transform_start import power_loading
from linksim.blocks.vectorizer.klt import klt_basis
from linksim.errors import ParameterError, WeightsError
from linksim.types import ReceivedCodeword

CODERS = {
    "deepjscc": (4, DeepJSCCEncoder, DeepJSCCDecoder),
    "swinjscc": (4, SwinJSCCEncoder, SwinJSCCDecoder),
}


def sent(encoder, tokens, lengths, snr_db):
    given = {"snr_db": snr_db} if "snr_db" in encoder.input_ports else {}
    return encoder(tokens=tokens, lengths=lengths, **given)


def arrived(y, noise_variance, lengths):
    """What a deserializer says of symbols that came as they were sent, their power not normalised."""
    noise = torch.full(y.shape, noise_variance)
    return ReceivedCodeword(y, torch.ones_like(y), noise, lengths, torch.ones(len(y)))


def through(name, image, uses):
    """The picture after an untrained coder and decoder, no noise between, power not normalised."""
    token, encoder, decoder = CODERS[name]
    tokens, size = Tokenizer(token=token)(image=image)
    lengths = torch.full((len(image), *(-(-edge // 16) for edge in image.shape[2:])), uses)
    y = sent(encoder(), tokens, lengths, torch.full((len(image),), 10.0))
    rebuilt = decoder()(received=arrived(y, 1e-6, lengths))
    return Detokenizer()(tokens=rebuilt, size=size)


def klt_of(image, dimensions):
    """The picture from its first KLT dimensions alone."""
    tokens, size = Tokenizer(token=4)(image=image)
    latent = KLTVectorizer()(tokens=tokens).latent
    latent = torch.where(torch.arange(latent.shape[1])[:, None, None] < dimensions, latent, 0.0)
    return Detokenizer()(tokens=KLTDevectorizer()(latent=latent), size=size)


@pytest.mark.parametrize("uses", [1, 16, 64])
def test_untrained_swinjscc_is_a_klt_with_power_loading(photograph, uses):
    image = photograph[:, :, :96, :112]
    torch.testing.assert_close(through("swinjscc", image, uses), klt_of(image, 2 * uses), atol=2e-3, rtol=0)


@pytest.mark.parametrize("uses", [16, 64])
def test_untrained_deepjscc_is_a_klt_shrunk_for_10_db(photograph, uses):
    image = photograph[:, :, :96, :112]
    difference = through("deepjscc", image, uses) - klt_of(image, 2 * uses)
    # Wiener weights for 10 dB take a little from every dimension, whatever the noise.
    assert 0 < difference.square().mean() < 1e-3


def test_the_wiener_weights_of_deepjscc_are_those_for_10_db(generator):
    """Of a KLT latent of the usual variances, sent loaded at unit power with complex noise of 0.1."""
    variance = klt_basis()[1][:32]
    latent = variance.sqrt() * torch.randn(4000, 32, generator=generator)
    loaded = latent * power_loading(32)
    # Two real dimensions a use share its power 1 and its noise 0.1.
    power_per_use = 2 * loaded.square().mean()
    noise = (power_per_use * 0.1 / 2).sqrt() * torch.randn(loaded.shape, generator=generator)

    def scaled(factor):
        return ((loaded + noise) * wiener(16) * factor - latent).square().sum(1).mean().item()

    assert scaled(1.0) < min(scaled(0.97), scaled(1.03))
    best = (latent * (loaded + noise)).mean(0) / (loaded + noise).square().mean(0)
    torch.testing.assert_close(wiener(16), best, rtol=0.08, atol=0)


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 50), (96, 33)])
def test_any_size_and_pictures_of_a_batch_do_not_mix(photograph, name, height, width):
    images = torch.cat([photograph[:, :, i : i + height, i : i + width] for i in (0, 100)])
    both = through(name, images, 16)
    assert both.shape == images.shape
    alone = torch.cat([through(name, images[i : i + 1], 16) for i in range(2)])
    torch.testing.assert_close(both, alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CODERS)
def test_gradients_reach_every_weight_that_is_used(photograph, name, generator):
    token, encoder, decoder = CODERS[name]
    encoder, decoder = encoder(), decoder()
    for module in (encoder, decoder):
        for parameter in module.parameters():
            # What starts at zero would hide what lies before it.
            torch.nn.init.normal_(parameter, std=0.02, generator=generator)
    tokens, _ = Tokenizer(token=token)(image=photograph[:, :, :128, :128])
    lengths = torch.full((1, 8, 8), 32)
    y = sent(encoder, tokens, lengths, torch.tensor([5.0]))
    out = decoder(received=arrived(y, 0.3, lengths))
    (out - tokens).square().mean().backward()
    without = [
        key
        for module in (encoder, decoder)
        for key, p in module.named_parameters()
        if p.grad is None or not p.grad.any()
    ]
    others = {f".{uses}." for uses in FIXED_RATES if uses != 32} if name == "deepjscc" else set()
    assert [key for key in without if not any(part in key for part in others)] == []


def test_swinjscc_sends_a_prefix_and_nothing_past_k(photograph):
    tokens, _ = Tokenizer(token=4)(image=photograph[:, :, :32, :48])
    encoder = SwinJSCCEncoder()
    lengths = torch.tensor([[[1, 5, 64], [8, 3, 20]]])
    y = encoder(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0]))
    assert y.shape[-1] == MAX_USES
    assert torch.equal((y != 0).sum(-1), lengths)


def test_modulation_is_the_identity_at_the_start_and_heeds_its_condition_later(generator):
    net = ModNet(12)
    x = torch.randn(2, 12, 3, 5, generator=generator)
    torch.testing.assert_close(net(x, torch.rand(2, 3, 5, generator=generator)), x)
    torch.nn.init.normal_(net.last.weight, generator=generator)
    low, high = (net(x, torch.full((2, 3, 5), value)) for value in (-1.0, 1.0))
    assert not torch.allclose(low, high)
    gates = low / x
    assert bool(((gates >= 0) & (gates <= 2)).all())


def test_lengths_that_do_not_fit_are_named(photograph):
    tokens, _ = Tokenizer(token=4)(image=photograph[:, :, :32, :32])
    for lengths, message in (
        (torch.tensor([[[16, 16], [16, 32]]]), "one value of V"),
        (torch.full((1, 2, 2), 17), "got \\[17\\]"),
    ):
        with pytest.raises(ParameterError, match=message):
            DeepJSCCEncoder()(tokens=tokens, lengths=lengths)
    tokens, _ = Tokenizer(token=4)(image=photograph[:, :, :32, :32])
    with pytest.raises(ParameterError, match="at most 64 complex uses \\(got 65\\)"):
        SwinJSCCEncoder()(tokens=tokens, lengths=torch.full((1, 2, 2), 65), snr_db=torch.tensor([10.0]))


@pytest.fixture(scope="module")
def start(photograph):
    """A picture's tokens, what SA-OOSC's vectorizer makes of them, and what it rebuilds of the first 128 dimensions."""
    tokens, _ = Tokenizer(token=4)(image=photograph[:, :, :96, :112])
    with torch.no_grad():
        latent = HVVectorizer(weights="small").eval()(tokens=tokens).latent[:, :128]
        whole = HVDevectorizer(weights="small")(latent=torch.nn.functional.pad(latent, (0, 0, 0, 0, 0, 128)))
    return tokens, latent, whole


@torch.no_grad()
def test_deepjscc_starts_from_the_transform_of_sa_oosc(start):
    """Without noise what it rebuilds is what that codec makes of the first channels of its latent, shrunk for 10 dB."""
    tokens, latent, whole = start
    encoder, decoder = DeepJSCCEncoder(), DeepJSCCDecoder()
    take_transform(encoder, decoder, "small")
    lengths = torch.full((1, 6, 7), 64)
    y = encoder(tokens=tokens, lengths=lengths)
    sent_dimensions = torch.view_as_real(y).flatten(-2).movedim(-1, 1)
    # One gain a dimension, the same for all patches.
    gain = (sent_dimensions * latent).sum((2, 3), keepdim=True) / latent.square().sum((2, 3), keepdim=True)
    torch.testing.assert_close(sent_dimensions, gain * latent, rtol=0, atol=1e-4 * float(sent_dimensions.abs().max()))
    rebuilt = decoder(received=arrived(y, 0.0, lengths))
    assert (rebuilt - whole).square().mean() < 0.2 * (whole - tokens.mean()).square().mean()
    with pytest.raises(WeightsError, match="the weights 'student' hold no 'vectorizer'"):
        take_transform(encoder, decoder, "student")


@torch.no_grad()
def test_swinjscc_starts_as_sa_oosc_s_transform(start):
    """Without noise it is that transform on the first channels: attention and gates change nothing yet."""
    tokens, _, whole = start
    encoder, decoder = SwinJSCCEncoder(), SwinJSCCDecoder()
    swinjscc.take_transform(encoder, decoder, "small")
    lengths = torch.full((1, 6, 7), 64)
    y = encoder(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0]))
    rebuilt = decoder(received=arrived(y, 1e-9, lengths))
    torch.testing.assert_close(rebuilt, whole, rtol=0, atol=1e-3)
