"""The student that says what matters from the picture, with detections or without."""

import pytest
import torch

from linksim import Boxes, Detections, Flowgraph, Image
from linksim.benches.agreement import DRIVERS, MAJORITY, MODEL, macro_f1, recall, with_majority
from linksim.blocks import ImportanceStudent, PatchImportance, RateAllocator
from linksim.blocks.semantics import known_pictures, read_detections
from linksim.blocks.semantics.categories import NUMBER
from linksim.blocks.semantics.student_network import (
    AREA,
    GEOMETRY,
    MIRRORED,
    SEEN,
    STRIDE,
    Seen,
    object_features,
    positions,
    scaled_size,
)
from linksim.blocks.sources import labelled_objects, read_picture, street_scenes
from linksim.errors import WeightsError
from linksim.flowgraphs import klt
from linksim.types import Decibels


@pytest.fixture(scope="module")
def student():
    return ImportanceStudent()


@pytest.fixture(scope="module")
def picture():
    return torch.rand(1, 3, 128, 256, generator=torch.Generator().manual_seed(3))


OBJECTS = Detections(
    torch.tensor([[[90.0, 40, 140, 90], [10.0, 50, 30, 60], [120.0, 60, 150, 120]]]),
    torch.tensor([[NUMBER["car"], NUMBER["traffic light"], NUMBER["person"]]]),
    torch.tensor([[0.9, 0.5, 0.7]]),
)


def mirrored(detections, width):
    left, top, right, bottom = detections.corners.unbind(-1)
    corners = torch.stack([width - right, top, width - left, bottom], -1)
    return Detections(corners, detections.category, detections.confidence)


def test_it_is_small(student):
    assert sum(p.numel() for p in student.parameters()) <= 2e6


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 16, 16), (2, 41, 300), (1, 257, 129), (1, 640, 480)])
def test_any_size_gets_a_label_per_patch(student, batch, height, width):
    out = student(image=torch.rand(batch, 3, height, width))
    assert out.importance.shape == (batch, -(-height // 16), -(-width // 16))
    assert out.importance.dtype == torch.int64
    assert 0 <= int(out.importance.min()) <= int(out.importance.max()) <= 3
    assert out.boxes.importance.shape == (batch, 0)


def test_scaled_sizes_keep_the_area_and_nearly_the_shape():
    for height, width in ((1024, 2048), (512, 768), (37, 41), (300, 2000)):
        rows, cols = scaled_size(height, width)
        assert rows % STRIDE == cols % STRIDE == 0
        assert rows * cols == pytest.approx(AREA, rel=0.2)
    assert scaled_size(1, 50000) == (32, 4096)
    assert scaled_size(1024, 2048) == (512, 1024)


def test_positions_are_of_the_window():
    whole, right = positions(5, 9), positions(5, 5, (0.5, 0.0, 1.0, 1.0))
    assert torch.allclose(whole[:, :, 4:], right)
    assert whole[0, 0].tolist()[0] == whole[1, 0, 0] == -1


def test_with_detections_patches_follow_the_boxes(student, picture):
    out = student(image=picture, detections=OBJECTS)
    assert out.boxes.importance.shape == (1, 3)
    assert int(out.boxes.importance.min()) >= 1
    assert torch.equal(out.importance, PatchImportance()(image=picture, boxes=out.boxes))


def test_a_batch_and_padding_change_nothing(student, picture):
    other = torch.rand(1, 3, 128, 256, generator=torch.Generator().manual_seed(4))
    none = torch.full((1, 2), -1)
    padded = Detections(
        torch.cat([OBJECTS.corners, torch.zeros(1, 2, 4)], 1),
        torch.cat([OBJECTS.category, none], 1),
        torch.cat([OBJECTS.confidence, torch.zeros(1, 2)], 1),
    )
    empty = Detections(padded.corners * 0, torch.full((1, 5), -1), torch.zeros(1, 5))
    both = Detections(*(torch.cat([getattr(d, n) for d in (padded, empty)]) for n in
                        ("corners", "category", "confidence")))  # fmt: skip
    out = student(image=torch.cat([picture, other]), detections=both)
    alone = student(image=picture, detections=OBJECTS)
    assert out.boxes.importance[0].tolist() == [*alone.boxes.importance[0].tolist(), 0, 0]
    assert out.boxes.importance[1].tolist() == [0] * 5
    assert int(out.importance[1].max()) == 0
    assert torch.equal(student(image=torch.cat([picture, other])).importance[:1], student(image=picture).importance)


def test_features_of_the_mirrored_scene_are_mirrored():
    seen = Seen(torch.randn(4, 16, 32), torch.randn(11, 16, 32))
    flipped = Seen(seen.levels.flip(-1), seen.classes.flip(-1))
    features = object_features(OBJECTS, 0, (128, 256), seen)
    other = object_features(mirrored(OBJECTS, 256), 0, (128, 256), flipped)
    assert features.shape == (3, GEOMETRY + 10 + SEEN)
    assert torch.allclose(features * MIRRORED, other, atol=1e-5)
    assert not torch.allclose(features, other, atol=1e-2)


def test_features_say_what_covers_an_object_and_what_is_seen_in_it():
    levels = torch.full((4, 16, 32), -20.0)
    levels[0] = 20.0
    levels[:, :, 16:] = levels[:, :, 16:].flip(0)
    features = object_features(OBJECTS, 0, (128, 256), Seen(levels, torch.zeros(11, 16, 32)))
    # The person, who stands lower in the picture, covers 20 x 30 of the car's 50 x 50 pixels.
    assert features[0, 13] == pytest.approx(3 * 600 / 2500)
    assert features[2, 13] == 0
    assert features[2, 14] == pytest.approx(3 * 600 / 1800)
    # The light stands all in the left half, of level 0; the car from column 90 on mostly in the left one.
    inside = features[:, -SEEN : -SEEN + 4].exp()
    assert inside[1, 0] == pytest.approx(1.0, abs=1e-3)
    assert inside[0, 0] == pytest.approx(5 / 7, abs=1e-3)


def test_odd_types_and_boxes_do_no_harm(student, picture):
    usual = student(image=picture, detections=OBJECTS).boxes.importance[0].tolist()
    double = Detections(OBJECTS.corners.double(), OBJECTS.category.int(), OBJECTS.confidence.double())
    assert student(image=picture, detections=double).boxes.importance[0].tolist() == usual
    strange = torch.tensor([[[float("nan")] * 4, [0.0, -90, 50, -20], [5.0, 5, 5, 5], [-1e9, -1e9, 1e9, 1e9]]])
    for box in strange[0]:
        more = Detections(
            torch.cat([OBJECTS.corners, box[None, None]], 1),
            torch.cat([OBJECTS.category, torch.tensor([[0]])], 1),
            torch.cat([OBJECTS.confidence, torch.tensor([[float("nan")]])], 1),
        )
        labels = student(image=picture, detections=more).boxes.importance[0]
        assert labels.shape == (4,)
        alone = Detections(box[None, None], torch.tensor([[0]]), torch.ones(1, 1))
        assert 1 <= int(student(image=picture, detections=alone).boxes.importance) <= 3


def test_labels_lie_where_patches_do(student):
    """A size that is no multiple of 16 is judged as the tokenizer pads it."""
    image = torch.rand(1, 3, 41, 300, generator=torch.Generator().manual_seed(5))
    padded = torch.nn.functional.pad(image, (0, 4, 0, 7), mode="replicate")
    assert torch.equal(student(image=image).importance, student(image=padded).importance)


def test_it_stays_as_it_is_in_a_flowgraph_that_is_trained(picture):
    student = ImportanceStudent()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    student.train()
    student(image=picture)
    assert not student.training
    assert all(torch.equal(before[name], value) for name, value in student.state_dict().items())


def test_unknown_weights_are_named():
    with pytest.raises(WeightsError, match="no weights 'studnet'; did you mean 'student'"):
        ImportanceStudent(weights="studnet")
    with pytest.raises(WeightsError, match="the weights 'small' hold no 'student'; those that do: student"):
        ImportanceStudent(weights="small")


def test_a_link_runs_from_the_picture_alone(photograph):
    fg = Flowgraph("from_picture", inputs={"image": Image, "snr_db": Decibels})
    fg.student, fg.link = ImportanceStudent(), klt(rate=RateAllocator(target_cbr=0.05))
    fg.connect(fg["image"], fg.student["image"])
    fg.connect(fg["image"], fg.link["image"])
    fg.connect(fg["snr_db"], fg.link["snr_db"])
    fg.connect(fg.student["importance"], fg.link["known_importance"])
    fg.connect(fg.link["image"], fg["image"])
    out = fg.run(image=photograph, snr_db=10.0, seed=1, probe=["link.importance.out", "rate.lengths"])
    labels = ImportanceStudent()(image=photograph).importance
    assert torch.equal(out["link.importance.out"], labels)
    assert int(labels.max()) > 0
    given = klt(rate=RateAllocator(target_cbr=0.05)).run(
        image=photograph, known_importance=labels, snr_db=10.0, seed=1, probe=["rate.lengths"]
    )
    link = klt(rate=RateAllocator(target_cbr=0.05))
    without = link.run(image=photograph, snr_db=10.0, seed=1, probe=["rate.lengths"])
    assert torch.equal(given["rate.lengths"], out["rate.lengths"])
    assert not torch.equal(given["rate.lengths"], without["rate.lengths"])


# -- on real scenes


@pytest.fixture(scope="module")
def judged(data_folder, student):
    """Confusion over objects, and over patches from the picture alone, against the drivers' majority on `val`."""
    folder = data_folder / "cityscapes100"
    objects, patches = torch.zeros(16), torch.zeros(16)
    with torch.no_grad():
        scenes = labelled_objects(folder, "val", (MODEL, *DRIVERS))
        for files, scene in zip(street_scenes(folder), scenes, strict=True):
            image, found = read_picture(files.picture)[None], read_detections(files.detections)
            majority = with_majority(scene).labels[MAJORITY]
            truth = torch.tensor([majority.get(i, 0) for i in scene.detections])
            said = student(image=image, detections=found).boxes.importance[0]
            objects += torch.bincount((truth * 4 + said)[truth > 0], minlength=16)
            wanted = PatchImportance()(image=image, boxes=Boxes(found.corners, truth[None]))
            alone = student(image=image).importance
            patches += torch.bincount((wanted * 4 + alone).flatten(), minlength=16)
    return objects.view(4, 4).double().numpy(), patches.view(4, 4).double().numpy()


def test_it_agrees_with_people_as_its_card_says(judged):
    objects, patches = judged
    assert objects.trace() / objects.sum() >= 0.74
    assert macro_f1(patches) >= 0.50
    assert recall(patches, 3) >= 0.75


def test_its_card_is_there():
    from importlib.resources import files

    card = files("linksim.blocks.weights").joinpath("STUDENT.md").read_text()
    assert all(word in card.lower() for word in ("data", "terms", "recipe", "seed", "hours", "results", "limits"))


def test_it_knows_street_scenes_and_no_photographs(data_folder):
    student = ImportanceStudent()
    scenes = [scene.picture for scene in street_scenes(data_folder / "cityscapes100", "val")]
    photographs = sorted((data_folder / "kodak").glob("*.png"))[::3]
    known = [bool(student.knows(read_picture(path)[None])) for path in (*scenes, *photographs)]
    assert known == [True] * len(scenes) + [False] * len(photographs)


def test_without_weights_it_knows_all():
    assert ImportanceStudent(weights=None).knows(torch.rand(2, 3, 40, 70)).tolist() == [True, True]


def test_the_distance_is_mahalanobis_where_all_directions_are_kept(generator):
    features = torch.randn(300, known_pictures.COMPONENTS, generator=generator) @ torch.randn(
        known_pictures.COMPONENTS, known_pictures.COMPONENTS, generator=generator
    )
    known = known_pictures.fit(features)
    centred = features - features.mean(0)
    covariance = centred.T @ centred / (len(features) - 1)
    exact = (centred @ torch.linalg.inv(covariance) * centred).sum(1) / known_pictures.COMPONENTS
    torch.testing.assert_close(known.distance(features), exact, rtol=0.02, atol=0.02)
    assert 0.9 < float((known.distance(features) <= known.limit).float().mean()) < 1.0
