import json

import pytest

from linksim.cli.send_text import frames_of


def test_sentences_go_over_both_links(cli):
    code, out, error = cli("send-text", "We agree. Is it so?", "--snr", 15)
    assert (code, error) == (0, "")
    assert out.count("we agree.") == out.count("is it so?") == 2
    assert "learned, europarl" in out
    assert "digital, bigram" in out


def test_json_holds_everything(cli):
    code, out, _ = cli("send-text", "We agree.", "--channel", "rayleigh", "--snr", 30, "--seed", 2, "--json")
    found = json.loads(out)
    assert code == 0
    sentence = found["sentences"][0]
    assert sentence["learned"]["received"] == "we agree."
    assert len(sentence["learned"]["confidence"]) == 3
    assert sentence["learned"]["uses"] == sentence["digital"]["uses"] == 24
    assert found["csi"] == "perfect"


def test_unknown_words_are_said(cli):
    code, out, error = cli("send-text", "The xqzwk, here", "--snr", 20)
    assert code == 0
    assert "note: not in the word list 'europarl' and sent as <unk>: 'xqzwk', ','" in error
    assert "<unk>" in out


def test_long_text_is_cut_into_frames():
    text = "one two. " + "word " * 70 + "!\n\nThree?"
    assert [len(frame.split()) for frame in frames_of(text)] == [2, 32, 32, 6, 1]
    assert list(frames_of(" \n ")) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("",), "the text has no words"),
        (("word " * 30_000,), "send at most 100,000 at once"),
        (("a\x07b",), "no control characters"),
        (("we agree", "--weights", "europal"), "did you mean 'europarl'"),
        (("we agree", "--code", "hufman"), "did you mean 'huffman'"),
        (("we agree", "--channel", "moon"), "no channel 'moon'"),
        (("we agree", "--word-list", "captions"), "has in another shape"),
    ],
)
def test_send_text_names_what_is_wrong(cli, arguments, complaint):
    code, _, error = cli("send-text", *arguments)
    assert (code, complaint in error) == (2, True), error
    assert error.count("\n") == 1
