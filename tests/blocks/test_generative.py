"""GenED-SC's first stage: each block against its equation, computed another way."""

import math

import pytest
import torch
from skimage import data
from torch import Tensor
from torch.nn import functional

from linksim.blocks import (
    BackgroundEncoder,
    BranchFusion,
    Captioner,
    ContextualLoss,
    ForegroundDistortion,
    ForegroundEncoder,
    ForegroundRate,
    GenEDLoss,
    GenEDRouter,
    RandomForegroundRate,
    SemanticImportancePredictor,
    SemanticMatchingLoss,
    SemanticScoreMap,
)
from linksim.blocks.generative.background import CBAM
from linksim.blocks.generative.codec import GENED_RATES, told_foreground
from linksim.blocks.generative.foreground import ABSENT, HEADS, WINDOW, at_places, warp
from linksim.errors import ParameterError
from linksim.flowgraphs.parts import GenEDCodec, IdealHeader, picture_link
from linksim.flowgraphs.recipes.gened_sc import AS_PRINTED
from linksim.types import Score, Text


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoder() -> ForegroundEncoder:
    """One whose attention is not zero."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        found = ForegroundEncoder(channels=8)
        torch.nn.init.normal_(found.out.weight)
    return found


def test_warping_takes_what_lies_there_linear_between_the_places() -> None:
    features, offsets = drawn(1, 2, 5, 7), 3 * drawn(1, 2, 5, 7, seed=2)
    found = warp(features, offsets)
    for row in range(5):
        for col in range(7):
            down = min(max(row + float(offsets[0, 1, row, col]), 0), 4)
            right = min(max(col + float(offsets[0, 0, row, col]), 0), 6)
            top, left = min(int(down), 3), min(int(right), 5)
            below, beside = down - top, right - left
            around = features[0, :, top : top + 2, left : left + 2]
            weights = torch.tensor([[(1 - below) * (1 - beside), (1 - below) * beside],
                                    [below * (1 - beside), below * beside]])  # fmt: skip
            assert torch.allclose(found[0, :, row, col], (around * weights).sum((1, 2)), atol=1e-5)


def test_attention_of_the_foreground_is_that_of_equations_15_to_18(encoder: ForegroundEncoder) -> None:
    """One window, place by place; no Swin block at the start."""
    features, offsets = drawn(1, 8, 8, 8), drawn(1, 2, 8, 8, seed=2)
    spatial = torch.sigmoid(drawn(1, 8, 8, seed=3))
    foreground = (drawn(1, 4, 4, seed=4) > 0).float()
    found = encoder(features=features, foreground=foreground, offsets=offsets, spatial_attention=spatial)
    inside = at_places(foreground)
    kept = features * inside
    seen, moved = (encoder.norm(x.movedim(1, -1))[0].flatten(0, 1) for x in (kept, warp(kept, offsets)))
    query, key = encoder.query(seen), encoder.key(seen + moved)
    value = encoder.value(seen) * spatial.flatten()[:, None]
    places = [place for place in range(64) if inside.flatten()[place]]
    expected = kept.flatten(2).clone()
    for place in places:
        mixed = torch.zeros(8)
        for head in range(HEADS):
            part = slice(2 * head, 2 * head + 2)
            scores = torch.stack([query[place, part] @ key[other, part] / math.sqrt(2) for other in places])
            shares = torch.softmax(scores, 0)
            mixed[part] = sum(share * value[other, part] for share, other in zip(shares, places, strict=True))
        expected[0, :, place] += encoder.out(mixed)
    assert math.exp(ABSENT) < 1e-8
    assert torch.allclose(found.flatten(2), expected, atol=1e-4)


def test_attention_does_not_leave_its_window_but_by_the_offsets(encoder: ForegroundEncoder) -> None:
    """Without the Swin block, which has other windows."""
    encoder.swin = torch.nn.Identity()
    features, foreground = drawn(1, 8, 8, 24), torch.ones(1, 4, 12)
    changed = features.clone()
    changed[..., WINDOW : 2 * WINDOW] += 1
    rest = {"foreground": foreground, "spatial_attention": torch.ones(1, 8, 24)}
    still = torch.zeros(1, 2, 8, 24)
    before, after = (encoder(features=x, offsets=still, **rest) for x in (features, changed))
    assert torch.equal(before[..., :WINDOW], after[..., :WINDOW])
    assert torch.equal(before[..., 2 * WINDOW :], after[..., 2 * WINDOW :])
    pointing = still.clone()
    pointing[:, 0] = 8.0
    before, after = (encoder(features=x, offsets=pointing, **rest) for x in (features, changed))
    assert not torch.allclose(before[..., :WINDOW], after[..., :WINDOW])


@pytest.mark.parametrize("size", [(2, 2), (6, 10), (16, 18)])
def test_branches_keep_to_their_patches_at_any_size(encoder: ForegroundEncoder, size: tuple[int, int]) -> None:
    features = drawn(2, 8, *size)
    foreground = (drawn(2, size[0] // 2, size[1] // 2, seed=2) > 0).float()
    places = {"offsets": drawn(2, 2, *size), "spatial_attention": torch.ones(2, *size)}
    near = encoder(features=features, foreground=foreground, **places)
    far = BackgroundEncoder(channels=8)(features=features, foreground=foreground, channel_attention=torch.ones(2, 8))
    inside = at_places(foreground).bool().expand_as(near)
    assert not near[~inside].any()
    assert not far[inside].any()
    assert torch.equal(far, features * ~inside)
    assert BranchFusion(channels=8)(foreground=near, background=far).shape == features.shape


def test_attention_of_channels_and_places_is_that_of_its_paper() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        cbam, x = CBAM(8), torch.randn(2, 8, 5, 6)
    gate = torch.sigmoid(cbam.channels(x.flatten(2).mean(2)) + cbam.channels(x.flatten(2).max(2).values))
    weighed = torch.einsum("bchw,bc->bchw", x, gate)
    seen = torch.stack([weighed.sum(1) / 8, weighed.max(1).values], 1)
    places = torch.sigmoid(functional.conv2d(seen, cbam.places.weight, cbam.places.bias, padding=3))
    assert torch.allclose(cbam(x), weighed * places, atol=1e-6)


@pytest.mark.parametrize("noise_on", ["logits", "probabilities"])
def test_gumbel_draws_a_patch_as_often_as_it_should(noise_on: str) -> None:
    """Softmax of logits is the law of the draw (Gumbel, 1954); on probabilities it is softmax of these."""
    predictor = SemanticImportancePredictor(channels=16, noise_on=noise_on).seed(1)
    wanted, count = 0.95, 40_000
    choice = torch.tensor([0.0, math.log(wanted / (1 - wanted))]).expand(1, count, 1, 2)
    drawn_share = float(predictor._drawn(choice).mean())
    law = wanted if noise_on == "logits" else 1 / (1 + math.exp(1 - 2 * wanted))
    assert abs(drawn_share - law) < 4 * math.sqrt(law * (1 - law) / count)


def test_a_drawn_patch_is_whole_and_passes_a_gradient() -> None:
    predictor = SemanticImportancePredictor(channels=16).seed(1)
    features = drawn(2, 16, 8, 8).requires_grad_()
    routed = predictor(features=features)
    assert set(routed.foreground.detach().round(decimals=5).unique().tolist()) <= {0.0, 1.0}
    routed.foreground.sum().backward()
    assert features.grad is not None
    assert float(features.grad.abs().sum()) > 0


def test_in_use_at_most_the_share_is_taken_and_always_the_same() -> None:
    predictor = SemanticImportancePredictor(channels=16, most_share=0.25).eval()
    torch.nn.init.constant_(predictor.patches[2].bias, 0.0)
    with torch.no_grad():
        predictor.patches[2].bias[1] = 9.0
        first, second = (predictor(features=drawn(3, 16, 8, 12)) for _ in range(2))
    assert bool((first.foreground_logits > 0).all())
    assert torch.equal(first.foreground.sum((1, 2)), torch.tensor([6.0, 6.0, 6.0]))
    assert torch.equal(first.foreground, second.foreground)


def test_a_picture_is_routed_the_same_alone_and_among_others() -> None:
    router = GenEDRouter().eval()
    tokens = torch.rand(3, 48, 8, 12, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        together = router(tokens=tokens)
        alone = router(tokens=tokens[1:2])
    for several, one in zip(together, alone, strict=True):
        assert torch.allclose(several[1:2], one, atol=1e-5)


def test_untrained_branches_change_nothing() -> None:
    """Both codecs are a KLT with power loading at the start."""
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    pictures = [
        picture_link("link", GenEDCodec(None, dual_branch=on), ForegroundRate(), header=IdealHeader(),
                     uses_importance=False).run(image=image, snr_db=10.0, seed=1)["image"]
        for on in (True, False)
    ]  # fmt: skip
    assert torch.allclose(*pictures, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (50, 120)])
def test_the_first_stage_takes_pictures_of_any_size(size: tuple[int, int]) -> None:
    link = picture_link("link", GenEDCodec(None), ForegroundRate(), uses_importance=False)
    out = link.run(image=torch.rand(2, 3, *size), snr_db=10.0, seed=1)
    assert out["image"].shape == (2, 3, *size)


def test_contextual_loss_is_equation_25_at_each_place_of_the_background() -> None:
    from linksim.blocks.losses import contextual as module

    generator = torch.Generator().manual_seed(1)
    image, original = (torch.rand(1, 3, 32, 48, generator=generator) for _ in range(2))
    mask = torch.zeros(1, 32, 48, dtype=torch.bool)
    mask[:, :16] = True
    mine, other = (module._features(x)[0].flatten(1).T for x in (image, original))
    terms: list[float] = []
    for place in range(mine.shape[0]):
        if place // 6 < 2:
            continue
        similar = torch.stack([functional.cosine_similarity(mine[place], each, dim=0) for each in other]) / 0.5
        terms.append(float(similar.exp().sum().log() - similar[place]))
    found = ContextualLoss()(image=image, original=original, mask=mask).value
    assert float(found) == pytest.approx(sum(terms) / len(terms), rel=1e-4)


def test_contextual_loss_passes_gradients_and_names_a_picture_that_is_too_small() -> None:
    image = torch.rand(1, 3, 32, 32).requires_grad_()
    ContextualLoss()(image=image, original=torch.rand(1, 3, 32, 32)).value.sum().backward()
    assert image.grad is not None
    assert float(image.grad.abs().sum()) > 0
    with pytest.raises(ParameterError, match="at least 16 pixels a side"):
        ContextualLoss()(image=image[..., :8], original=image[..., :8])


def test_the_matching_loss_as_printed_is_equation_21() -> None:
    score, mask = drawn(2, 3, 4), drawn(2, 3, 4, seed=2) > 0
    sigmoid = torch.sigmoid(score)
    printed = -(torch.log(sigmoid) * mask).sum((1, 2)) / (mask.sum((1, 2)) + 1e-6)
    mended = -(torch.log(sigmoid) * mask + torch.log(1 - sigmoid) * ~mask).mean((1, 2))
    for as_printed, expected in ((True, printed), (False, mended)):
        found = SemanticMatchingLoss(as_printed=as_printed)(score=score, mask=mask).value
        assert torch.allclose(found, expected, atol=1e-5)


def test_only_the_mended_matching_loss_has_something_against_a_map_that_is_salient_everywhere() -> None:
    everything, mask = torch.full((1, 4, 4), 30.0), torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[:, :16] = True
    assert float(SemanticMatchingLoss(as_printed=True)(score=everything, mask=mask).value) < 1e-6
    assert float(SemanticMatchingLoss()(score=everything, mask=mask).value) > 20


def test_the_distortion_of_the_foreground_is_equation_22() -> None:
    generator = torch.Generator().manual_seed(1)
    image, original = (torch.rand(2, 3, 6, 7, generator=generator) for _ in range(2))
    mask = torch.rand(2, 6, 7, generator=generator) > 0.5
    squares = (255 * (image - original)).pow(2).sum(1)
    expected = torch.stack([squares[n][mask[n]].mean() for n in range(2)])
    assert torch.allclose(ForegroundDistortion()(image=image, original=original, mask=mask).value, expected, rtol=1e-4)
    nothing = ForegroundDistortion()(image=image, original=original, mask=torch.zeros_like(mask)).value
    assert nothing.tolist() == [0.0, 0.0]


def test_the_sum_of_losses_as_printed_is_equation_26() -> None:
    names = ("match", "patches", "foreground", "background", "whole")
    scores = {name: Score(torch.tensor([float(number + 1)])) for number, name in enumerate(names)}
    assert float(GenEDLoss(**AS_PRINTED)(**scores).value) == pytest.approx(1.0 + 1e-4 * 3 + 0.01 * 4)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 1.0])
@pytest.mark.parametrize("cbr", [1 / 48, 1 / 36, 1 / 24, 1 / 12])
def test_the_foreground_gets_its_ratio_and_the_budget_holds(ratio: float, share: float, cbr: float) -> None:
    foreground = torch.zeros(1, 256)
    foreground[:, : round(256 * share)] = 1
    foreground = foreground.view(1, 16, 16)
    rate = ForegroundRate(target_cbr=cbr, ratio=ratio, rate_set=GENED_RATES)
    lengths, _, met = rate(size=torch.tensor([[256, 256]]), foreground=foreground)
    budget = cbr * 3 * 256**2
    assert bool(met)
    assert 0.95 * budget <= int(lengths.sum()) <= budget
    known, told = told_foreground(lengths)
    assert bool(told) == (ratio > 1 and 0 < share < 1)
    if bool(told):
        assert torch.equal(known, foreground > 0.5)
        inside, outside = lengths[known].unique(), lengths[~known].unique()
        assert float(inside / outside) == pytest.approx(ratio, rel=0.2) or int(inside) == max(GENED_RATES)


def test_a_budget_with_the_header_pays_for_the_mask() -> None:
    foreground = torch.zeros(1, 16, 16)
    foreground[:, 4:9, 5:12] = 1
    image = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(1))
    rate = ForegroundRate(target_cbr_total=1 / 24)
    out = picture_link("link", GenEDCodec(None), rate, uses_importance=False).run(image=image, snr_db=10.0, seed=1)
    assert float(out["cbr_total"].value) <= 1 / 24 + 1e-6
    assert bool(out["target_met"])


def test_random_rates_are_as_many_uses_as_asked_for_and_sometimes_alike() -> None:
    rate = RandomForegroundRate(least_cbr=1 / 24, most_cbr=1 / 24, rate_set=GENED_RATES).seed(1)
    foreground = torch.zeros(200, 8, 8)
    foreground[:, :2] = 1
    lengths = rate(size=torch.full((200, 2), 128), foreground=foreground).lengths
    assert float(lengths.float().mean()) == pytest.approx(32, rel=0.02)
    told = told_foreground(lengths)[1].float().mean()
    assert 0.5 < float(told) < 0.85


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SemanticImportancePredictor(channels=4), "at least 16"),
        (lambda: SemanticImportancePredictor(most_share=0.0), r"in \(0, 1\]"),
        (lambda: SemanticImportancePredictor(noise_on="x"), "'logits' or 'probabilities'"),
        (lambda: ForegroundEncoder(channels=6), "multiple of 4"),
        (lambda: ForegroundRate(ratio=0.5), "in 1..16"),
        (lambda: ForegroundRate(target_cbr=0.1, target_cbr_total=0.1), "only one"),
        (lambda: RandomForegroundRate(least_cbr=0.0), "positive"),
        (lambda: GenEDLoss(match=-1.0), "at least 0"),
        (lambda: ContextualLoss(temperature=0.0), "positive"),
    ],
)  # fmt: skip
def test_a_parameter_out_of_range_is_named(make: object, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        make()  # pyright: ignore[reportCallIssue]


def test_class_words_name_what_a_photograph_shows() -> None:
    cat = torch.from_numpy(data.chelsea()).movedim(-1, 0)[None].float() / 255
    sentence = Captioner(backend="classes")(image=cat).sentences[0]
    assert "cat" in sentence
    assert Captioner(backend="classes")(image=torch.full((1, 3, 64, 64), 0.5)).sentences[0]
    score = SemanticScoreMap()
    found = score(image=cat, text=Text.of(["two tabbies, a cat"]))
    assert found.shape == (1, 38, 57)
    # The brightest tenth of the map is on the cat, not at an edge of the picture.
    top = found[0] >= found[0].flatten().quantile(0.9)
    columns = top.nonzero()[:, 1].float()
    assert 10 < float(columns.mean()) < 45
    assert torch.equal(score(image=cat, text=Text.of(["a person"])), torch.zeros(1, 38, 57))
    assert score(image=torch.rand(1, 3, 1, 1), text=Text.of(["a cat"])).shape == (1, 1, 1)
