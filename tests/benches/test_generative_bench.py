"""The bench of generative systems, on a few pictures."""

import json

import pytest
from PIL import Image as PillowImage
from skimage import data

from linksim.benches.bench import find_bench
from linksim.benches.generative import points
from linksim.benches.generative.tables import METRICS
from linksim.errors import FileError, ParameterError


@pytest.fixture
def folder(tmp_path):
    """Four pictures, of which one has too little that is salient and one is not for tests."""
    place = tmp_path / "coco"
    for name in ("images", "masks", "salient"):
        (place / name).mkdir(parents=True)
    entries = []
    for number, (edge, split) in enumerate([(60, "val"), (60, "val"), (4, "val"), (60, "train")]):
        PillowImage.fromarray(data.astronaut()[100:300, 80 + 40 * number : 300 + 40 * number]).save(
            place / "images" / f"{number}.png"
        )
        mask = PillowImage.new("L", (220, 200), 0)
        mask.paste(255, (50, 20, 50 + edge, 20 + edge))
        mask.save(place / "salient" / f"{number}.png")
        mask.point(lambda value: value // 255).save(place / "masks" / f"{number}.png")
        objects = [{"index": 1, "category": "person", "box": [50, 20, 50 + edge, 20 + edge]}]
        said = [f"a woman in a suit, number {number}"]
        entries.append({"file": str(number), "split": split, "instances": objects, "captions": said})
    (place / "annotations.json").write_text(json.dumps(entries))
    return place


def test_the_pictures_are_those_of_the_test_split_with_something_salient(folder):
    pictures = points.SalientTestPictures(str(folder))
    assert len(pictures) == 2
    assert pictures[0]["image"].shape == (1, 3, 192, 208)
    assert pictures[0]["mask"].sum() == 60 * 60
    assert pictures[0]["text"].sentences == ["a woman in a suit, number 0"]
    assert pictures[0]["other_text"].sentences == ["a woman in a suit, number 1"]


def test_the_page_has_all_systems_and_goes_on(folder, tmp_path, monkeypatch):
    for module in ("", ".tables", ".figures", ".points"):
        monkeypatch.setattr(f"linksim.benches.generative{module}.SNRS_DB", (10.0,))
    for module in (".tables", ".figures", ".points"):
        monkeypatch.setattr(f"linksim.benches.generative{module}.CBRS", (1 / 24,))
    bench = find_bench("generative")(masked=folder, out=tmp_path / "out")
    text, figures = bench.run()
    assert figures == ["generative.png", "generative_rates.png"]
    assert all((tmp_path / "out" / name).stat().st_size > 10_000 for name in figures)
    for system in points.SYSTEMS:
        assert text.count(f"| {system} |") == len(METRICS) * len(points.where(system))
    assert "nan" not in text
    assert bench.run()[0] == text


def test_no_system_sends_more_than_the_ratio(folder):
    pictures = points.SalientTestPictures(str(folder))
    for system in points.SYSTEMS:
        link = points.generative_link(system, "awgn", 1 / 24, str(folder))
        spent = float(link.run(**pictures[0], snr_db=10.0, seed=1)["cbr_total"].value)
        least = 0 if system == points.NAM24 else 0.8 / 24
        assert least < spent <= 1 / 24 + 1e-6


def test_a_bench_without_pictures_says_what_it_needs(folder, tmp_path):
    with pytest.raises(ParameterError, match="--masked"):
        find_bench("generative")(out=tmp_path).run()
    (folder / "annotations.json").write_text("[]")
    with pytest.raises(FileError, match="what is salient"):
        find_bench("generative")(masked=folder, out=tmp_path / "out").run()
