"""Picture codecs: budgets are kept, what arrives is what was sent, prefixes show what they can."""

import numpy as np
import pytest
import torch

from linksim.blocks import PictureDecoder, PictureEncoder
from linksim.blocks.picture_codecs.codecs import CODECS, CompressAICodec, find_codec
from linksim.blocks.picture_codecs.fitting import TILE, gather, mosaic_size, scatter
from linksim.errors import LinksimError, ParameterError


@pytest.fixture(scope="module")
def crop(photograph):
    return photograph[..., 64:256, 32:281]


def available(codec):
    if codec == "heif":
        pytest.importorskip("pillow_heif", reason="pillow-heif is an extra", exc_type=ImportError)
    return codec


def send(image, codec, budget, good=None, **more):
    budget = torch.tensor([budget] * len(image))
    importance = more.pop("importance", None)
    coded = PictureEncoder(codec=codec, **more)(image=image, budget=budget, importance=importance)
    size = torch.tensor([image.shape[-2:]] * len(image))
    good = budget if good is None else torch.tensor([good] * len(image))
    return coded, PictureDecoder(codec=codec)(bits=coded.bits, good=good, size=size)


def psnr(image, original):
    error = ((image * 255).round() - (original * 255).round()).square().mean(tuple(range(1, image.dim())))
    return (10 * torch.log10(255**2 / error)).tolist()


@pytest.mark.parametrize("codec", CODECS)
def test_more_bits_show_more_and_no_budget_is_passed(codec, crop):
    quality = []
    for budget in (12_000, 24_000, 48_000, 96_000):
        coded, decoded = send(crop, available(codec), budget)
        assert coded.bits.shape == (1, budget)
        assert coded.fits.all()
        assert not decoded.lost.any()
        assert decoded.image.shape == crop.shape
        quality += psnr(decoded.image, crop)
    assert quality == sorted(quality)
    assert quality[-1] > quality[0] + 3
    assert quality[-1] > 28


@pytest.mark.parametrize("codec", CODECS)
def test_the_bisection_finds_the_highest_quality_that_fits(codec, crop):
    kind = find_codec(available(codec))
    pixels = (crop[0] * 255).round().byte().movedim(0, -1).numpy()
    sizes = {quality: len(kind.encode(pixels, quality)) for quality in list(kind.qualities)[::7]}
    budget = sorted(sizes.values())[len(sizes) // 2] + 4
    used = np.packbits(send(crop, codec, 8 * budget)[0].bits.numpy()).tobytes().rstrip(b"\0")
    best = max(quality for quality, size in sizes.items() if size + 4 <= budget)
    assert sizes[best] + 4 <= len(used) + 8
    assert len(used) <= budget


# JPEG 2000's own scale ends lower than a smaller picture would.
@pytest.mark.parametrize("codec", sorted(CODECS.keys() - {"jpeg2000"}))
def test_a_picture_that_no_quality_fits_is_sent_smaller_and_none_is_too_small(codec, crop):
    lowest = len(find_codec(available(codec)).encode((crop[0] * 255).byte().movedim(0, -1).numpy().copy(), 1))
    coded, decoded = send(crop, codec, 8 * int(0.8 * lowest))
    assert coded.fits.all()
    assert not decoded.lost.any()
    assert psnr(decoded.image, crop)[0] > 13
    coded, decoded = send(crop, codec, 80)
    assert not coded.fits.any()
    assert decoded.lost.all()
    assert (decoded.image == 0.5).all()


@pytest.mark.parametrize("codec", CODECS)
def test_of_a_cut_stream_some_codecs_show_the_beginning(codec, crop):
    budget = 60_000
    whole = psnr(send(crop, available(codec), budget)[1].image, crop)[0]
    shown = [send(crop, codec, budget, good=good)[1] for good in (600, 15_000, 30_000, 45_000)]
    assert shown[0].lost.all()
    if codec.startswith("jpeg"):
        quality = [psnr(each.image, crop)[0] for each in shown[1:]]
        assert quality == sorted(quality)
        assert 15 < quality[0] < quality[-1] < whole
        assert not any(each.lost.any() for each in shown[1:])
    else:
        assert all(each.lost.all() for each in shown)


def test_what_is_lost_behind_the_stream_costs_nothing(crop):
    coded, whole = send(crop, "avif", 60_000)
    used = len(np.packbits(coded.bits.numpy()).tobytes().rstrip(b"\0"))
    _, decoded = send(crop, "avif", 60_000, good=8 * used + 16)
    assert torch.equal(decoded.image, whole.image)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 33), (64, 200)])
@pytest.mark.parametrize("codec", CODECS)
def test_any_size(codec, size, crop):
    image = crop[..., : size[0], : size[1]]
    _, decoded = send(image, available(codec), 40_000)
    assert decoded.image.shape == image.shape
    assert psnr(decoded.image, image)[0] > 20


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_streams_are_lost_and_nothing_else(codec, crop):
    kind = find_codec(available(codec))
    whole = kind.encode((crop[0] * 255).round().byte().movedim(0, -1).numpy().copy(), kind.qualities[20])
    generator = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(whole)
        for place in generator.integers(0, len(data), generator.integers(1, 30)):
            data[place] = generator.integers(256)
        for decode in (kind.decode, kind.decode_prefix):
            pixels = decode(bytes(data[: generator.integers(1, len(data) + 1)]))
            assert pixels is None or pixels.shape[2] == 3


def test_a_batch_is_coded_picture_by_picture(crop):
    image = torch.cat([crop, crop.flip(3), torch.zeros_like(crop)])
    budget = torch.tensor([60_000, 20_000, 8])
    coded = PictureEncoder()(image=image, budget=budget)
    alone = PictureEncoder()(image=image[1:2], budget=budget[1:2])
    assert coded.fits.tolist() == [True, True, False]
    assert torch.equal(coded.bits[1, :20_000], alone.bits[0])
    assert not coded.bits[1, 20_000:].any()
    size = torch.tensor([image.shape[-2:]] * 3)
    assert PictureDecoder()(bits=coded.bits, good=budget, size=size).lost.tolist() == [False, False, True]


# -- regions


def regions(image):
    importance = torch.zeros(1, -(-image.shape[2] // 16), -(-image.shape[3] // 16), dtype=torch.long)
    importance[:, 3:7, 2:8] = 3
    return importance


@pytest.mark.parametrize("codec", CODECS)
def test_important_tiles_gain_at_the_others_cost_within_the_same_budget(codec, photograph):
    importance = regions(photograph)
    _, plain = send(photograph, available(codec), 80_000, importance=importance)
    coded, gained = send(photograph, codec, 80_000, importance=importance, region_gain=2.0)
    assert coded.bits.shape == (1, 80_000)
    inside = (slice(None), slice(None), slice(0, 128), slice(0, 128))
    assert psnr(gained.image[inside], photograph[inside])[0] > psnr(plain.image[inside], photograph[inside])[0] + 0.5
    outside = (slice(None), slice(None), slice(128, None))
    assert psnr(gained.image[outside], photograph[outside])[0] < psnr(plain.image[outside], photograph[outside])[0]


def test_a_prefix_shows_the_important_tiles(photograph):
    importance = regions(photograph)
    _, decoded = send(photograph, "webp", 80_000, good=40_000, importance=importance, region_gain=3.0)
    assert not decoded.lost.any()
    assert psnr(decoded.image[..., 0:128, 0:128], photograph[..., 0:128, 0:128])[0] > 25
    assert ((decoded.image[..., 256:, :] - 0.5).abs() < 0.01).all()


def test_without_anything_important_or_with_all_of_it_there_are_no_regions(photograph):
    image = photograph[..., :192, :192]
    plain = send(image, "webp", 40_000)[0].bits
    for label in (0, 3):
        importance = torch.full((1, 12, 12), label)
        assert torch.equal(send(image, "webp", 40_000, importance=importance, region_gain=2.0)[0].bits, plain)


def test_tiles_come_back_to_their_places():
    generator = np.random.default_rng(1)
    pixels = generator.integers(0, 256, (3 * TILE, 5 * TILE, 3), np.uint8)
    for share in (0.1, 0.5, 0.95):
        chosen = generator.random((3, 5)) < share
        chosen[1, 2] = True
        mosaic = gather(pixels, chosen)
        assert mosaic.shape[:2] == mosaic_size(chosen)
        whole = np.zeros_like(pixels)
        scatter(whole, mosaic, chosen)
        mask = chosen.repeat(TILE, 0).repeat(TILE, 1)
        assert (whole[mask] == pixels[mask]).all()
        assert not whole[~mask].any()


# -- CompressAI


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub folder with weights of a small model as its zoo would find them: untrained, but whole."""
    from compressai import zoo
    from compressai.zoo.image import model_urls

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = zoo.image_models["bmshj2018-factorized"](1, metric="mse", pretrained=False)
    model.update(force=True)
    name = model_urls["bmshj2018-factorized"]["mse"][1].rsplit("/", 1)[-1]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(model.state_dict(), tmp_path / "hub" / "checkpoints" / name)
    return tmp_path


@pytest.mark.usefixtures("hub")
def test_a_learned_codec_whose_weights_are_there(crop):
    codec = CompressAICodec("bmshj2018-factorized")
    pixels = (crop[0, :, :70, :100] * 255).round().byte().movedim(0, -1).numpy()
    decoded = codec.decode(codec.encode(pixels, 1))
    assert decoded.shape == pixels.shape
    again = codec.decode(codec.encode(pixels, 1))
    assert (decoded == again).all()
    assert codec.decode(b"\1\0\0") is None


def test_a_learned_codec_whose_weights_are_not_there_says_so(monkeypatch, tmp_path, crop):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", _no_network)
    with pytest.raises(LinksimError, match="the weights of CompressAI's 'mbt2018-mean' at quality"):
        PictureEncoder(codec="compressai:mbt2018-mean")(image=crop, budget=torch.tensor([90_000]))
    with pytest.raises(ParameterError, match="CompressAI has no model 'mbt2018-maen'; did you mean 'mbt2018-mean'"):
        PictureEncoder(codec="compressai:mbt2018-maen")


def _no_network(*_, **__):
    raise OSError("no network")


def test_what_is_wrong_is_said():
    with pytest.raises(ParameterError, match="no codec 'jpg'; did you mean 'jpeg'"):
        PictureEncoder(codec="jpg")
    with pytest.raises(ParameterError, match="'region_gain' must be in 1..10"):
        PictureEncoder(region_gain=0.5)


def test_heif_without_its_library_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(LinksimError, match=r"pip install 'linksim\[heif\]'"):
        CODECS["heif"]()
