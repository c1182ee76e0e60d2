"""`linksim annotate` and `linksim agreement`."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from linksim.benches.agreement import (
    DRIVERS,
    MODEL,
    accuracy,
    interval,
    kappa,
    macro_f1,
    majority,
    precision,
    recall,
)
from linksim.blocks.semantics.detection_files import write_json
from linksim.blocks.sources import street_scenes
from linksim.errors import FileError

HUMANS = DRIVERS


def entry(number, x1, name="car"):
    return {"name": name, "class": 2, "confidence": 0.9, "box": {"x1": x1, "y1": 10, "x2": x1 + 30, "y2": 60},
            "track_id": number}  # fmt: skip


@pytest.fixture
def bench(tmp_path):
    """Four pictures with three objects each, and annotators who differ."""
    generator = np.random.default_rng(1)
    root = tmp_path / "bench"
    (root / "images").mkdir(parents=True)
    for name in "abcd":
        pixels = generator.integers(0, 255, (64, 160, 3), np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{name}.png")
        write_json(root / "detections" / f"{name}.json", [entry(i, 50 * (i - 1)) for i in (1, 2, 3)])
        votes = {HUMANS[0]: (3, 2, 1), HUMANS[1]: (3, 2, 1), HUMANS[2]: (3, 1, 2), MODEL: (3, 1, 1)}
        for annotator, labels in votes.items():
            write_json(root / annotator / f"{name}.json", {str(i): v for i, v in enumerate(labels, 1)})
    return root


def test_agreement_counts_what_can_be_counted_by_hand(cli, bench):
    code, out, _ = cli("agreement", bench, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["pictures"], found["objects"], found["without_majority"]) == (4, 12, 0)
    row = found["pairs"][0]
    assert (row["reference"], row["other"]) == ("majority", MODEL)
    # Majority 3, 2, 1; model 3, 1, 1: two of three right in every picture.
    assert row["object_accuracy"] == pytest.approx([2 / 3] * 3)
    assert row["confusion"] == [[4, 0, 0], [4, 0, 0], [0, 0, 4]]
    assert row["object_recall"] == {"low": 1.0, "medium": 0.0, "high": 1.0}
    assert row["object_precision"]["low"] == 0.5
    # Chance: (1/3 2/3 + 1/3 0 + 1/3 1/3) = 1/3.
    assert row["object_kappa"][0] == pytest.approx((2 / 3 - 1 / 3) / (2 / 3))
    # Boxes of 30 pixels at 0, 50, 100 touch patches 0-1, 3-4, 6-8 in 4 rows of 10: 3, 2 and 1, and 16 of 40 nothing.
    assert row["patch_accuracy"][0] == pytest.approx((40 - 8) / 40)


def test_what_does_not_match_is_left_out_and_said(cli, bench):
    labels = json.loads((bench / MODEL / "a.json").read_text())
    del labels["1"]
    write_json(bench / MODEL / "a.json", {**labels, "77": 2})
    write_json(bench / HUMANS[0] / "b.json", {"1": 1, "2": 2, "3": 1})
    write_json(bench / HUMANS[1] / "b.json", {"1": 2, "2": 2, "3": 1})
    code, out, _ = cli("agreement", bench, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["without_majority"] == 1
    assert "scene 'a', importance_mllm: 1 detections have no label and 1 labels have no detection" in found["notes"][0]
    assert found["pairs"][0]["objects"] == 10
    code, out, _ = cli("agreement", bench)
    assert "note: scene 'a'" in out
    assert "objects have none" in out


def test_agreement_names_what_is_missing(cli, bench, tmp_path):
    for folder, message in ((tmp_path, "no street scenes"), (bench, "cannot read")):
        (bench / HUMANS[2] / "c.json").unlink(missing_ok=True)
        code, _, err = cli("agreement", folder)
        assert code == 2
        assert message in err
    write_json(bench / "split.json", {"val": ["a"]})
    code, _, err = cli("agreement", bench, "--part", "val")
    assert "at least two" in err


def test_figures_of_a_confusion_matrix():
    counts = np.array([[50, 10, 0, 0], [5, 20, 0, 0], [0, 0, 0, 0], [0, 0, 0, 15.0]])
    assert accuracy(counts) == pytest.approx(0.85)
    assert recall(counts, 1) == pytest.approx(0.8)
    assert precision(counts, 1) == pytest.approx(20 / 30)
    assert np.isnan(recall(counts, 2))
    assert macro_f1(counts) == pytest.approx((100 / 115 + 40 / 55 + 1) / 3)
    chance = (60 * 55 + 25 * 30 + 15 * 15) / 100**2
    assert kappa(counts) == pytest.approx((0.85 - chance) / (1 - chance))
    assert [majority(votes) for votes in ((1, 1, 2), (3, 3, 3), (1, 2, 3))] == [1, 3, None]


def test_the_interval_covers_as_often_as_it_says():
    generator = np.random.default_rng(3)
    truth, covered = 0.7, 0
    for trial in range(200):
        right = generator.binomial(20, generator.beta(7, 3, 40))
        scenes = [np.diag([k, 0, 0, 0.0]) + np.diag([20.0 - k, 0, 0], 1) for k in right]
        _, low, high = interval(scenes, accuracy, trial)
        covered += low <= truth <= high
    # 95 % asked; 200 trials have a standard deviation of 1.5 %.
    assert 0.89 <= covered / 200 <= 0.99


def test_the_known_agreement_of_the_benchmark(cli, data_folder):
    code, out, _ = cli("agreement", data_folder / "cityscapes100", "--json")
    row = json.loads(out)["pairs"][0]
    assert code == 0
    assert 0.79 < row["object_accuracy"][0] < 0.84


def test_the_layout_that_the_authors_published_is_read(cli, bench):
    """Folders called after the annotators, files after their scenes with an ending, no split."""
    (bench / "images").rename(bench / "leftImg8bit")
    (bench / "detections").rename(bench / "yolo")
    folders = {MODEL: "allocated_gpt", **{human: f"allocated_{i}" for i, human in enumerate(HUMANS)}}
    for old, new in folders.items():
        (bench / old).rename(bench / new)
        for path in list((bench / new).iterdir()):
            path.rename(path.with_name(f"{path.stem}_importance.json"))
    drivers = [word for human in HUMANS for word in ("--driver", folders[human])]
    code, out, err = cli("agreement", bench, "--model", "allocated_gpt", *drivers, "--json")
    assert code == 0, err
    assert json.loads(out)["pairs"][0]["object_accuracy"] == pytest.approx([2 / 3] * 3)
    scenes = street_scenes(bench, part=None, labels="allocated_gpt")
    assert [scene.name for scene in scenes] == list("abcd")
    assert scenes[0].boxes().importance.tolist() == [[3, 1, 1]]
    code, _, err = cli("agreement", bench, "--model", "allocated_gpt", "--driver", "allocated_0")
    assert (code, "at least three --driver folders (got 1)" in err) == (2, True)
    same = ["--driver", "allocated_0"] * 3
    code, _, err = cli("agreement", bench, "--model", "allocated_gpt", *same)
    assert (code, "must be folders of their own" in err) == (2, True)


def test_pictures_whose_names_end_alike_keep_their_files(bench):
    """The word that all names end with is theirs, no ending of the files."""
    for folder in ("images", "detections", MODEL):
        for path in list((bench / folder).iterdir()):
            path.rename(path.with_name(f"{path.stem}_front{path.suffix}"))
    scenes = street_scenes(bench, part=None)
    assert [scene.name for scene in scenes] == ["a_front", "b_front", "c_front", "d_front"]
    assert scenes[0].boxes().importance.tolist() == [[3, 1, 1]]


def test_a_scene_does_not_take_the_files_of_another(bench):
    """Neither where names begin alike, nor where files of the system lie about."""
    for folder in (bench / "detections", bench / MODEL):
        (folder / "b.json").rename(folder / "a_b.json")
        (folder / "a.json").unlink()
    with pytest.raises(FileError, match="scene 'a' lacks"):
        street_scenes(bench, part=None)
    (bench / "images").rename(bench / "pictures")
    (bench / "pictures" / ".DS_Store").write_text("x")
    (bench / ".vscode").mkdir()
    (bench / ".vscode" / "settings.json").write_text("{ // a comment")
    with pytest.raises(FileError, match="scene 'a' lacks"):
        street_scenes(bench, part=None)
    (bench / "more").mkdir()
    (bench / "pictures" / "d.png").rename(bench / "more" / "d.png")
    with pytest.raises(FileError, match="nor exactly one other folder of pictures"):
        street_scenes(bench, part=None)


@pytest.mark.parametrize("by", ["student", "rules", "class"])
def test_annotate_makes_a_benchmark_that_can_be_read(cli, bench, tmp_path, by):
    out = tmp_path / "made"
    arguments = ("annotate", bench / "images", "--out", out, "--by", by, "--detections", bench / "detections", "--json")
    code, text, _ = cli(*arguments)
    assert code == 0
    assert json.loads(text)["labelled_now"] == 4
    scenes = street_scenes(out, part=None, labels=f"importance_{by}")
    assert [scene.name for scene in scenes] == list("abcd")
    assert scenes[0].boxes().importance.shape == (1, 3)
    before = (out / f"importance_{by}" / "a.json").stat().st_mtime_ns
    assert json.loads(cli(*arguments)[1])["labelled_now"] == 0
    assert (out / f"importance_{by}" / "a.json").stat().st_mtime_ns == before


def test_annotate_says_what_is_wrong(cli, bench, tmp_path):
    code, _, err = cli("annotate", bench / "images", "--out", tmp_path, "--by", "mlm")
    assert (code, "did you mean 'mllm'" in err) == (2, True)
    code, _, err = cli("annotate", tmp_path / "none", "--out", tmp_path)
    assert (code, "no picture or folder" in err) == (2, True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(bench / "images" / "a.jpg")
    code, _, err = cli("annotate", bench / "images", "--out", tmp_path, "--by", "rules")
    assert (code, "two pictures" in err) == (2, True)


def test_the_rule_reaches_what_its_docstring_says(data_folder):
    from linksim.blocks import RuleImportance
    from linksim.blocks.semantics import read_detections

    right = total = 0
    for scene in street_scenes(data_folder / "cityscapes100", part="train"):
        found = read_detections(scene.detections)
        labels = json.loads(scene.labels.read_text())
        ids = [str(e["track_id"]) for e in json.loads(scene.detections.read_text())]
        ruled = RuleImportance()(image=torch.empty(1, 3, 1024, 2048), detections=found).importance[0].tolist()
        pairs = [(labels[i], value) for i, value in zip(ids, ruled, strict=True) if i in labels]
        right, total = right + sum(a == b for a, b in pairs), total + len(pairs)
    assert right / total > 0.58


def test_transmit_takes_importance_from_rule_class_and_file(cli, bench, tmp_path):
    picture, boxes = bench / "images" / "a.png", bench / "detections" / "a.json"
    high = {}
    for way, more in (
        ("rules", ()),
        ("student", ()),
        ("class", ()),
        ("file", ("--labels", bench / MODEL / "a.json")),
        ("none", ()),
    ):
        asked = ("--link", "klt", "--cbr", "0.2", "--importance", way, "--boxes", boxes, *more)
        code, text, err = cli("transmit", picture, *asked, "--out", tmp_path / way, "--json")
        assert code == 0, err
        high[way] = json.loads(text)["patch_psnr_db"]
    assert high["none"]["nonbackground"] is None
    # Cars are medium by class; 50 pixels high in a picture of 64 they stand before the bonnet, by the rule.
    assert high["class"]["medium"] is not None
    assert high["rules"]["high"] is not None
    assert high["student"]["nonbackground"] is not None
    assert high["file"]["low"] is not None


def transmitted(cli, picture, out):
    """What transmit says of a picture with no word about importance, with the student, and with none."""
    found, notes = {}, {}
    for name, more in (("alone", ()), ("student", ("--importance", "student")), ("none", ("--importance", "none"))):
        asked = ("transmit", picture, "--link", "klt", "--cbr", "0.2", *more)
        code, text, err = cli(*asked, "--out", out / name, "--json")
        assert code == 0, err
        found[name], notes[name] = json.loads(text), " ".join(err.split())
        del found[name]["seconds"]
    return found, notes


def test_transmit_uses_no_importance_in_a_picture_that_the_student_does_not_know(cli, bench, tmp_path):
    found, notes = transmitted(cli, bench / "images" / "a.png", tmp_path)
    assert [found[name]["importance"] for name in found] == ["none", "student", "none"]
    assert found["alone"] == found["none"]
    assert found["alone"]["patch_psnr_db"]["nonbackground"] is None
    assert "does not look like the street scenes" in notes["alone"]
    assert "no importance is used" in notes["alone"]
    assert "may find importance where there is none" in notes["student"]
    assert "street" not in notes["none"]


def test_transmit_needs_no_boxes_in_a_street_scene(cli, data_folder, tmp_path):
    scene = street_scenes(data_folder / "cityscapes100", "val")[0].picture
    Image.open(scene).convert("RGB").resize((512, 256)).save(tmp_path / "street.png")
    found, notes = transmitted(cli, tmp_path / "street.png", tmp_path)
    assert [found[name]["importance"] for name in found] == ["student", "student", "none"]
    assert found["alone"] == found["student"]
    assert found["alone"]["patch_psnr_db"]["nonbackground"] is not None
    assert "judged by the student of street scenes" in notes["alone"]
    assert "street" not in notes["student"]


def test_transmit_says_what_does_not_fit(cli, bench, tmp_path):
    picture, boxes = bench / "images" / "a.png", bench / "detections" / "a.json"
    for more, message in (
        (("--importance", "rule"), "did you mean 'rules'"),
        (("--importance", "file"), "needs --boxes"),
        (("--labels", picture), "--labels needs --boxes"),
        (
            ("--importance", "rules", "--boxes", boxes, "--labels", picture),
            "leave out --labels",
        ),
    ):
        code, _, err = cli("transmit", picture, *more, "--out", tmp_path)
        assert code == 2
        assert message in err
