"""Pictures in layers: allocation is optimal, every layer comes back, what is missing is filled, errors are clear."""

import io
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from linksim.blocks import (
    AWGN,
    LayerAdaptation,
    LayerControlDecoder,
    LayerControlEncoder,
    LayeredPictureDecoder,
    LayeredPictureEncoder,
    LayerTransportDecoder,
    LayerTransportEncoder,
)
from linksim.blocks.layers.allocation import Point, allocate, lower_hull
from linksim.blocks.layers.control import CONTROL_USES
from linksim.blocks.layers.layout import LAYERS, bits_in, uses_for
from linksim.blocks.layers.region import extended, pixels_of
from linksim.blocks.picture_codecs.codecs import find_codec
from linksim.blocks.transport.mcs import schemes
from linksim.errors import LinksimError, ParameterError


@pytest.fixture(scope="module")
def crop(photograph):
    """An odd size: 11 by 15 patches, the last ones not whole."""
    return photograph[..., 64:239, 32:266]


@pytest.fixture(scope="module")
def labels():
    found = torch.zeros(1, 11, 15, dtype=torch.int64)
    found[0, 2:7, 3:9], found[0, 4:6, 4:6], found[0, 8:10, 11:14] = 2, 3, 1
    return found


def coded(crop, labels, uses=12_000, scheme=10, **settings):
    scheme = torch.full((len(crop), LAYERS), scheme)
    settings = {"codec": "jpeg", **settings}
    encoder = LayeredPictureEncoder(**settings)
    total = torch.full((len(crop),), uses)
    return encoder(image=crop, layer_scheme=scheme, total_uses=total, importance=labels), scheme


def decoded(out, size, lost=(), codec="jpeg"):
    good = torch.full(out.layer_uses.shape, out.layer_bits.shape[2])
    for layer in lost:
        good[:, layer] = 0
    size = torch.tensor([size] * len(good))
    return LayeredPictureDecoder(codec=codec)(layer_bits=out.layer_bits, layer_good=good, size=size)


def psnr(image, original, where=None):
    error = (image - original).square()
    error = error if where is None else error[..., where]
    return float(-10 * error.mean().log10())


# -- allocation


def random_layers(chance):
    layers = []
    for _ in range(3):
        uses = np.concatenate([[0], np.sort(chance.choice(np.arange(1, 200), 5, replace=False))])
        layers.append([Point(int(u), float(e)) for u, e in zip(uses, np.sort(chance.random(6))[::-1], strict=True)])
    return layers


def test_the_hull_is_convex_and_under_every_point():
    chance = np.random.default_rng(1)
    for _ in range(50):
        points = random_layers(chance)[0]
        hull = lower_hull(points)
        slopes = [(a.error - b.error) / (b.uses - a.uses) for a, b in pairwise(hull)]
        assert slopes == sorted(slopes, reverse=True)
        assert all(slope > 0 for slope in slopes)
        for point in points:
            line = np.interp(point.uses, [p.uses for p in hull], [p.error for p in hull])
            assert point.error >= line - 1e-12


def test_no_other_choice_of_the_same_cost_has_less_error():
    chance = np.random.default_rng(2)
    steps_were_refused = 0
    for _ in range(40):
        layers = random_layers(chance)
        for budget in (0, 60, 150, 300, 1000):
            chosen = allocate(layers, budget)
            spent, error = sum(p.uses for p in chosen), sum(p.error for p in chosen)
            assert spent <= budget
            best = min(sum(p.error for p in c) for c in product(*layers) if sum(p.uses for p in c) <= budget)
            steps_were_refused += error > best + 1e-12
            # Where nothing was refused, the steps taken are the steepest of all: then there is nothing better.
            if budget == 1000:
                assert error == pytest.approx(best)
            hulls = [lower_hull(points) for points in layers]
            relaxed = _relaxed_optimum(hulls, budget)
            assert error >= relaxed - 1e-12
            worst_step = max(a.error - b.error for hull in hulls for a, b in pairwise(hull))
            assert error <= relaxed + worst_step
    assert steps_were_refused


def _relaxed_optimum(hulls, budget):
    """The least error if a step could be taken in part: a bound from below for every choice."""
    error = sum(hull[0].error for hull in hulls)
    steps = [(b.uses - a.uses, a.error - b.error) for hull in hulls for a, b in pairwise(hull)]
    for uses, gain in sorted(steps, key=lambda step: -step[1] / step[0]):
        share = min(1.0, budget / uses)
        error, budget = error - share * gain, budget - share * uses
    return error


@pytest.mark.parametrize("scheme", [0, 4, 10, 27])
def test_uses_are_the_fewest_that_carry_the_bytes(scheme):
    for size in (1, 7, 100, 999, 20_000):
        uses = uses_for(size, scheme)
        assert bits_in(uses, scheme) >= 8 * size
        assert bits_in(uses - 1, scheme) < 8 * size
    assert uses_for(0, scheme) == 0


# -- regions


def test_what_is_outside_continues_what_is_inside(crop):
    pixels = (crop[0, :, :160, :224] * 255).round().byte().movedim(0, -1).numpy()
    mask = np.zeros((10, 14), bool)
    mask[3:6, 5:9], mask[8, 1] = True, True
    filled, inside = extended(pixels, mask), pixels_of(mask)
    assert (filled[inside] == pixels[inside]).all()
    for channel in range(3):
        there = pixels[inside][:, channel]
        assert filled[..., channel].min() >= there.min()
        assert filled[..., channel].max() <= there.max()
    assert (extended(pixels, np.ones_like(mask)) == pixels).all()
    # What was outside leaves no trace: it is not paid for.
    other = np.where(inside[..., None], pixels, 255 - pixels)
    assert (extended(other, mask) == filled).all()


# -- pictures


@pytest.mark.parametrize("codec", ["jpeg", "avif", "webp"])
def test_everything_arrives_and_what_matters_is_better(codec, crop, labels):
    out, _ = coded(crop, labels, codec=codec)
    assert out.fits.tolist() == [True]
    assert int(out.layer_uses.sum()) <= 12_000
    found = decoded(out, crop.shape[2:], codec=codec)
    assert found.image.shape == crop.shape
    assert found.lost.tolist() == [False]
    where = torch.from_numpy(pixels_of(labels[0].numpy() > 0))[: crop.shape[2], : crop.shape[3]]
    assert psnr(found.image, crop, where) > psnr(found.image, crop, ~where) + 2


def test_more_uses_show_more(crop, labels):
    quality = [psnr(decoded(coded(crop, labels, uses)[0], crop.shape[2:]).image, crop) for uses in (6000, 9000, 16_000)]
    assert quality == sorted(quality)
    assert quality[-1] > quality[0] + 1


def test_a_level_that_is_lost_shows_the_base_and_the_others_stay(crop, labels):
    out, _ = coded(crop, labels, base_share=0.1, codec="avif")
    whole, base = (
        decoded(out, crop.shape[2:], codec="avif"),
        decoded(out, crop.shape[2:], lost=(1, 2, 3, 4), codec="avif"),
    )
    assert base.lost.tolist() == [False]
    for layer, level in ((1, 3), (2, 2), (3, 1), (4, 0)):
        less = decoded(out, crop.shape[2:], lost=(layer,), codec="avif").image
        where = torch.from_numpy(pixels_of(labels[0].numpy() == level))[: crop.shape[2], : crop.shape[3]]
        assert torch.equal(less[..., ~where], whole.image[..., ~where])
        assert torch.equal(less[..., where], base.image[..., where])
        assert psnr(less, crop, where) < psnr(whole.image, crop, where)
    assert 15 < psnr(base.image, crop) < psnr(whole.image, crop)


def test_without_a_base_a_lost_level_is_continued_from_the_others(crop, labels):
    out, _ = coded(crop, labels)
    less = decoded(out, crop.shape[2:], lost=(4,))
    assert less.lost.tolist() == [False]
    assert 8 < psnr(less.image, crop) < psnr(decoded(out, crop.shape[2:]).image, crop)
    for lost in ((0,), (1, 2, 3, 4)):
        found = decoded(out, crop.shape[2:], lost=lost)
        assert found.lost.tolist() == [True]
        assert (found.image == 0.5).all()


def test_a_batch_is_coded_picture_by_picture(crop, labels):
    pictures, maps = torch.cat([crop, crop.flip(3)]), torch.cat([labels, torch.zeros_like(labels)])
    out, _ = coded(pictures, maps)
    assert (out.layer_uses[1, 1:4] == 0).all()
    for i in range(2):
        alone, _ = coded(pictures[i : i + 1], maps[i : i + 1])
        assert torch.equal(alone.layer_uses[0], out.layer_uses[i])
        count = alone.layer_bits.shape[2]
        assert torch.equal(alone.layer_bits[0], out.layer_bits[i, :, :count])
    unlabelled, _ = coded(pictures[1:], None)
    assert torch.equal(unlabelled.layer_uses[0], out.layer_uses[1])


def test_too_few_uses_are_said(crop, labels):
    out, _ = coded(crop, labels, uses=40)
    assert out.fits.tolist() == [False]
    assert not out.layer_uses.any()
    some, _ = coded(crop, labels, uses=1500)
    assert some.fits.tolist() == [False]
    assert 0 < int(some.layer_uses.sum()) <= 1500


def test_damaged_layers_raise_nothing(crop, labels):
    out, _ = coded(crop, labels, base_share=0.1, codec="avif")
    chance = np.random.default_rng(3)
    size = torch.tensor([crop.shape[2:]])
    for _ in range(60):
        bits = out.layer_bits.clone()
        for place in chance.integers(0, bits.numel(), 40):
            bits.flatten()[place] ^= 1
        good = torch.from_numpy(chance.integers(0, bits.shape[2] + 1, (1, LAYERS)))
        found = LayeredPictureDecoder()(layer_bits=bits, layer_good=good, size=size)
        assert found.image.isfinite().all()


def test_settings_that_make_no_sense_are_refused():
    for settings in ({"weights": (1.0, 2.0, 0.0, 1.0)}, {"base_share": 0.9}, {"codec": "avi"}):
        with pytest.raises(ParameterError):
            LayeredPictureEncoder(**settings)
    with pytest.raises(ParameterError, match="4 levels"):
        LayerAdaptation(design_snr_db=(1.0, 2.0))
    with pytest.raises(LinksimError, match="no channel use"):
        LayerAdaptation(target_cbr_total=0.001)(image=torch.zeros(1, 3, 64, 64), snr_db=torch.tensor([10.0]))


# -- across the channel


def test_control_comes_back_or_is_said_to_be_lost():
    chance = torch.Generator().manual_seed(4)
    scheme, uses = torch.randint(0, 28, (64, LAYERS), generator=chance), torch.zeros(64, LAYERS, dtype=torch.int64)
    size = torch.tensor([[1024, 2048]] * 64)
    symbols = LayerControlEncoder()(layer_scheme=scheme, layer_uses=uses, size=size)
    assert symbols.length.tolist() == [CONTROL_USES] * 64
    for snr_db, all_arrive in ((-3.0, True), (-12.0, False)):
        found = LayerControlDecoder()(received=AWGN().seed(5)(symbols=symbols, snr_db=torch.full((64,), snr_db)))
        assert bool(found.erased.any()) != all_arrive
        assert torch.equal(found.layer_scheme[~found.erased], scheme[~found.erased])
        assert not found.layer_scheme[found.erased].any()
    with pytest.raises(ParameterError, match="must fit 5 bits"):
        LayerControlEncoder()(layer_scheme=scheme + 40, layer_uses=uses, size=size)


def test_each_layer_fails_by_itself():
    names = [1, 4, 7, 10, 13]
    scheme = torch.tensor([names, names[::-1]])
    uses = torch.tensor([[900, 0, 1200, 3000, 700], [800, 500, 0, 0, 2000]])
    bits = torch.randint(0, 2, (2, LAYERS, 9000), generator=torch.Generator().manual_seed(6)).byte()
    symbols = LayerTransportEncoder()(layer_bits=bits, layer_scheme=scheme, layer_uses=uses)
    assert symbols.length.tolist() == uses.sum(1).tolist()
    received = AWGN().seed(7)(symbols=symbols, snr_db=torch.full((2,), 7.6))
    erased = torch.tensor([False, False])
    found = LayerTransportDecoder()(received=received, layer_scheme=scheme, layer_uses=uses, erased=erased)
    for i, layer in product(range(2), range(LAYERS)):
        chosen = schemes()[int(scheme[i, layer])]
        carried = bits_in(int(uses[i, layer]), chosen.index)
        good = int(found.layer_good[i, layer])
        assert good == (carried if chosen.snr_db < 7.6 else 0)
        assert torch.equal(found.layer_bits[i, layer, :good], bits[i, layer, :good])
    erased = torch.tensor([True, False])
    found = LayerTransportDecoder()(received=received, layer_scheme=scheme, layer_uses=uses, erased=erased)
    assert not found.layer_good[0].any()


# -- the codec beneath


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (160, 224), (400, 17)])
def test_bare_avif_is_the_picture_of_the_whole_file(size, photograph):
    pixels = (photograph[0, :, : size[0], : size[1]] * 255).round().byte().movedim(0, -1).numpy()
    for quality in (0, 40, 100):
        stream = find_codec("avif").encode(pixels, quality)
        file = io.BytesIO()
        PillowImage.fromarray(pixels).save(
            file, "AVIF", quality=quality, speed=6, max_threads=1, subsampling="4:4:4", advanced=[("tune", "psnr")]
        )
        assert len(stream) < len(file.getvalue()) - 200
        assert (find_codec("avif").decode(stream) == np.asarray(PillowImage.open(file).convert("RGB"))).all()


def test_a_hostile_avif_is_refused_without_its_memory():
    codec = find_codec("avif")
    for head in (b"", b"\x02", b"\x01", b"\x01\xff\xff\xff\xff" + bytes(9), b"\x01\0\0\0\x10", b"\0" + bytes(30)):
        assert codec.decode(head) is None
