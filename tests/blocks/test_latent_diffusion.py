"""Stable Diffusion's networks as the two ends of a link: loaded from a folder, begun at the channel's noise."""

from types import SimpleNamespace

import pytest
import torch
from tiny_models import save_tiny_diffusion

from linksim.blocks import LatentDiffusionDecoder, LatentDiffusionEncoder
from linksim.blocks.generative.latent_diffusion import _steps
from linksim.errors import LinksimError, ParameterError
from linksim.flowgraphs import caption_stream, sgdjscc
from linksim.flowgraphs.parts import IdealHeader, LatentDiffusionCodec
from linksim.types import ReceivedCodeword, Text


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    place, edges = tmp_path_factory.mktemp("diffusion"), tmp_path_factory.mktemp("edges")
    return str(save_tiny_diffusion(place, halvings=3, edges=edges)), str(edges)


def pixels() -> torch.Tensor:
    return torch.rand(1, 3, 48, 80, generator=torch.Generator().manual_seed(1))


def arrived(codeword: torch.Tensor, variance: float) -> ReceivedCodeword:
    """Symbols over AWGN, and what a receiver knows of them."""
    lengths = torch.full(codeword.shape[:3], 8)
    power = codeword.abs().square().sum((1, 2, 3)) / lengths.sum((1, 2))
    noise = torch.randn(codeword.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(2))
    noisy = codeword / power.sqrt()[:, None, None, None] + variance**0.5 * noise
    return ReceivedCodeword(noisy, torch.ones_like(noisy), torch.full(noisy.shape, variance), lengths, power)


def test_without_noise_the_latent_is_the_autoencoders(models):
    from diffusers import AutoencoderKL

    codeword = LatentDiffusionEncoder(model=models[0])(tokens=pixels(), lengths=torch.full((1, 3, 5), 8))
    assert codeword.shape == (1, 3, 5, 8)
    autoencoder = AutoencoderKL.from_pretrained(models[0], subfolder="vae").eval()
    with torch.no_grad():
        latent = autoencoder.encode(2 * pixels() - 1).latent_dist.mean * autoencoder.config.scaling_factor
    # Two by two places of four channels are a patch; two real numbers are a symbol.
    patch = latent[0, :, 2:4, 4:6].reshape(-1)
    assert torch.allclose(torch.view_as_real(codeword[0, 1, 2]).reshape(-1), patch, atol=1e-5)


@pytest.mark.parametrize("with_edges", [False, True])
def test_the_decoder_gives_a_picture_and_is_guided(models, with_edges):
    state = torch.random.get_rng_state()
    codeword = LatentDiffusionEncoder(model=models[0])(tokens=pixels(), lengths=torch.full((1, 3, 5), 8))
    decoder = LatentDiffusionDecoder(model=models[0], edge_model=models[1] if with_edges else "", steps=3)
    received, edges = arrived(codeword, 0.5), pixels()[..., :12, :20]
    plain = decoder(received=received)
    assert plain.shape == (1, 3, 48, 80)
    assert 0 <= float(plain.min()) < float(plain.max()) <= 1
    assert torch.equal(plain, decoder(received=received))
    assert not torch.equal(plain, decoder(received=received, text=Text.of(["a dog"])))
    assert torch.equal(plain, decoder(received=received, edges=edges)) != with_edges
    assert torch.equal(torch.random.get_rng_state(), state)


def exact(prediction: str, seen: list[float]) -> SimpleNamespace:
    """A pipeline whose network knows that latents are independent numbers of variance 1."""
    alphas = torch.linspace(0.9999, 0.0005, 1000)

    def network(x, time, encoder_hidden_states):  # noqa: ARG001
        alpha = alphas[time]
        seen.append(float(alpha))
        # E[noise | x] and E[v | x] of x = sqrt(alpha) clean + sqrt(1 - alpha) noise.
        guess = (1 - alpha).sqrt() * x if prediction == "epsilon" else torch.zeros_like(x)
        return SimpleNamespace(sample=guess)

    network.dtype = torch.float32
    return SimpleNamespace(
        scheduler=SimpleNamespace(alphas_cumprod=alphas, config=SimpleNamespace(prediction_type=prediction)),
        unet=network,
        vae=SimpleNamespace(device="cpu"),
        encode_prompt=lambda *_, **__: (torch.zeros(1, 4, 8), torch.zeros(1, 4, 8)),
    )


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_steps_begin_at_the_channels_noise_and_follow_the_exact_path(prediction):
    seen: list[float] = []
    noisy = torch.randn(1, 4, 6, 10, generator=torch.Generator().manual_seed(3)) * 2**0.5
    found = _steps(exact(prediction, seen), noisy, 1.0, "", None, 200)
    assert seen[0] == pytest.approx(0.5, abs=1e-3)
    assert seen == sorted(seen)
    # Of unit variance at every step, such latents stay where they are.
    assert found.shape == noisy.shape
    assert torch.allclose(found, noisy / 2**0.5, atol=0.02)


def test_a_sentence_pushes_from_none_to_it():
    pipeline = exact("epsilon", [])
    plain = _steps(pipeline, torch.ones(1, 4, 8, 8), 1.0, "", None, 4)
    pushed = _steps(pipeline, torch.ones(1, 4, 8, 8), 1.0, "a dog", None, 4)
    # Both predictions are the same here, so that no push is left.
    assert torch.allclose(plain, pushed, atol=1e-5)


def test_it_is_the_codec_of_a_link_at_its_one_rate(models):
    codec = LatentDiffusionCodec(models[0], edge_model=models[1], steps=2)
    link = sgdjscc(codec=codec, target_cbr_total=1 / 24, header=IdealHeader(), caption_link=caption_stream())
    run = link.run(image=torch.rand(1, 3, 50, 70), text=Text.of(["a dog"]), snr_db=8.0, seed=1)
    assert run["image"].shape == (1, 3, 50, 70)
    assert int(run["ledger"].payload) == 4 * 5 * 8
    lost = sgdjscc(codec=LatentDiffusionCodec(models[0], steps=2), edges=False).run(
        image=torch.rand(1, 3, 50, 70), snr_db=-20.0, seed=1
    )
    assert lost["erased"].tolist() == [True]
    assert lost["image"].eq(0.5).all()


def test_what_cannot_be_used_is_named(models, tmp_path):
    with pytest.raises(ParameterError, match="steps"):
        LatentDiffusionDecoder(steps=0)
    with pytest.raises(ParameterError, match="lengths"):
        LatentDiffusionEncoder(model=models[0])(tokens=pixels(), lengths=torch.full((1, 3, 5), 9))
    tokens, lengths = pixels(), torch.full((1, 3, 5), 8)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LinksimError, match="cannot be loaded"):
        LatentDiffusionEncoder(model=str(tmp_path / "empty"))(tokens=tokens, lengths=lengths)
    (tmp_path / "other").mkdir()
    other = save_tiny_diffusion(tmp_path / "other", halvings=1)
    with pytest.raises(LinksimError, match="4 channels at 1/8 .* at 1/2"):
        LatentDiffusionEncoder(model=str(other))(tokens=tokens, lengths=lengths)
