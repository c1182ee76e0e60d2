"""The bench of described pictures, on a few, and its judge."""

import json

import pytest
import torch
from PIL import Image as PillowImage

from linksim.benches.bench import find_bench
from linksim.benches.vlm_csc import judge, points
from linksim.benches.vlm_csc.judge import Judge, fitted
from linksim.errors import ParameterError

COLOURS = {"dog": "brown", "cat": "black"}


@pytest.fixture
def folder(tmp_path):
    """A set of two classes, told apart by their colour: 12 tiles to train on and 4 to test."""
    place = tmp_path / "sets" / "pets"
    place.mkdir(parents=True)
    for name, count in (("train", 12), ("test", 4)):
        # Runs of three of a class, so that each third picture, the judge's, is of both.
        labels = [("dog", "cat")[(number // 3) % 2] for number in range(count)]
        grid = PillowImage.new("RGB", (64 * count, 64))
        for number, label in enumerate(labels):
            grid.paste(COLOURS[label], (64 * number, 0, 64 * number + 64, 64))
        grid.save(place / f"{name}.png")
        items = [
            {"caption": f"a {COLOURS[label]} {label} in front of something blue", "label": label} for label in labels
        ]
        content = {"tile": 64, "columns": count, "files": [f"{name}.png"], "items": items}
        (place / f"{name}.json").write_text(json.dumps(content))
    return place.parent


def test_the_judge_learns_from_each_third_picture_and_tells_the_classes_apart(folder):
    train = str(folder / "pets" / "train.json")
    probe = fitted(train)
    assert list(probe.classes) == ["cat", "dog"]
    source = points.LabelledPictures(folder=str(folder / "pets"))
    image, label = source(batch=4)
    assert label.tolist() == [1, 1, 1, 0]
    found = Judge(train=train)(image=image, original=image, label=label)
    assert found.right.value.tolist() == [1.0] * 4
    assert found.right_at_sender.value.tolist() == [1.0] * 4
    wrong = Judge(train=train)(image=image.flip(0), original=image, label=label)
    assert wrong.right.value.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert wrong.right_at_sender.value.tolist() == [1.0] * 4


def test_the_stored_pictures_are_those_that_the_judge_has_not_seen(folder):
    stored = points._stored(str(folder)).pictures
    assert len(stored) == 8
    assert len(judge.split_pictures(points.read_captioned_pictures(str(folder / "pets" / "train.json")), 3)[1]) == 4


def test_the_page_has_all_systems_and_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("linksim.benches.vlm_csc.PICTURES", 4)
    monkeypatch.setattr("linksim.benches.vlm_csc.CODED_PICTURES", 4)
    monkeypatch.setattr("linksim.benches.vlm_csc.CHUNK", 4)
    for module in ("", ".tables", ".figures"):
        monkeypatch.setattr(f"linksim.benches.vlm_csc{module}.SNRS_DB", (0.0, 10.0))
        monkeypatch.setattr(f"linksim.benches.vlm_csc{module}.USES", (2048,))
    bench = find_bench("vlm-csc")(captions=folder, out=tmp_path / "out")
    text, figures = bench.run()
    assert figures == ["vlm_csc_pets.png"]
    assert (tmp_path / "out" / figures[0]).stat().st_size > 10_000
    for system in (*points.DESCRIBING, *points.PICTURE_LINKS):
        assert text.count(f"| {system} |") == 3
    for system in ("WebP + LDPC", "AVIF + LDPC"):
        # A picture of one colour fits into 2,048 uses and arrives without an error; analog links leave noise on it.
        assert f"- {system}: 2,048 uses, of those tried" in text
    assert "which show 2 classes. A guess has an SSQ of 0.500." in text
    assert bench.run()[0] == text


def test_a_folder_without_sets_is_named(tmp_path):
    with pytest.raises(ParameterError, match="has no folders with train.json and test.json"):
        list(find_bench("vlm_csc")(captions=tmp_path, out=tmp_path / "out").parts())
    with pytest.raises(ParameterError, match="give --captions"):
        list(find_bench("vlm_csc")(out=tmp_path / "out").parts())


def test_features_do_not_depend_on_the_batch():
    image = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(judge.seen(image)[1:2], judge.seen(image[1:2]), atol=1e-3, rtol=1e-3)
