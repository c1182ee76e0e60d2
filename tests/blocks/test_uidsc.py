import json

import pytest
import torch
from PIL import Image as PillowImage
from skimage.metrics import structural_similarity
from torch.nn import functional

from linksim.blocks import (
    SSIM,
    ChannelStateEmbedding,
    DeepJSCCCNNDecoder,
    DeepJSCCCNNEncoder,
    MaskedCrops,
    MaskedRate,
    MaskGuidedAttention,
    RandomMaskedRate,
    UIDSCDecoder,
    UIDSCEncoder,
)
from linksim.blocks.jscc.mask_attention import KERNEL, SHARED, dynamic_convolution
from linksim.blocks.jscc.uidsc import MASKED_RATES, take_transform
from linksim.blocks.sources.segmented_pictures import segmented_pictures
from linksim.errors import DimensionError, FileError, ParameterError, WeightsError
from linksim.types import ReceivedCodeword


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def patch_mask(*, rows=3, cols=4, inside=((1, 1), (1, 2))):
    mask = torch.zeros(1, 16 * rows, 16 * cols, dtype=torch.bool)
    for row, col in inside:
        mask[:, 16 * row + 3 : 16 * row + 11, 16 * col + 2 : 16 * col + 13] = True
    return mask


def received(codeword, lengths, noise=1e-4):
    return ReceivedCodeword(
        codeword, torch.ones_like(codeword), torch.full(codeword.shape, noise), lengths, torch.ones(len(codeword))
    )


def test_the_dynamic_convolution_is_that_of_each_point():
    values = torch.randn(2, 16, 4, 5, generator=generator())
    kernels = torch.randn(2, 2 * KERNEL**2, 4, 5, generator=generator(2))
    fast = dynamic_convolution(values, kernels)
    padded = functional.pad(values, (1, 1, 1, 1))
    for n, channel, row, col in [(0, 0, 0, 0), (0, 7, 3, 4), (1, 8, 2, 1), (1, 15, 0, 3), (0, 9, 1, 2)]:
        slow = 0.0
        for tap in range(KERNEL**2):
            weight = kernels[n, channel // SHARED * KERNEL**2 + tap, row, col]
            slow += weight * padded[n, channel, row + tap // KERNEL, col + tap % KERNEL]
        assert fast[n, channel, row, col].item() == pytest.approx(float(slow), abs=1e-5)


def test_attention_starts_as_nothing_and_then_depends_on_the_mask():
    features, mask = torch.randn(1, 16, 12, 16, generator=generator()), patch_mask()
    attention = MaskGuidedAttention(channels=16)
    assert torch.equal(attention(features=features, mask=mask), features)
    with torch.no_grad():
        attention.gain.fill_(1.0)
    first, other = (attention(features=features, mask=each) for each in (mask, ~mask))
    assert (first - other).abs().max() > 1e-3
    assert first.shape == features.shape
    with pytest.raises(ParameterError, match="channels"):
        MaskGuidedAttention(channels=12)


def test_the_noise_map_is_that_of_the_equation():
    features = torch.randn(3, 5, 4, 6, generator=generator())
    snr_db = torch.tensor([-5.0, 10.0, 25.0])
    maps = ChannelStateEmbedding()(features=features, snr_db=snr_db)
    for n in range(3):
        noise = float(features[n].square().mean()) / 10 ** (float(snr_db[n]) / 10)
        torch.testing.assert_close(maps[n, 0], torch.full((4, 6), noise))
        torch.testing.assert_close(maps[n, 1], torch.full((4, 6), 10 ** (-float(snr_db[n]) / 10)))


def test_a_patch_without_a_kept_pixel_sends_nothing_and_what_lies_outside_is_not_read():
    encoder, mask = UIDSCEncoder().eval(), patch_mask()
    image = torch.rand(1, 3, 48, 64, generator=generator())
    lengths, snr_db = torch.full((1, 3, 4), 64), torch.tensor([5.0])
    sent = encoder(tokens=functional.pixel_unshuffle(image, 4), lengths=lengths, snr_db=snr_db, mask=mask)
    touched = torch.zeros(3, 4, dtype=torch.bool)
    touched[1, 1:3] = True
    assert (sent[0][~touched] == 0).all()
    assert (sent[0][touched].abs().sum(-1) > 0).all()
    changed = torch.where(mask[:, None], image, 1 - image)
    again = encoder(tokens=functional.pixel_unshuffle(changed, 4), lengths=lengths, snr_db=snr_db, mask=mask)
    assert torch.equal(sent, again)


def test_pictures_of_a_batch_do_not_see_each_other():
    encoder = UIDSCEncoder(weights=None).eval()
    tokens = torch.rand(2, 48, 12, 16, generator=generator())
    mask, lengths = patch_mask().repeat(2, 1, 1), torch.full((2, 3, 4), 32)
    both = encoder(tokens=tokens, lengths=lengths, snr_db=torch.tensor([0.0, 20.0]), mask=mask)
    alone = encoder(tokens=tokens[1:], lengths=lengths[1:], snr_db=torch.tensor([20.0]), mask=mask[1:])
    torch.testing.assert_close(both[1:], alone)


def test_a_mask_must_be_of_the_size_before_padding():
    encoder, tokens = UIDSCEncoder(), torch.rand(1, 48, 8, 8)
    lengths, snr_db = torch.full((1, 2, 2), 16), torch.tensor([10.0])
    small = torch.ones(1, 17, 30, dtype=torch.bool)
    assert encoder(tokens=tokens, lengths=lengths, snr_db=snr_db, mask=small).shape == (1, 2, 2, 16)
    with pytest.raises(DimensionError, match="32x32 pixels with padding"):
        encoder(tokens=tokens, lengths=lengths, snr_db=snr_db, mask=small[:, :16])


def test_an_untrained_codec_is_a_klt_that_weighs_for_the_noise():
    """Noiseless it rebuilds what 256 dimensions can; more noise is answered by less gain, not by noise shown."""
    picture = functional.interpolate(torch.rand(1, 3, 6, 8, generator=generator()), (48, 64), mode="bicubic")
    tokens = functional.pixel_unshuffle(picture.clamp(0, 1), 4)
    lengths, encoder, decoder = torch.full((1, 3, 4), 128), UIDSCEncoder().eval(), UIDSCDecoder().eval()
    sent = encoder(tokens=tokens, lengths=lengths, snr_db=torch.tensor([25.0]))
    with torch.no_grad():
        clean = decoder(received=received(sent, lengths, 1e-9))
        weak = decoder(received=received(sent, lengths, 1e4))
    assert float((clean - tokens).square().mean()) < 1e-3
    assert float(weak.std()) < 0.01


def test_a_patch_that_the_rate_map_calls_empty_is_black():
    lengths = torch.full((1, 3, 4), MASKED_RATES[0])
    lengths[:, 1, 1:3] = 64
    encoder, decoder, mask = UIDSCEncoder(), UIDSCDecoder(), patch_mask()
    tokens = torch.rand(1, 48, 12, 16, generator=generator())
    sent = encoder(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0]), mask=mask)
    shown = functional.pixel_shuffle(decoder(received=received(sent, lengths)), 4)
    kept = torch.zeros(48, 64, dtype=torch.bool)
    kept[16:32, 16:48] = True
    assert (shown[0, :, ~kept] == 0).all()
    assert (shown[0, :, kept] != 0).all()


def test_gradients_reach_every_weight_but_those_behind_a_closed_gain():
    encoder, decoder, mask = UIDSCEncoder(), UIDSCDecoder(), patch_mask()
    take_transform(encoder, decoder, "light")
    with torch.no_grad():
        encoder.attention.gain.fill_(0.1)
    lengths = torch.full((1, 3, 4), 16)
    tokens = torch.rand(1, 48, 12, 16, generator=generator())
    sent = encoder(tokens=tokens, lengths=lengths, snr_db=torch.tensor([10.0]), mask=mask)
    decoder(received=received(sent, lengths, 0.1)).square().sum().backward()
    for block in (encoder, decoder):
        missing = [name for name, p in block.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
        assert missing == []
    with pytest.raises(WeightsError, match="conv_light"):
        take_transform(encoder, decoder, "small")


@pytest.mark.parametrize("uses", [16, 64])
def test_deepjscc_as_published_has_five_convolutions_each_way(uses):
    encoder, decoder = DeepJSCCCNNEncoder(uses=uses), DeepJSCCCNNDecoder(uses=uses)
    lengths = torch.full((1, 2, 3), uses)
    sent = encoder(tokens=torch.rand(1, 3, 32, 48), lengths=lengths)
    assert sent.shape == (1, 2, 3, uses)
    shown = decoder(received=received(sent, lengths))
    assert shown.shape == (1, 3, 32, 48)
    assert 0 <= shown.min() <= shown.max() <= 1
    kernels = [layer for layer in encoder.network if hasattr(layer, "kernel_size")]
    assert [layer.kernel_size for layer in kernels] == [(5, 5)] * 5
    with pytest.raises(ParameterError, match="V"):
        encoder(tokens=torch.rand(1, 3, 32, 48), lengths=lengths + 1)
    with pytest.raises(ParameterError, match="uses"):
        DeepJSCCCNNEncoder(uses=12)


def test_rates_of_a_mask_stay_within_the_target():
    size, mask = torch.tensor([[48, 64]]), patch_mask()
    for target in (1 / 48, 1 / 12, 1 / 6):
        rate = MaskedRate(target_cbr=target, rate_set=MASKED_RATES)(size=size, mask=mask)
        assert rate.target_met.all()
        assert rate.lengths.sum() <= target * 3 * 48 * 64
        assert rate.lengths[0, 0, 0] == 1
        assert rate.lengths[0, 1, 1] == rate.lengths[0, 1, 2] > 1
    assert not MaskedRate(target_cbr=1e-4, rate_set=MASKED_RATES)(size=size, mask=mask).target_met.any()
    alike = MaskedRate(target_cbr=1 / 12, rate_set=MASKED_RATES)(size=size)
    assert (alike.lengths == 64).all()


def test_random_rates_leave_out_the_empty_patches_half_of_the_time():
    size, mask = torch.tensor([[48, 64]]).repeat(400, 1), patch_mask().repeat(400, 1, 1)
    lengths = RandomMaskedRate(rate_set=MASKED_RATES).seed(1)(size=size, mask=mask).lengths
    left_out = (lengths[:, 0, 0] == 1).float().mean().item()
    assert abs(left_out - 0.5) < 3.3 * (0.25 / 400) ** 0.5
    assert set(lengths[:, 1, 1].tolist()) == set(MASKED_RATES[1:])


def test_ssim_agrees_with_another_library():
    original = torch.rand(1, 3, 40, 50, generator=generator()).mul(255).round() / 255
    image = (original + 0.05 * torch.randn(original.shape, generator=generator(2))).clamp(0, 1).mul(255).round() / 255
    there = structural_similarity(
        image[0].numpy(), original[0].numpy(), data_range=1.0, channel_axis=0, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, win_size=11,
    )  # fmt: skip
    assert SSIM()(image=image, original=original).value.item() == pytest.approx(there, abs=5e-3)
    assert SSIM()(image=image[..., :8], original=original[..., :8]).value.isnan().all()


@pytest.fixture
def segmented(tmp_path):
    """Twelve small pictures, each with a bright object in the middle."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    entries = []
    for number in range(12):
        picture = PillowImage.effect_noise((96, 80), 60).convert("RGB")
        picture.paste((250, 250, 250), (30, 20, 60, 60))
        picture.save(tmp_path / "images" / f"{number}.png")
        mask = PillowImage.new("L", (96, 80), 0)
        mask.paste(1, (30, 20, 60, 60))
        mask.save(tmp_path / "masks" / f"{number}.png")
        objects = [{"index": 1, "category": "tv", "box": [30, 20, 60, 60]}]
        entries.append({"file": str(number), "split": "train" if number else "val", "instances": objects})
    (tmp_path / "annotations.json").write_text(json.dumps(entries))
    return tmp_path


def test_masked_crops_hold_their_region_and_none_of_the_test_pictures(segmented):
    crops = MaskedCrops(folders=(str(segmented),), crop=64).seed(1)
    assert len(crops.segmented) == 10
    assert all(picture.split == "train" for picture in crops.segmented)
    image, mask = crops(batch=8)
    assert image.shape == (8, 3, 64, 64)
    inside = image.movedim(1, -1)[mask]
    assert inside.numel()
    assert (inside * 255 - 250).abs().max() < 0.5
    again = MaskedCrops(folders=(str(segmented),), crop=64).seed(1)(batch=8)
    assert torch.equal(again.image, image)


def test_a_broken_list_of_pictures_is_named(segmented):
    (segmented / "masks" / "0.png").write_bytes(b"no picture")
    with pytest.raises(FileError, match="numbers"):
        segmented_pictures(segmented)[0].numbers()
    for content, problem in (
        ("{}", "list of pictures"),
        ('[{"file": "a"}]', "picture 0"),
        ('[{"file": "a", "instances": [{"index": 1, "category": "tv", "box": [1, 2]}]}]', "four numbers"),
    ):
        (segmented / "annotations.json").write_text(content)
        with pytest.raises(FileError, match=problem):
            segmented_pictures(segmented)
    with pytest.raises(FileError, match="no pictures with masks"):
        MaskedCrops(folders=(str(segmented / "images"),), crop=64)
