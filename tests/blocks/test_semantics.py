"""What matters in a picture: detectors, tables, rules, and a model that answers well or badly."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from loopback import KEY, cut_off, fails, says

from linksim import Detections, Flowgraph, Image
from linksim.blocks import (
    ClassImportance,
    DrawnImportance,
    ImportanceAnnotator,
    ObjectDetector,
    PatchImportance,
    RuleImportance,
)
from linksim.blocks.semantics.annotator import Annotator
from linksim.blocks.semantics.categories import COCO, NUMBER
from linksim.blocks.semantics.detection_files import detection_list, read_detections, write_json
from linksim.blocks.semantics.object_detector import _as_it_was
from linksim.blocks.semantics.question import read_answer
from linksim.errors import FileError, LinksimError, ParameterError


def detections(*objects):
    """(class, x1, y1, x2, y2) each."""
    corners = torch.tensor([[list(map(float, each[1:])) for each in objects]]).reshape(1, -1, 4)
    return Detections(corners, torch.tensor([[NUMBER[each[0]] for each in objects]]), torch.ones(1, len(objects)))


SCENE = detections(("car", 900, 300, 1100, 600), ("car", 100, 420, 160, 460), ("person", 1850, 400, 1950, 700))
PICTURE = torch.rand(1, 3, 1024, 2048, generator=torch.Generator().manual_seed(1))


# -- rules and tables


def test_coco_has_eighty_classes_of_the_usual_numbers():
    assert len(COCO) == len(NUMBER) == 80
    assert [COCO[i] for i in (0, 2, 9, 11, 79)] == ["person", "car", "traffic light", "stop sign", "toothbrush"]


def test_a_table_gives_a_class_its_importance_and_padding_none():
    padded = Detections(torch.zeros(1, 3, 4), torch.tensor([[0, 2, -1]]), torch.zeros(1, 3))
    assert ClassImportance()(detections=padded).importance.tolist() == [[3, 2, 0]]
    assert ClassImportance(table={"car": 3})(detections=padded).importance.tolist() == [[1, 3, 0]]
    with pytest.raises(ParameterError, match="unknown class 'cars'; did you mean 'car'"):
        ClassImportance(table={"cars": 3})
    with pytest.raises(ParameterError, match=r"table\['car'\]"):
        ClassImportance(table={"car": 4})


def test_drawn_boxes_are_the_same_for_every_picture():
    drawn = DrawnImportance(boxes=[[0, 0, 20, 20, 3], [16, 16, 40, 33, 1]])
    labels = PatchImportance()(image=PICTURE[:, :, :48, :48], boxes=drawn(image=PICTURE[:, :, :48, :48]))
    assert labels.tolist() == [[[3, 3, 0], [3, 3, 1], [0, 1, 1]]]
    with pytest.raises(ParameterError, match=r"boxes\[0\]' must be \[x1, y1, x2, y2, label\]"):
        DrawnImportance(boxes=[[5, 0, 1, 2, 3]])


def test_the_rule_knows_distance_and_path():
    rule = RuleImportance()
    assert rule(image=PICTURE, detections=SCENE).importance.tolist() == [[3, 1, 1]]
    distance, clearance = rule.metres(SCENE, 1024, 2048)
    # A car 1.5 m high and 300 of 1024 pixels high, at a focal length of 2.2 picture heights.
    assert distance[0, 0].item() == pytest.approx(2.2 * 1.5 / (300 / 1024))
    assert clearance[0, 0].item() == 0.0
    assert clearance[0, 2].item() == pytest.approx((1850 - 1024) / 1024 * distance[0, 2].item() / 2.2)
    nothing = Detections(torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, 0))
    assert rule(image=PICTURE, detections=nothing).importance.shape == (1, 0)


def test_in_a_flowgraph_a_rule_takes_the_place_of_boxes():
    fg = Flowgraph("rule", inputs={"image": Image, "found": Detections})
    fg.rule, fg.patches = RuleImportance(), PatchImportance()
    fg.connect(fg["image"], fg.rule["image"])
    fg.connect(fg["image"], fg.patches["image"])
    fg.connect(fg["found"], fg.rule["detections"])
    fg.connect(fg.rule, fg.patches["boxes"])
    fg.connect(fg.patches, fg["importance"])
    labels = fg.run(image=PICTURE, found=SCENE)["importance"]
    assert labels[0, 20, 60] == 3
    assert labels[0, 0, 0] == 0


# -- files


def test_detections_go_to_a_file_and_back(tmp_path):
    write_json(tmp_path / "a" / "b.json", detection_list(SCENE))
    back = read_detections(tmp_path / "a" / "b.json")
    assert torch.equal(back.corners, SCENE.corners)
    assert torch.equal(back.category, SCENE.category)
    write_json(tmp_path / "none.json", [])
    assert read_detections(tmp_path / "none.json").corners.shape == (1, 0, 4)


@pytest.mark.parametrize(("content", "message"), [
    ({}, "must hold a list"),
    ([{"name": "car"}], "entry 0: must have a 'box'"),
    ([{"name": "cart", "box": {"x1": 0, "y1": 0, "x2": 1, "y2": 1}}], "one of COCO's classes"),
    ([{"class": 2, "confidence": 7, "box": {"x1": 0, "y1": 0, "x2": 1, "y2": 1}}], "'confidence' must be in 0..1"),
    ([{"class": 2, "box": {"x1": 4, "y1": 0, "x2": 1, "y2": 1}}], "x1 must not exceed x2"),
])  # fmt: skip
def test_files_of_another_form_are_refused(tmp_path, content, message):
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(FileError, match=message):
        read_detections(tmp_path / "x.json")


# -- the detector


def test_the_detectors_library_leaves_pillow_as_it_was():
    code = (
        "import torch; from PIL import Image; before = Image.open\n"
        "from linksim.blocks import ObjectDetector\n"
        "try:\n    ObjectDetector(model='/nowhere/x.pt')(image=torch.zeros(1, 3, 64, 64))\n"
        "except ValueError: print(Image.open is before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[-1:] == ["True"], run.stderr


def test_without_weights_one_line_says_how_to_get_them(monkeypatch, tmp_path):
    with _as_it_was():
        pytest.importorskip("ultralytics")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LinksimError, match="give its path, or give detections from a file") as caught:
        ObjectDetector(model=str(tmp_path / "yolo11x.pt"))(image=PICTURE[..., :64, :64])
    assert "\n" not in str(caught.value)


def test_a_local_model_finds_what_ultralytics_finds(tmp_path, photograph):
    with _as_it_was():
        ultralytics = pytest.importorskip("ultralytics")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = ultralytics.YOLO("yolo11n.yaml", verbose=False)
    network.save(tmp_path / "own.pt")
    state = torch.random.get_rng_state()
    batch = torch.cat([photograph[..., :256, :320], photograph[..., 200:456, 100:420]])
    # Untrained: its confidences lie near zero, and it finds things everywhere.
    found = ObjectDetector(model=str(tmp_path / "own.pt"), confidence=0.0, most=7)(image=batch)
    assert torch.equal(torch.random.get_rng_state(), state)
    pixels = (batch * 255).round().byte().movedim(1, -1).flip(-1).numpy()
    for i, result in enumerate(network.predict(list(pixels), conf=0.0, max_det=7, verbose=False, device="cpu")):
        count = len(result.boxes)
        torch.testing.assert_close(found.corners[i, :count], result.boxes.xyxy)
        assert found.category[i, :count].tolist() == result.boxes.cls.long().tolist()
        assert (found.category[i, count:] == -1).all()


# -- the annotator, against a server that misbehaves


def answer(*levels):
    return json.dumps({"objects": [{"id": i, "importance": level} for i, level in enumerate(levels, 1)]})


def annotator(**settings):
    return Annotator(model="m", first_wait_seconds=0.01, timeout_seconds=1.0, **settings)


ENTRIES = detection_list(SCENE)


def ask(who):
    return who.annotate(PICTURE[0], ENTRIES, lambda: [3, 1, 1])


def test_a_good_answer_is_taken_and_the_question_is_whole(endpoint):
    endpoint.scripts = [says(answer("high", "low", "medium"))]
    who = annotator()
    found = ask(who)
    assert found.labels == {1: 3, 2: 1, 3: 2}
    assert found.by_rule == []
    assert (who.usage.input_tokens, who.usage.output_tokens) == (100, 10)
    asked = endpoint.asked[0]
    assert asked["response_format"]["json_schema"]["strict"] is True
    parts = asked["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "image_url"]
    assert parts[1] != parts[2]
    listed = json.loads(parts[0]["text"].splitlines()[-1])
    assert [entry["id"] for entry in listed] == [1, 2, 3]
    assert listed[0]["box"] == {"x1": 900.0, "y1": 300.0, "x2": 1100.0, "y2": 600.0}
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("bad", [
    fails(429), fails(429, retry_after="0"), fails(500), fails(503), cut_off, says(""), says(None), says("I cannot."),
    says('{"objects": "none"}'), says("x" * 300_000), says(answer("high", "low", "medium"), before=1.6),
    says('{"objects": [{"id": 77, "importance": "high"}]}'),
])  # fmt: skip
def test_what_passes_is_asked_again(endpoint, bad):
    endpoint.scripts = [bad, says(answer("high", "low", "medium"))]
    who = annotator()
    assert ask(who).labels == {1: 3, 2: 1, 3: 2}
    assert who.usage.retries == 1
    assert who.usage.problems == []


@pytest.mark.parametrize("bad", [fails(500), cut_off, says("no"), fails(400)])
def test_what_does_not_pass_ends_in_the_rule_and_is_reported(endpoint, bad):
    endpoint.scripts = [bad]
    who = annotator(attempts=3)
    found = ask(who)
    assert found.labels == {1: 3, 2: 1, 3: 1}
    assert found.by_rule == [1, 2, 3]
    assert found.problem
    assert len(endpoint.asked) == 3
    assert who.usage.problems == [found.problem]
    assert KEY not in found.problem


def test_objects_left_out_are_labelled_by_the_rule_alone(endpoint):
    text = 'Here it is:\n```json\n{"objects": [{"id": 3, "importance": "HIGH"}, {"id": 9, "importance": "low"}]}\n```'
    endpoint.scripts = [says(text)]
    who = annotator()
    found = ask(who)
    assert found.labels == {1: 3, 2: 1, 3: 3}
    assert found.by_rule == [1, 2]
    assert who.usage.problems == ["objects [1, 2] were not labelled"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_ends_it_at_once(endpoint, status):
    endpoint.scripts = [fails(status)]
    with pytest.raises(LinksimError, match="refuses the key or the model 'm'") as caught:
        ask(annotator())
    assert len(endpoint.asked) == 1
    assert KEY not in str(caught.value)


def test_nothing_is_asked_twice_and_the_key_is_nowhere(endpoint, tmp_path):
    endpoint.scripts = [says(answer("high", "low", "medium"))]
    first = ask(annotator(cache=tmp_path))
    who = annotator(cache=tmp_path)
    assert ask(who).labels == first.labels
    assert len(endpoint.asked) == 1
    assert (who.usage.kept, who.usage.questions) == (1, 0)
    ask(annotator(cache=tmp_path, scenario="surveillance"))
    who.annotate(PICTURE[0] * 0.5, ENTRIES, lambda: [1, 1, 1])
    assert len(endpoint.asked) == 3
    files = list(tmp_path.iterdir())
    assert len(files) == 3
    assert not any(KEY in path.read_text() for path in files)
    files[0].write_text("{broken")
    for scenario in ("driving", "surveillance"):
        ask(annotator(cache=tmp_path, scenario=scenario))
    assert all(json.loads(path.read_text()) for path in files)


def test_a_failure_is_not_kept(endpoint, tmp_path):
    endpoint.scripts = [fails(500), says(answer("high", "low", "medium"))]
    assert ask(annotator(cache=tmp_path, attempts=1)).by_rule == [1, 2, 3]
    assert ask(annotator(cache=tmp_path, attempts=1)).by_rule == []


def test_many_threads_may_ask(endpoint):
    endpoint.scripts = [fails(429)] * 5 + [says(answer("high", "low", "medium"), before=0.05)]
    who = annotator(attempts=6)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ask(who).labels, range(12)))
    assert all(labels == {1: 3, 2: 1, 3: 2} for labels in found)
    assert who.usage.questions == 17
    assert who.usage.input_tokens == 1200


def test_the_block_answers_for_a_batch_with_padding(endpoint):
    endpoint.scripts = [says(answer("high", "low", "medium")), says(answer("medium"))]
    both = Detections(
        torch.cat([SCENE.corners, SCENE.corners]),
        torch.tensor([[2, 2, 0], [2, -1, -1]]),
        torch.ones(2, 3),
    )
    block = ImportanceAnnotator(model="m")
    labels = block(image=torch.cat([PICTURE, PICTURE]), detections=both).importance
    assert labels.tolist() == [[3, 1, 2], [2, 0, 0]]
    assert block.usage.questions == 2


def test_annotate_asks_again_where_the_rule_had_to_answer(endpoint, tmp_path, photograph, capsys):
    from PIL import Image as PillowImage

    from linksim.cli.annotate import run_annotate
    from linksim.cli.annotating import Annotating

    pixels = (photograph[0, :, :128, :256] * 255).byte().movedim(0, -1).numpy()
    (tmp_path / "in").mkdir()
    for name in "ab":
        PillowImage.fromarray(pixels + ord(name)).save(tmp_path / "in" / f"{name}.png")
        write_json(tmp_path / "found" / f"{name}.json", detection_list(SCENE))
    asked = Annotating(
        tmp_path / "in", tmp_path / "out", "mllm", "m", "driving", None, tmp_path / "found", 1, (2.0, 10.0)
    )

    def run():
        run_annotate(asked, as_json=True)
        return json.loads(capsys.readouterr().out)

    endpoint.scripts = [says(answer("high", "low", "medium")), says(answer("high"))]
    first = run()
    assert first["labelled_now"] == 2
    assert first["cost"] == pytest.approx((200 * 2 + 20 * 10) / 1e6)
    assert list(first["by_rule"].values()) == [[2, 3]]
    name = next(iter(first["by_rule"]))
    again = run()
    assert (again["labelled_now"], again["questions"], again["kept"]) == (1, 0, 1)
    for path in (tmp_path / "out" / "answers").iterdir():
        path.unlink()
    endpoint.scripts = [says(answer("low", "low", "high"))]
    assert run()["by_rule"] == {}
    labels = json.loads((tmp_path / "out" / "importance_mllm" / f"{name}.json").read_text())
    assert labels == {"1": 1, "2": 1, "3": 3}
    assert run()["labelled_now"] == 0


def test_without_a_key_it_says_so(monkeypatch):
    pytest.importorskip("openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(LinksimError, match="set OPENAI_API_KEY"):
        ask(annotator())


@pytest.mark.parametrize(
    "text",
    [
        '{"objects": [{"id": [1], "importance": "low"}]}',
        '{"objects": [{"id": true, "importance": "low"}]}',
        "{}",
        "[]",
        '{"objects": [1, 2]}',
        '{"objects": [{"id": "1"}]}',
        "{" * 5000,
        "\0",
    ],
)
def test_hostile_answers_are_only_bad_ones(text):
    with pytest.raises(ValueError, match="answer"):
        read_answer(text, [1, 2])


def test_an_id_given_twice_counts_as_it_came_first():
    text = '{"objects": [{"id": 1, "importance": "low"}, {"id": 1, "importance": "high"}]}'
    assert Counter(read_answer(text, [1])) == {1: 1}
