"""The bench of masked pictures, on a few."""

import json

import pytest
from PIL import Image as PillowImage
from skimage import data

from linksim.benches.bench import find_bench
from linksim.benches.intent import points
from linksim.errors import ParameterError


@pytest.fixture
def folder(tmp_path):
    """Four pictures, of which one has an object that is too small and one is not for tests."""
    place = tmp_path / "coco"
    (place / "images").mkdir(parents=True)
    (place / "masks").mkdir()
    entries = []
    for number, (edge, split) in enumerate([(60, "val"), (60, "val"), (4, "val"), (60, "train")]):
        PillowImage.fromarray(data.astronaut()[100:200, 80 + 40 * number : 230 + 40 * number]).save(
            place / "images" / f"{number}.png"
        )
        mask = PillowImage.new("L", (150, 100), 0)
        mask.paste(1, (50, 20, 50 + edge, 20 + edge))
        mask.save(place / "masks" / f"{number}.png")
        objects = [{"index": 1, "category": "person", "box": [50, 20, 50 + edge, 20 + edge]}]
        entries.append({"file": str(number), "split": split, "instances": objects})
    (place / "annotations.json").write_text(json.dumps(entries))
    return place


def test_the_pictures_are_those_of_the_test_split_with_a_region_that_counts(folder):
    pictures = points.MaskedTestPictures(str(folder), 40)
    assert len(pictures) == 2
    assert pictures[0]["image"].shape == (1, 3, 96, 144)
    assert pictures[0]["mask"].shape == (1, 96, 144)
    assert pictures[0]["mask"].sum() == 60 * 60


def test_the_page_has_all_systems_and_goes_on(folder, tmp_path, monkeypatch):
    for module in ("", ".tables", ".figures"):
        monkeypatch.setattr(f"linksim.benches.intent{module}.SNRS_DB", (10.0,))
    bench = find_bench("intent")(masked=folder, out=tmp_path / "out")
    text, figures = bench.run()
    assert figures == ["intent.png"]
    assert (tmp_path / "out" / "intent.png").stat().st_size > 10_000
    for system in points.SYSTEMS:
        assert text.count(f"| {system} |") == 11 + (system not in (points.OURS, points.TOLD))
    assert bench.run()[0] == text


def test_a_bench_without_pictures_says_what_it_needs(folder, tmp_path):
    with pytest.raises(ParameterError, match="--masked"):
        find_bench("intent")(out=tmp_path).run()
    (folder / "annotations.json").write_text("[]")
    with pytest.raises(ParameterError, match="no test pictures"):
        find_bench("intent")(masked=folder, out=tmp_path / "out").run()
