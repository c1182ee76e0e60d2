"""Links that carry sentences."""

import math
import shutil

import pytest
import torch
from torch.nn import functional

from linksim import Flowgraph
from linksim.benches.text.points import captions
from linksim.blocks import AWGN, NumberedSentences, OFDMChannel, Rayleigh, TextSource
from linksim.blocks.header.short import short_header_uses
from linksim.blocks.header.small_block import codebook
from linksim.errors import FileError, ParameterError, WeightsError
from linksim.flowgraphs import digital_text, numbered_text, text_link
from linksim.flowgraphs.parts.text_codec import TextCodec
from linksim.flowgraphs.recipes.text_link import TextRecipe
from linksim.montecarlo import Sweep
from linksim.training import Budget, Trainer
from linksim.types import Symbols, Text
from linksim.weights import named_tensors, weights_path, write_weights

SENTENCES = ["we agree .", "no", "the house is open to all members of this parliament .", "is it so ?"]


@pytest.fixture
def europarl(data_folder):
    return str(data_folder / "vlm" / "text" / "europarl_test.txt")


def mean(run, name):
    return float(run[name].value.mean())


@pytest.mark.parametrize("make", [text_link, digital_text])
@pytest.mark.parametrize("channel", [AWGN, lambda: OFDMChannel(model="tdl-a")])
def test_sentences_arrive_over_a_good_channel(make, channel):
    run = make(channel=channel()).run(text=Text.of(SENTENCES), snr_db=30.0, seed=1)
    assert run["text"].sentences == ["we agree.", "no", "the house is open to all members of this parliament.",
                                     "is it so?"]  # fmt: skip
    assert run["bleu_1"].value.tolist() == [1.0] * 4
    assert int(run["sentence_error_rate"].errors.sum()) == int(run["word_error_rate"].errors.sum()) == 0
    assert not bool(run["erased"].any())
    spent = run["uses_total"].value - run["uses"].value
    assert bool((spent >= short_header_uses(32)).all())


def test_uses_are_counted_and_equal_where_asked():
    text = Text.of(SENTENCES)
    learned, digital = (
        link.run(text=text, snr_db=10.0, seed=1) for link in (text_link(), digital_text(uses_per_word=8))
    )
    assert learned["uses"].value.tolist() == digital["uses"].value.tolist() == [24.0, 8.0, 88.0, 32.0]
    assert learned["uses_total"].value.tolist() == [44.0, 28.0, 108.0, 52.0]
    assert digital["uses_total"].value.tolist() == [52.0, 36.0, 116.0, 60.0]
    free = [mean(digital_text().run(text=text, snr_db=snr_db, seed=1), "uses") for snr_db in (0.0, 10.0, 20.0)]
    assert free[0] > 2 * free[1] > 2 * free[2]


@pytest.mark.parametrize("make", [text_link, digital_text])
def test_a_lost_header_is_an_empty_sentence(make):
    run = make().run(text=Text.of(SENTENCES * 8), snr_db=-25.0, seed=1)
    assert float(run["erased"].float().mean()) > 0.9
    lost = [sentence for sentence, erased in zip(run["text"].sentences, run["erased"].tolist(), strict=True) if erased]
    assert set(lost) == {""}
    assert float(run["bleu_1"].value[run["erased"]].max()) == 0


def test_words_that_the_list_does_not_have_are_counted_and_arrive_as_unknown():
    run = text_link().run(text=Text.of(["we agree with the xqzwk here .", "xqzwk", "我们 同意"]), snr_db=20.0, seed=1)
    assert run["unknown"].errors.tolist() == [1, 1, 2]
    assert run["text"].sentences[0] == "we agree with the <unk> here."
    assert run["word_error_rate"].errors.tolist() == [1, 1, 2]


def test_bad_text_is_refused():
    for sentence in ("", "word " * 10_000, "a\x00b"):
        for make in (text_link, digital_text):
            with pytest.raises(ParameterError, match="a sentence must have"):
                make().run(text=Text.of([sentence]), snr_db=10.0, seed=1)


def test_the_receiver_knows_only_what_crossed_the_channel():
    """Other words of the same number, but the same frame: the receiver shows what the frame holds."""
    link = text_link()
    frame = link.run(text=Text.of(["we agree ."]), snr_db=10.0, seed=1, probe=["transmitter.symbols"])[
        "transmitter.symbols"
    ]
    received = AWGN().seed(1)(symbols=frame, snr_db=torch.tensor([20.0]))
    run = link.receiver.run(received=received, seed=5)
    assert run["text"].sentences == ["we agree."]
    cut = Symbols(functional.pad(frame.samples, (0, -8)), frame.length - 8)
    received = AWGN().seed(1)(symbols=cut, snr_db=torch.tensor([20.0]))
    assert link.receiver.run(received=received, seed=5)["text"].sentences == ["we agree"]


def test_trained_weights_beat_the_random_code_and_keep_the_promise(europarl):
    """The issue's bounds for Europarl: BLEU-1 of 0.9 at 10 dB, 0.8 at 4 dB, 0.6 at 0 dB."""
    source = {"files": (europarl,), "shuffle": True}
    found = {}
    for weights in ("europarl", None):
        link = text_link(codec=TextCodec(weights, word_list="europarl"), source=TextSource(**source))
        found[weights] = [mean(link.run(batch=100, snr_db=snr_db, seed=3), "bleu_1") for snr_db in (0.0, 4.0, 10.0)]
    assert all(ours >= bound for ours, bound in zip(found["europarl"], (0.6, 0.8, 0.9), strict=True))
    assert found["europarl"][0] > found[None][0] + 0.3
    assert found["europarl"] == sorted(found["europarl"])


def test_a_channel_better_than_in_training_does_no_harm(europarl):
    link = text_link(source=TextSource(files=(europarl,), shuffle=True))
    for snr_db in (20.0, 40.0, math.inf):
        assert mean(link.run(batch=200, snr_db=snr_db, seed=3), "bleu_1") > 0.999


def test_over_fading_the_learned_link_loses_less_than_the_digital_one(europarl):
    """One fade a sentence that no transmitter knows; at equal uses."""
    links = {"learned": text_link, "digital": lambda **parts: digital_text(uses_per_word=8, **parts)}
    scores = {
        name: make(channel=Rayleigh(), source=TextSource(files=(europarl,), shuffle=True))
        .run(batch=150, snr_db=5.0, seed=3)["bleu_1"]
        .value
        for name, make in links.items()
    }
    assert float(scores["learned"].mean()) > float(scores["digital"].mean())


def test_a_link_is_saved_swept_and_repeats(tmp_path, europarl):
    link = text_link(source=TextSource(files=(europarl,), shuffle=True))
    link.save(tmp_path / "link.yaml")
    one, two = (fg.run(batch=4, snr_db=2.0, seed=4) for fg in (link, Flowgraph.load(tmp_path / "link.yaml")))
    assert one["text"].sentences == two["text"].sentences
    table = Sweep(link, grid={"snr_db": [0.0, 10.0]}, stop="frames=32", chunk=16, seed=1).run()
    bleu = table[table["metric"] == "bleu_1"]["estimate"].tolist()
    assert bleu[0] < bleu[1]


def test_weights_that_fit_no_codec_are_named():
    with pytest.raises(WeightsError, match="hold no 'semantic_text_encoder'; those that do: captions, europarl"):
        TextCodec("small")
    with pytest.raises(WeightsError, match="has in another shape"):
        TextCodec("captions", word_list="europarl")


def test_weights_in_a_file_find_their_word_list(tmp_path):
    for name in ("captions", "europarl"):
        copy = tmp_path / f"own_{name}.safetensors"
        shutil.copy(weights_path(name, "text_channel_encoder"), copy)
        assert TextCodec(str(copy)).word_list == name
    with pytest.raises(WeightsError, match="has in another shape"):
        TextCodec(str(tmp_path / "own_captions.safetensors"), word_list="europarl")


# -- training


def recipe(tmp_path, **settings):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(SENTENCES * 30))
    return TextRecipe(text=(str(text),), word_list="europarl", uses_per_word=2, batch=8, **settings)


def test_what_is_no_text_leaves_no_run_behind(cli, tmp_path):
    (tmp_path / "empty.txt").write_text("")
    command = ("train", "text_link", "--text", tmp_path / "empty.txt", "--steps", 1, "--out", tmp_path / "run")
    code, _, error = cli(*command)
    assert code == 2
    assert "has no sentences" in error
    assert not (tmp_path / "run").exists()


def test_words_that_the_list_does_not_have_are_told(tmp_path, recwarn):
    recipe(tmp_path)
    assert not [each for each in recwarn if "word list" in str(each.message)]
    strange = tmp_path / "strange.txt"
    strange.write_text("\n".join(["xylophone zither we agree"] * 5))
    with pytest.warns(
        UserWarning, match=r"50% of the words of '.*' are not in the word list 'europarl', as 'xylophone'"
    ):
        TextRecipe(text=(str(strange),), word_list="europarl", batch=8)


def test_an_anchor_without_effect_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="'anchor' must be left out for the schedule 'staged'"):
        recipe(tmp_path, schedule="staged", anchor="anchor.safetensors")


@pytest.mark.parametrize("schedule", ["joint", "staged"])
def test_training_learns_few_sentences(tmp_path, schedule):
    task = recipe(tmp_path, schedule=schedule, snr_db=(0.0, 6.0))
    before = task.validate()
    trainer = Trainer(task, tmp_path / "run", Budget(None, 60), {}, learning_rate=2e-3, seed=1)
    found = trainer.run(lambda _progress: None)
    assert found["words_right_0dB"] > before["words_right_0dB"] + 0.2
    path = tmp_path / "w.safetensors"
    write_weights(path, dict(named_tensors(task.codec.parts)))
    again = TextCodec(str(path), word_list="europarl")
    assert again.uses_per_word == 2
    run = text_link(codec=again).run(text=Text.of(SENTENCES), snr_db=12.0, seed=1)
    assert mean(run, "bleu_1") > 0.8


def test_without_noise_attention_there_is_none(tmp_path):
    task = recipe(tmp_path, noise_attention=False)
    assert not any("noise" in name for part in task.parts.values() for name, _ in part.named_parameters())
    path = tmp_path / "w.safetensors"
    write_weights(path, dict(named_tensors(task.codec.parts)))
    assert (
        text_link(codec=TextCodec(str(path), word_list="europarl"))
        .run(text=Text.of(SENTENCES), snr_db=30.0, seed=1)["text"]
        .sentences[1]
        == "no"
    )


def test_recipes_name_what_is_wrong(tmp_path):
    for settings, complaint in (
        ({"snr_db": (5.0, 0.0)}, "'snr' must be two rising numbers"),
        ({"schedule": "both"}, "'schedule' must be joint or staged"),
    ):
        with pytest.raises(ParameterError, match=complaint):
            recipe(tmp_path, **settings)


# -- numbered sentences


@pytest.fixture
def captioned(data_folder):
    return TextSource(sentences=tuple(captions(str(data_folder / "vlm"), seen=True)), shuffle=True)


def test_a_number_says_a_known_sentence_in_32_uses(captioned):
    run = numbered_text(source=captioned).run(batch=200, snr_db=4.0, seed=1)
    known = ~run["erased"]
    assert 0.97 < float(known.float().mean()) < 1
    assert run["bleu_1"].value[known].tolist() == [1.0] * int(known.sum())
    assert float(run["bleu_1"].value[run["erased"]].sum()) == 0
    assert set(run["uses"].value.tolist()) == set(run["uses_total"].value.tolist()) == {32.0}
    assert torch.equal(run["unknown"].errors > 0, run["erased"])


def test_numbers_err_as_the_code_for_small_blocks_does():
    """At -4 dB over AWGN: the likeliest of 2,048 codewords of 64 bits, by a simulation of its own."""
    generator = torch.Generator().manual_seed(3)
    book = 1 - 2.0 * codebook(11, 64)
    sent = torch.randint(1, 2048, (4000,), generator=generator)
    noise = 10 ** (4 / 20) * torch.randn(4000, 64, generator=generator)
    expected = float(((book[sent] + noise) @ book.T).argmax(1).ne(sent).float().mean())
    text = Text.of(["a gray dog on a gray background"])
    link = numbered_text()
    runs = (link.run(text=Text.of(text.sentences * 500), snr_db=-4.0, seed=seed) for seed in range(8))
    wrong = sum(int(run["sentence_error_rate"].errors.sum()) for run in runs) / 4000
    assert abs(wrong - expected) < 4 * (2 * expected * (1 - expected) / 4000) ** 0.5


def test_sentences_that_nobody_numbered_are_lost_and_counted():
    run = numbered_text().run(
        text=Text.of(["a gray dog on a gray background", "we agree .", "xqzwk"]), snr_db=20.0, seed=1
    )
    assert run["text"].sentences == ["a gray dog on a gray background", "", ""]
    assert run["erased"].tolist() == [False, True, True]
    assert run["unknown"].errors.tolist() == [0, 3, 1]
    with pytest.raises(FileError, match="no counts of whole sentences for 'europarl'"):
        numbered_text(word_list="europarl")
    with pytest.raises(ParameterError, match=r"'number' must be in 0..2047"):
        NumberedSentences()(number=torch.tensor([5000]), erased=torch.tensor([False]))
