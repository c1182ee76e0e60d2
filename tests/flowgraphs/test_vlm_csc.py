import json

import pytest
import torch
from PIL import Image as PillowImage

from linksim import Flowgraph
from linksim.blocks import AWGN, Captioner, PictureGenerator
from linksim.cli.described_picture import caption_kind
from linksim.errors import ParameterError
from linksim.flowgraphs import digital_text, text_link, vlm_csc
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.training import Recipe, find_recipe
from linksim.types import Image, Text


@pytest.fixture(scope="module")
def picture():
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))


def test_the_same_words_arrive_as_over_the_text_link_alone(picture):
    batch = picture.repeat(3, 1, 1, 1)
    run = vlm_csc().run(image=batch, snr_db=2.0, seed=1)
    assert run["caption"].sentences == Captioner()(image=batch).sentences
    alone = text_link(codec=TextCodec("captions")).run(text=run["caption"], snr_db=2.0, seed=1)
    torch.testing.assert_close(run["uses"].value, alone["uses"].value)
    torch.testing.assert_close(run["uses_total"].value, alone["uses_total"].value)


def test_at_a_high_snr_the_picture_is_that_of_the_caption(picture):
    link = vlm_csc()
    run = link.run(image=picture, snr_db=15.0, seed=1)
    assert run["text"].sentences == run["caption"].sentences
    assert run["bleu_1"].value.item() == 1.0
    assert run["image"].shape == (1, 3, 32, 32)
    again = link.run(image=picture, snr_db=15.0, seed=1)
    assert torch.equal(run["image"], again["image"])


def test_the_ledger_counts_the_header_and_the_ratio_is_that_of_the_source(picture):
    run = vlm_csc().run(image=picture, snr_db=10.0, seed=1)
    words = len(run["caption"].sentences[0].replace(",", " ,").replace(":", " :").split())
    assert run["uses"].value.item() == 2 * words
    assert run["uses_total"].value.item() == 2 * words + 20
    assert run["cbr"].value.item() == pytest.approx(2 * words / (3 * 48 * 64))
    assert run["cbr_total"].value.item() == pytest.approx((2 * words + 20) / (3 * 48 * 64))


def test_the_receiver_knows_the_words_alone(picture):
    """Another picture of the same caption, over the same noise, is rebuilt as the same picture."""
    link = vlm_csc(captioner=Always())
    first = link.run(image=picture, snr_db=5.0, seed=1)["image"]
    second = link.run(image=1 - picture, snr_db=5.0, seed=1)["image"]
    assert torch.equal(first, second)


class Always(Captioner):
    """Says the same of every picture."""

    def forward(self, image: Image) -> Text:
        return Text.of(["a brown dog on a green background"] * len(image))


def test_a_lost_caption_is_mid_grey_and_counts_as_an_error(picture):
    run = vlm_csc().run(image=picture.repeat(8, 1, 1, 1), snr_db=-20.0, seed=1)
    assert bool(run["erased"].any())
    lost = run["erased"]
    assert (run["image"][lost] == 0.5).all()
    assert (run["bleu_1"].value[lost] == 0).all()


@pytest.mark.parametrize("size", [(1, 1), (16, 200), (33, 17)])
def test_any_size_is_described(size):
    run = vlm_csc().run(image=torch.rand(1, 3, *size), snr_db=10.0, seed=1)
    assert run["image"].isfinite().all()
    assert run["cbr"].value.item() == pytest.approx(run["uses"].value.item() / (3 * size[0] * size[1]))


def test_other_parts_take_their_places(picture):
    link = vlm_csc(link=digital_text(code="sentences", word_list="captions"),
                   generator=PictureGenerator(steps=2))  # fmt: skip
    run = link.run(image=picture, snr_db=20.0, seed=2)
    assert "confidence" not in run
    assert run["text"].sentences == run["caption"].sentences
    with pytest.raises(ParameterError, match="channel"):
        vlm_csc(link=text_link(), channel=AWGN())


def test_it_is_saved_and_loaded(picture, tmp_path):
    link = vlm_csc()
    link.save(tmp_path / "link.yml")
    loaded = Flowgraph.load(tmp_path / "link.yml")
    one, other = (each.run(image=picture, snr_db=3.0, seed=1) for each in (link, loaded))
    assert torch.equal(one["image"], other["image"])


# -- training


@pytest.fixture
def captioned(tmp_path):
    folder = tmp_path / "captioned"
    folder.mkdir()
    lines = []
    for number in range(9):
        colour = ("red", "green", "blue")[number % 3]
        PillowImage.new("RGB", (8, 8), colour).save(folder / f"{number}.png")
        lines.append(json.dumps({"file_name": f"{number}.png", "text": f"a {colour} bird on a {colour} background"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return folder


def test_training_has_two_stages_and_gives_weights_that_load(cli, captioned, tmp_path):
    out = tmp_path / "run"
    command = ["train", "vlm-csc", "--pictures", captioned, "--steps", 20, "--batch", 4, "--float32"]
    code, shown, _ = cli(*command, "--out", out)
    assert code == 0
    assert "captioner" in shown
    assert "generator" in shown
    weights = str(out / "weights.safetensors")
    image = torch.rand(1, 3, 8, 8)
    sentence = Captioner(model=weights)(image=image)
    assert PictureGenerator(model=weights, steps=1).seed(1)(text=sentence).shape == (1, 3, 32, 32)


def test_each_stage_trains_its_own_part_and_lowers_its_loss(captioned):
    recipe: Recipe = find_recipe("vlm-csc")(pictures=(str(captioned),), batch=8)  # pyright: ignore
    for stage in recipe.stages:
        graph = stage.graph()
        for name, part in recipe.parts.items():
            part.train().requires_grad_(name in stage.learning)
        learning = [p for name in stage.learning for p in recipe.parts[name].parameters()]
        optimizer = torch.optim.Adam(learning, lr=2e-3)
        losses = []
        for step in range(25):
            graph.seed(step)
            loss = graph(batch=8)["loss"].value.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert sum(losses[-5:]) < 0.8 * sum(losses[:5]), stage.name


# -- the command


def test_transmit_sends_what_a_picture_says(cli, tmp_path):
    PillowImage.new("RGB", (40, 30), "navy").save(tmp_path / "sea.png")
    command = ["transmit", tmp_path / "sea.png", "--link", "vlm-csc", "--snr", 12, "--out", tmp_path / "out"]
    code, out, _ = cli(*command, "--json")
    assert code == 0
    result = json.loads(out)
    assert result["received"] == result["caption"]
    assert len(result["confidence"]) > 3
    assert result["uses_total"] == result["uses"] + 20
    assert result["cbr_total"] == pytest.approx(result["uses_total"] / (3 * 40 * 30), abs=1e-6)
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == result
    assert result["captions"] == "template"
    for name in ("report.png", "reconstruction.png"):
        with PillowImage.open(tmp_path / "out" / name) as shown:
            shown.verify()
    code, out, _ = cli(*command)
    assert code == 0
    assert result["caption"].split()[-1] in out


def test_a_result_says_what_its_captions_are_made_of():
    assert caption_kind("local") == caption_kind("local:vlm_csc") == "template"
    assert caption_kind("local:own.safetensors") == "in the words of its training"
    assert caption_kind("classes") == "class names"
    assert caption_kind("endpoint:some-model") == "free text"


def test_transmit_says_that_a_caption_was_lost(cli, tmp_path):
    PillowImage.new("RGB", (40, 30), "navy").save(tmp_path / "sea.png")
    command = ["transmit", tmp_path / "sea.png", "--link", "vlm_csc", "--snr", -20, "--out", tmp_path / "out"]
    code, out, err = cli(*command)
    assert code == 0
    assert "(lost)" in out
    assert "mid-grey" in err


@pytest.mark.parametrize(("options", "message"), [
    (["--cbr", "0.02"], "--cbr means nothing to the link 'vlm_csc'"),
    (["--alpha", "8"], "--alpha means nothing"),
    (["--captioner", "blip"], "backend"),
    (["--generator", "retrieval"], "model"),
    (["--generator", "retrieval:nowhere"], "no captioned pictures at 'nowhere'"),
    (["--weights", "light"], "light"),
    (["--word-list", "europarl"], "has in another shape"),
])  # fmt: skip
def test_transmit_refuses_what_means_nothing(cli, tmp_path, options, message):
    PillowImage.new("RGB", (8, 8)).save(tmp_path / "a.png")
    code, _, err = cli("transmit", tmp_path / "a.png", "--link", "vlm_csc", "--out", tmp_path / "out", *options)
    assert code != 0
    assert message in err.replace("\n", " ")


def test_the_options_of_vlm_csc_mean_nothing_to_other_links(cli, tmp_path):
    PillowImage.new("RGB", (32, 32)).save(tmp_path / "a.png")
    code, _, err = cli("transmit", tmp_path / "a.png", "--generator", "flow", "--out", tmp_path / "out")
    assert code != 0
    assert "--generator is for the link 'vlm_csc'" in err.replace("\n", " ")
    code, _, err = cli("transmit", tmp_path / "a.png", "--word-list", "captions", "--out", tmp_path / "out")
    assert code != 0
    assert "--word-list is for the link 'vlm_csc'" in err.replace("\n", " ")


def test_a_run_knows_its_pictures(captioned):
    from linksim.blocks.knowledge import captioned_pictures

    def pictures() -> object:
        captioned_pictures._read.cache_clear()
        return find_recipe("vlm-csc")(pictures=(str(captioned),)).identity()["pictures"]  # pyright: ignore

    before = pictures()
    PillowImage.new("RGB", (8, 8), "white").save(captioned / "3.png")
    assert pictures() != before
    for folder in ("masks", "images"):
        (captioned / folder).mkdir()
    (captioned / "metadata.jsonl").unlink()
    entries = []
    for number in range(9):
        (captioned / f"{number}.png").rename(captioned / "images" / f"{number}.png")
        PillowImage.new("L", (8, 8), 1).save(captioned / "masks" / f"{number}.png")
        objects = [{"index": 1, "category": "bird", "box": [0, 0, 8, 8]}]
        entries.append({"file": str(number), "split": "train", "instances": objects, "captions": ["a red bird"]})
    (captioned / "annotations.json").write_text(json.dumps(entries))
    assert pictures() != before
