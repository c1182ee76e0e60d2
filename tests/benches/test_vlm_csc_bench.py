"""The bench of described pictures, on a few, and its judge."""

import json

import pandas as pd
import pytest
import torch
from PIL import Image as PillowImage

from linksim.benches.bench import find_bench
from linksim.benches.tables import proportion
from linksim.benches.vlm_csc import colours, judge, points, wishes
from linksim.benches.vlm_csc.crossings import by_snr
from linksim.benches.vlm_csc.judge import Judge, fitted
from linksim.benches.vlm_csc.quality import by_uses
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
            {
                "caption": f"a {COLOURS[label]} {label} in front of something blue",
                "label": label,
                "attributes": {"background": COLOURS[label], "subject": None},
            }
            for label in labels
        ]
        content = {"tile": 64, "columns": count, "files": [f"{name}.png"], "items": items}
        (place / f"{name}.json").write_text(json.dumps(content))
    return place.parent


def test_the_judge_learns_from_each_third_picture_and_tells_the_classes_apart(folder):
    train = str(folder / "pets" / "train.json")
    probe = fitted(train)
    assert list(probe.classes) == ["cat", "dog"]
    source = points.LabelledPictures(folder=str(folder / "pets"))
    image, label, _ = source(batch=4)
    assert label.tolist() == [1, 1, 1, 0]
    found = Judge(train=train)(image=image, original=image, label=label)
    assert found.right.value.tolist() == [1.0] * 4
    assert found.right_at_sender.value.tolist() == [1.0] * 4
    wrong = Judge(train=train)(image=image.flip(0), original=image, label=label)
    assert wrong.right.value.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert wrong.right_at_sender.value.tolist() == [1.0] * 4


def test_the_colours_of_a_caption_are_found_in_a_picture_that_has_them(folder, monkeypatch):
    # The judge has four examples here.
    monkeypatch.setattr(colours, "NEIGHBOURS", 1)
    source, wished = points.LabelledPictures(folder=str(folder / "pets")), wishes.Wishes(folder=str(folder / "pets"))
    image, _, number = source(batch=4)
    asked = wished(number=number)
    assert number.tolist() == [0, 1, 2, 3]
    assert asked.text.sentences[3] == "a black cat in front of something blue"
    assert [colours.colour_names(str(folder / "pets"), place) for place in colours.PLACES] == [["black", "brown"], [""]]
    judged = colours.ColourJudge(folder=str(folder / "pets"))
    given = {"background": asked.background, "subject": asked.subject}
    # Smaller, as a generator's picture may be, and of another colour.
    small = torch.nn.functional.interpolate(image, (32, 32))
    assert judged(image=small, original=image, **given).background.value.tolist() == [1.0] * 4
    found = judged(image=small.flip(0), original=image, **given)
    assert found.background.value.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert found.background_at_sender.value.tolist() == [1.0] * 4
    assert found.subject.value.tolist() == [1.0] * 4


def test_background_and_subject_are_the_border_and_the_middle():
    image = torch.zeros(1, 3, 32, 48)
    image[..., 4:28, 6:42] = 1.0
    assert colours._colour(image, "background").tolist() == [[0.0] * 3]
    assert colours._colour(image, "subject").tolist() == [[1.0] * 3]


def test_the_colour_is_the_commonest_name_of_the_nearest(monkeypatch):
    # Two dark pictures and three bright ones; a picture in between is nearest to the bright ones.
    points = torch.tensor([[0.0] * 3, [0.1] * 3, [0.7] * 3, [0.8] * 3, [0.9] * 3])
    monkeypatch.setattr(colours, "_examples", lambda *_: (points, torch.tensor([4, 4, 2, 2, 2])))
    monkeypatch.setattr(colours, "NEIGHBOURS", 3)
    shown = torch.stack([torch.full((3, 16, 16), 0.6), torch.full((3, 16, 16), 0.05)])
    assert colours._nearest("", "subject", shown).tolist() == [2, 4]


@pytest.mark.parametrize(
    ("lead", "words"),
    [
        ((-0.1, -0.2, 0.0), "below at all SNRs"),
        ((0.1, 0.2, 0.1), "above at all SNRs"),
        ((-0.1, 0.1, 0.2), "above from 1.0 dB on"),
        ((-0.1, 0.1, -0.1), "above at 2 dB alone"),
        ((0.1, -0.1, 0.2), "above at 0, 4 dB alone"),
    ],
)
def test_where_a_picture_codec_is_above_is_said_in_words(lead, words):
    assert by_snr((0.0, 2.0, 4.0), lead) == words


def test_budgets_that_give_the_same_link_count_together(monkeypatch):
    monkeypatch.setattr("linksim.benches.vlm_csc.quality.picture_edge", lambda *_: 32)
    rows = [
        {"system": "KLT", "uses": uses, "snr_db": 10.0, "folder": "sets", "name": "pets", "low": 0.0, "high": 1.0,
         "metric": metric, "estimate": value, "trials": 10}
        for uses, right, cbr in ((256, 0.1, 0.1), (512, 0.3, 0.2), (1024, 0.5, 0.25), (2048, 0.7, 0.25))
        for metric, value in (("right", right), ("right_at_sender", 1.0), ("cbr_total", cbr))
    ]  # fmt: skip
    tried = by_uses(pd.DataFrame(rows), "KLT")
    assert [round(spent) for spent, _ in tried] == [307, 614, 768]
    assert [found for _, found in tried] == pytest.approx([0.1, 0.3, 0.6])


def test_a_share_of_none_or_all_has_an_interval():
    def found(mean: float) -> tuple[float, float, float]:
        row = {"metric": "right", "estimate": mean, "low": mean, "high": mean, "trials": 64}
        return proportion(pd.DataFrame([row]), "right")

    assert found(0.0) == pytest.approx((0, 0, 1 - 0.05 ** (1 / 64)))
    assert found(1.0) == pytest.approx((1, 0.025 ** (1 / 64), 1))
    assert found(0.5) == pytest.approx((0.5, 0.372, 0.628), abs=1e-3)


def test_at_equal_uses_the_digital_link_spends_what_the_learned_one_does(folder):
    spent = {}
    for system in (points.RETRIEVAL, points.EQUAL, points.DIGITAL):
        run = points.describing_link(str(folder), "pets", system).run(batch=1, snr_db=4.0, seed=1)
        spent[system] = run["uses_total"].value.tolist()[0]
    assert spent[points.EQUAL] - spent[points.RETRIEVAL] == 8, "its header has 28 uses instead of 20"
    assert spent[points.DIGITAL] > spent[points.EQUAL]


def test_a_class_that_was_not_trained_on_is_refused(folder):
    place = folder / "pets" / "test.json"
    place.write_text(place.read_text().replace('"cat"', '"cow"'))
    with pytest.raises(ParameterError, match="test.json has the class 'cow', and train.json has not"):
        points.LabelledPictures(folder=str(folder / "pets"))


def test_the_stored_pictures_are_those_that_the_judge_has_not_seen(folder):
    stored = points._stored(str(folder)).pictures
    assert len(stored) == 8
    assert len(judge.split_pictures(points.read_captioned_pictures(str(folder / "pets" / "train.json")), 3)[1]) == 4


def test_the_page_has_all_systems_and_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("linksim.benches.vlm_csc.PICTURES", 4)
    monkeypatch.setattr("linksim.benches.vlm_csc.CODED_PICTURES", 4)
    monkeypatch.setattr("linksim.benches.vlm_csc.CHUNK", 4)
    for module in ("", ".tables", ".figures", ".crossings"):
        monkeypatch.setattr(f"linksim.benches.vlm_csc{module}.SNRS_DB", (0.0, 10.0))
    for module in ("", ".tables", ".quality"):
        monkeypatch.setattr(f"linksim.benches.vlm_csc{module}.USES", (2048,))
    bench = find_bench("vlm-csc")(captions=folder, out=tmp_path / "out")
    text, figures = bench.run()
    assert figures == ["vlm_csc_pets.png"]
    assert (tmp_path / "out" / figures[0]).stat().st_size > 10_000
    for system in points.DESCRIBING:
        assert text.count(f"| {system} |") == 3
    for system in points.PICTURE_LINKS:
        assert text.count(f"| {system} |") == 4
    for generator in (*wishes.GENERATORS, "the test pictures", "always the commonest name"):
        assert text.count(f"| {generator} |") == 1
    assert "|  | class | colour of the background |\n" in text
    for system in ("WebP + LDPC", "AVIF + LDPC"):
        # A picture of one colour fits into 2,048 uses and arrives without an error; analog links leave noise on it.
        assert f"- {system}: 2,048 uses, of those tried" in text
    assert text.count("asked for 1,024 uses ") == len(points.PICTURE_LINKS)
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
