"""`linksim transmit --link gened_sc`."""

import json

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

FILES = {"report.png", "reconstruction.png", "result.json"}


@pytest.fixture
def photo(tmp_path):
    PillowImage.fromarray(data.chelsea()[:200, 100:300]).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_transmit_tells_the_made_from_the_received(cli, photo):
    out = photo.parent / "out"
    code, shown, err = cli("transmit", photo, "--link", "gened-sc", "--snr", 6, "--out", out)
    assert code == 0, err
    assert "made, not received" in " ".join(err.split())
    result = json.loads((out / "result.json").read_text())
    assert {path.name for path in out.iterdir()} == FILES
    assert result["generated"] is True
    assert result["captioner"] == "classes"
    assert result["received"] == result["caption"]
    assert result["caption"].split(",")[0] in " ".join(shown.split())
    assert result["ledger"]["side_information"] == result["caption_uses"] > 0
    assert result["cbr_total"] > result["cbr"]
    assert 0 < result["mean_change"] < 0.1
    pixels = np.asarray(PillowImage.open(out / "report.png"))
    assert pixels.std() > 20


def test_without_editor_and_caption_the_picture_is_what_was_received(cli, photo):
    asked = ["transmit", photo, "--link", "gened_sc", "--editor", "none", "--captioner", "none", "--json", "--out",
             photo.parent / "out", "--cbr-total", 0.03]  # fmt: skip
    code, out, err = cli(*asked)
    assert code == 0, err
    result = json.loads(out)
    assert result["generated"] is False
    assert result["caption"] is None
    assert result["mean_change"] == 0
    assert result["cbr_total"] <= 0.03 + 1e-6


@pytest.mark.parametrize("size", [(1, 1), (3, 700)])
def test_any_size_and_a_caption_of_ten_thousand_words(cli, tmp_path, size):
    PillowImage.new("RGB", size, "red").save(tmp_path / "odd.png")
    caption = "a red wall " * 3334
    code, out, err = cli("transmit", tmp_path / "odd.png", "--link", "gened_sc", "--caption", caption, "--json",
                         "--out", tmp_path / "out")  # fmt: skip
    assert code == 0, err
    result = json.loads(out)
    assert len(result["caption"].split()) <= 32
    assert caption.startswith(result["caption"])
    assert (result["width"], result["height"]) == size


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--caption", "a cat", "--captioner", "none"), "--caption or --captioner"),
        (("--caption", " "), "one word at least"),
        (("--cbr", "0.1", "--cbr-total", "0.1"), "--cbr or --cbr-total"),
        (("--importance", "student"), "--importance means nothing"),
        (("--generator", "flow"), "--generator means nothing"),
        (("--psnr", "30"), "--psnr means nothing"),
        (("--editor", "magic"), "one of local, diffusers, endpoint"),
        (("--editor", "diffusers"), "given for 'diffusers'"),
        (("--captioner", "magic"), "one of local, classes"),
        (("--weights", "small"), "gened_"),
        (("--link", "sa_oosc", "--caption", "a cat"), "--caption is for the link 'gened_sc'"),
        (("--link", "uidsc", "--intent", "the cat", "--editor", "none"), "--editor means nothing"),
        (("--link", "swinjscc", "--captioner", "none"), "links 'vlm_csc' and 'gened_sc'"),
    ],
)
def test_bad_requests_are_refused_in_one_line(cli, photo, words, problem):
    asked = words if "--link" in words else ("--link", "gened_sc", *words)
    code, _, err = cli("transmit", photo, "--out", photo.parent / "out", *asked)
    assert code != 0
    assert problem in " ".join(err.split())
    assert not (photo.parent / "out" / "result.json").exists()
