"""The diffusion model of received latents: closed forms, what guides it, the noise it estimates."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from linksim.blocks import EdgeMap, LatentDenoiser, SGDJSCCDecoder, SGDJSCCEncoder, SwinJSCCEncoder, Tokenizer
from linksim.blocks.generative.latent_denoiser import DIMENSIONS, LAST_LEVEL
from linksim.blocks.generative.sgdjscc import with_estimated_noise
from linksim.errors import ParameterError, WeightsError
from linksim.types import ReceivedCodeword, Text


def received(variance: float = 0.2, batch: int = 2, uses: int = 16, seed: int = 0, gain: complex = 1.0):
    """Symbols of power 1 after a channel with one gain."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, 6, 8, uses)
    sent, noise = (torch.randn(shape, dtype=torch.complex64, generator=generator) for _ in range(2))
    sent = sent / sent.abs().square().mean((1, 2, 3), keepdim=True).sqrt()
    gains = torch.full(shape, gain, dtype=torch.complex64)
    lengths = torch.full(shape[:3], uses)
    return ReceivedCodeword(
        gains * sent + variance**0.5 * noise, gains, torch.full(shape, variance), lengths, torch.full((batch,), 0.3)
    )


@pytest.fixture
def denoiser():
    """A network that does something, though it was never trained."""
    made = LatentDenoiser(weights=None)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return made


@pytest.mark.parametrize("size", [(64, 96), (61, 50), (1, 1)])
def test_edges_are_the_mean_length_of_sobels_gradient(size):
    image = torch.from_numpy(data.astronaut()[: size[0], : size[1]].copy()).movedim(-1, 0)[None].double() / 255
    found = EdgeMap()(image=image.float())
    assert found.shape == (1, 3, -(-size[0] // 4), -(-size[1] // 4))
    luma = np.einsum("c,chw->hw", [0.299, 0.587, 0.114], image[0].numpy())
    strength = np.hypot(ndimage.sobel(luma, 0, mode="nearest"), ndimage.sobel(luma, 1, mode="nearest"))
    rows, cols = found.shape[2:]
    for row, col in ((0, 0), (rows - 1, cols - 1), (rows // 2, cols // 2)):
        piece = np.minimum(strength / 2, 1)[4 * row : 4 * row + 4, 4 * col : 4 * col + 4]
        assert float(found[0, 1, row, col]) == pytest.approx(piece.mean(), abs=1e-4)


def test_a_flat_picture_has_no_edges_and_a_gradient():
    image = torch.full((1, 3, 16, 16), 0.4, requires_grad=True)
    edges = EdgeMap()(image=image)
    assert float(edges.detach().abs().max()) < 1e-5
    edges.sum().backward()
    assert image.grad is not None
    assert bool(image.grad.isfinite().all())


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_untrained_steps_are_those_of_a_gaussian_latent(steps):
    given = received()
    variance = LatentDenoiser(weights=None).get_buffer("variance")[:32]
    symbols = torch.view_as_real(given.codeword).flatten(-2)
    noise, expected = 0.2 / 2 * 0.3, symbols * 0.3**0.5
    shares = [LAST_LEVEL ** (1 / max(steps - 1, 1))] * (steps - 1) + [0.0]
    for share in shares:
        # x' = E[x] + sqrt(share) (x - E[x]), E[x] = x v / (v + n).
        expected = expected * (variance + share**0.5 * noise) / (variance + noise)
        noise *= share
    found = LatentDenoiser(weights=None, steps=steps)(received=given)
    mine = torch.view_as_real(found.codeword).flatten(-2)
    assert torch.allclose(mine[..., :32], expected / 0.3**0.5, atol=1e-5)
    assert found.codeword.shape[-1] == DIMENSIONS // 2
    assert not found.codeword[..., 16:].any()
    assert found.gain[..., :16].real.eq(1).all()
    assert found.noise_variance[..., 16:].eq(1).all()


def test_without_noise_nothing_changes(denoiser):
    given = received(variance=1e-9)
    found = denoiser(received=given)
    assert torch.allclose(found.codeword[..., :16], given.codeword, atol=1e-3)


def test_what_it_is_told_counts_and_each_picture_by_itself(denoiser):
    given = received()
    text, edges = Text.of(["a dog on a bench", ""]), torch.rand(2, 3, 24, 32)
    plain = denoiser(received=given).codeword
    none = denoiser(received=given, edges=torch.full((2, 3, 24, 32), 0.5), text=Text.of(["", ""])).codeword
    assert torch.allclose(plain, none, atol=1e-6)
    guided = denoiser(received=given, edges=edges, text=text).codeword
    assert not torch.allclose(plain[0], guided[0], atol=1e-4)
    assert not torch.allclose(plain, denoiser(received=given, text=Text.of(["a dog", "a cat"])).codeword, atol=1e-5)
    one = ReceivedCodeword(*(getattr(given, name)[:1] for name in
                             ("codeword", "gain", "noise_variance", "lengths", "power")))  # fmt: skip
    alone = denoiser(received=one, edges=edges[:1], text=Text.of(["a dog on a bench"])).codeword
    assert torch.allclose(alone, guided[:1], atol=1e-5)


@pytest.mark.parametrize("size", [(24, 32), (21, 30), (1, 1), (30, 40)])
def test_edges_of_any_size_are_fitted_to_the_patches(denoiser, size):
    found = denoiser(received=received(), edges=torch.rand(2, 3, *size))
    assert found.codeword.shape == (2, 6, 8, 64)


def test_gradients_pass_and_a_lost_frame_is_finite(denoiser):
    given = received()
    given.codeword.requires_grad_()
    denoiser(received=given).codeword.abs().sum().backward()
    assert given.codeword.grad is not None
    assert bool(torch.view_as_real(given.codeword.grad).isfinite().all())
    nothing = ReceivedCodeword(
        torch.zeros(1, 2, 2, 4) + 0j, torch.zeros(1, 2, 2, 4) + 0j, torch.ones(1, 2, 2, 4),
        torch.zeros(1, 2, 2, dtype=torch.int64), torch.ones(1),
    )  # fmt: skip
    assert bool(SGDJSCCDecoder(weights=None)(received=nothing).isfinite().all())


@pytest.mark.parametrize("gain", [1.0, 1.2 - 0.9j])
@pytest.mark.parametrize("variance", [0.05, 0.5, 2.0])
def test_the_noise_is_estimated_from_the_symbols(gain, variance):
    given = received(variance=variance, batch=200, gain=gain)
    told = torch.ones_like(given.noise_variance)
    blind = ReceivedCodeword(given.codeword, given.gain, told, given.lengths, given.power)
    found = with_estimated_noise(blind).noise_variance[:, 0, 0, 0]
    # The power of the noise, and twice the real part of signal times noise, over 768 uses.
    deviation = (variance**2 + 2 * variance * abs(gain) ** 2) ** 0.5 / 768**0.5
    assert float(found.mean()) == pytest.approx(variance, abs=3 * deviation / 200**0.5)
    assert float(found.std()) == pytest.approx(deviation, rel=0.2)


def test_the_estimate_stays_in_its_range_and_keeps_the_shape_over_the_symbols():
    given = received(variance=1e-7)
    shape = torch.linspace(1, 3, 16).expand(given.codeword.shape)
    found = with_estimated_noise(
        ReceivedCodeword(given.codeword, given.gain, shape, given.lengths, given.power)
    ).noise_variance
    assert torch.allclose(found / found[..., :1], shape / shape[..., :1])
    assert float(found.mean()) == pytest.approx(10**-2.5, rel=1e-4)


def test_the_latent_knows_nothing_of_the_channel():
    picture = torch.from_numpy(data.astronaut()[:64, :96].copy()).movedim(-1, 0)[None].float() / 255
    tokens, lengths = Tokenizer(token=4)(image=picture).tokens, torch.full((1, 4, 6), 16)
    mine = SGDJSCCEncoder()(tokens=tokens, lengths=lengths)
    known = SwinJSCCEncoder(weights="swinjscc_noisy")(tokens=tokens, lengths=lengths, snr_db=torch.tensor([15.0]))
    assert "snr_db" not in SGDJSCCEncoder().input_ports
    assert torch.equal(mine, known)


def test_bad_settings_are_named():
    with pytest.raises(ParameterError, match="steps"):
        LatentDenoiser(steps=0, weights=None)
    with pytest.raises(WeightsError, match="latent_denoiser"):
        LatentDenoiser(weights="small")
