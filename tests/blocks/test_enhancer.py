import numpy as np
import pytest
import torch
from torch import nn

from linksim.blocks import PSNR, CodedTrainingCrops, PictureDecoder, PictureEncoder, PictureEnhancer
from linksim.blocks.picture_codecs.enhancer import CHANGE
from linksim.blocks.sources.coded_crops import coded
from linksim.errors import ParameterError, WeightsError
from linksim.types import PATCH


@pytest.fixture(scope="module")
def crop(photograph):
    return photograph[..., :192, :256]


def patches_of(image):
    return -(-image.shape[2] // PATCH), -(-image.shape[3] // PATCH)


def details(image, bits_per_pixel=0.2):
    return torch.full((len(image), *patches_of(image)), bits_per_pixel)


def moved(enhancer):
    """The same with weights that change pictures."""
    with torch.no_grad():
        for parameter in enhancer.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return enhancer


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (160, 224), (48, 400)])
def test_untrained_it_changes_nothing_at_any_size(size, photograph):
    image = photograph[..., : size[0], : size[1]]
    assert torch.equal(PictureEnhancer(weights=None)(image=image, detail=details(image)), image)


def test_it_is_as_small_as_it_says():
    enhancer, image = PictureEnhancer(weights=None), torch.zeros(1, 3, 256, 256)
    spent = []
    for layer in enhancer.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(
                lambda layer, _, out: spent.append(layer.weight.numel() * out.shape[2] * out.shape[3])
            )
    enhancer(image=image, detail=details(image))
    assert sum(spent) / 256**2 <= 12_000
    assert sum(p.numel() for p in enhancer.parameters()) <= 500_000


@pytest.mark.parametrize("codec", ["avif", "heif"])
@pytest.mark.parametrize("bits_per_pixel", [0.3, 0.8])
def test_trained_it_gains_on_a_photograph_that_it_has_not_seen(codec, bits_per_pixel, crop):
    budget = torch.tensor([int(bits_per_pixel * crop[0, 0].numel())])
    bits = PictureEncoder(codec=codec)(image=crop, budget=budget).bits
    shown = PictureDecoder(codec=codec)(bits=bits, good=budget, size=torch.tensor([crop.shape[2:]]))
    better = PictureEnhancer()(image=shown.image, detail=shown.detail)
    before, after = (float(PSNR()(image=each.clamp(0, 1), original=crop).value) for each in (shown.image, better))
    assert after > before


def test_a_batch_gives_what_its_pictures_give_alone(crop):
    enhancer = moved(PictureEnhancer(weights=None))
    images = torch.cat([crop, crop.flip(3)])
    detail = torch.cat([details(crop, 0.1), details(crop, 1.5)])
    together = enhancer(image=images, detail=detail)
    for i in range(2):
        alone = enhancer(image=images[i : i + 1], detail=detail[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-5)


def test_patches_that_did_not_arrive_stay_as_they_are(crop):
    detail = details(crop)
    detail[:, :3, :4] = 0
    out = moved(PictureEnhancer(weights=None))(image=crop, detail=detail)
    assert torch.equal(out[..., : 3 * PATCH, : 4 * PATCH], crop[..., : 3 * PATCH, : 4 * PATCH])
    assert float((out - crop)[..., 3 * PATCH :, :].abs().mean()) > 1e-4 * CHANGE


def test_it_heeds_bits_and_importance(crop):
    enhancer = moved(PictureEnhancer(weights=None))
    plain = enhancer(image=crop, detail=details(crop))
    labels = torch.zeros(1, *patches_of(crop), dtype=torch.int64)
    assert torch.equal(enhancer(image=crop, detail=details(crop), importance=labels), plain)
    assert not torch.equal(enhancer(image=crop, detail=details(crop), importance=labels + 3), plain)
    assert not torch.equal(enhancer(image=crop, detail=details(crop, 2.0)), plain)


def test_gradients_reach_picture_and_weights(crop):
    enhancer, image = moved(PictureEnhancer(weights=None)), crop.clone().requires_grad_()
    enhancer(image=image, detail=details(crop)).square().sum().backward()
    assert image.grad is not None
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in enhancer.parameters())


def test_weights_of_something_else_are_refused():
    with pytest.raises(WeightsError, match="enhancer"):
        PictureEnhancer(weights="small")


def test_bits_per_pixel_of_regions_add_up_to_the_stream(crop):
    """Over all tiles the bits that the receiver counts are those of the codec's streams."""
    importance = torch.zeros(1, *patches_of(crop), dtype=torch.int64)
    importance[:, :4, :8] = 3
    budget = torch.tensor([60_000])
    bits = PictureEncoder(region_gain=2.0)(image=crop, budget=budget, importance=importance).bits
    size = torch.tensor([crop.shape[2:]])
    shown = PictureDecoder()(bits=bits, good=budget, size=size)
    important, rest = shown.detail[0, 0, 0], shown.detail[0, -1, -1]
    assert shown.detail.unique().tolist() == sorted({float(important), float(rest)})
    # Heads and the room that no quality fills exactly.
    assert 0.9 * 60_000 < float(shown.detail.sum()) * PATCH**2 <= 60_000
    first = PictureDecoder()(bits=bits, good=budget // 2 + 8000, size=size)
    assert float(first.detail[0, 0, 0]) == float(important)
    assert float(first.detail[0, -1, -1]) in {0.0, float(rest)}


def test_coded_crops_depend_on_the_seed_alone(crop, tmp_path):
    from PIL import Image

    pixels = (crop[0].movedim(0, -1) * 255).byte().numpy()
    for name in ("a", "b"):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    settings = {"folders": (str(tmp_path),), "crop": 64, "pool": 6}
    first, again = (CodedTrainingCrops(**settings).seed(3)(batch=4) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(first.image, first.original)
    assert bool((first.detail >= 0).all())
    with pytest.raises(ParameterError, match="'pool' must be at least 1"):
        CodedTrainingCrops(folders=(str(tmp_path),), pool=0)


def test_levels_show_their_own_quality_and_bits(crop):
    pixels = (crop[0].movedim(0, -1) * 255).round().byte().numpy()
    labels = np.zeros(patches_of(crop), np.int64)
    labels[2:6, 2:8] = 2
    seen = {"whole": 0, "levels": 0}
    for seed in range(12):
        shown, known = coded(pixels, labels, np.random.default_rng(seed))
        assert shown.pixels.shape == pixels.shape
        assert bool((shown.detail > 0).all())
        seen["levels" if known.any() else "whole"] += 1
        if not known.any():
            assert len(np.unique(shown.detail)) == 1
    assert min(seen.values()) > 0
