"""A caption on its way: what it costs, how often it is lost, and that it is never wrong."""

import pytest
import torch
from scipy.stats import binomtest

from linksim.blocks import ShortTransportEncoder, TextShortener
from linksim.errors import ParameterError
from linksim.flowgraphs import caption_stream
from linksim.theory import awgn_capacity
from linksim.types import Text

LONG = "a man in a red shirt is standing near a wooden table with two cups and a brown dog on the left of the floor"


def sent(link, sentence: str, snr_db: float, frames: int, seed: int = 1):
    return link.run(text=Text.of([sentence] * frames), snr_db=torch.full((frames,), snr_db), seed=seed)


def test_106_bytes_take_the_papers_uses() -> None:
    caption = LONG[:106]
    assert len(caption.encode()) == 106
    run = sent(caption_stream(mode="paper"), caption, 20.0, 2)
    assert run["text"].sentences == [caption] * 2
    uses = int(run["uses"].value[0])
    assert abs(uses - 426) <= 5


def test_the_papers_mode_is_over_the_capacity_at_1_and_4_db_and_loses_what_it_sends() -> None:
    for snr_db in (1.0, 4.0):
        assert awgn_capacity(snr_db) < 2.0
        run = sent(caption_stream(mode="paper"), LONG, snr_db, 20)
        assert run["erased"].all()
        assert run["text"].sentences == [""] * 20


@pytest.mark.parametrize("snr_db", [1.0, 4.0, 7.0, 10.0])
def test_the_adapted_mode_loses_at_most_one_in_a_hundred(snr_db: float) -> None:
    frames = 200
    run = sent(caption_stream(), LONG, snr_db, frames)
    lost = int(run["erased"].sum())
    assert binomtest(lost, frames).proportion_ci(0.99).low <= 0.01
    assert set(run["text"].sentences) <= {"", LONG}


@pytest.mark.parametrize("mode", ["paper", "adapted"])
@pytest.mark.parametrize("snr_db", [-3.0, 5.0, 6.5])
def test_a_caption_is_right_or_not_there(mode: str, snr_db: float) -> None:
    link = caption_stream(mode=mode)
    run = sent(link, LONG, snr_db, 60)
    right = run["sent"].sentences[0]
    assert set(run["text"].sentences) <= {"", right}
    lost = torch.tensor([text == "" for text in run["text"].sentences])
    assert torch.equal(lost, run["erased"])


def test_better_codes_take_fewer_uses() -> None:
    found = {
        code: sent(caption_stream(code=code), "a red car on a street", 4.0, 1)["uses"] for code in ("utf8", "bigram")
    }
    numbers = {name: float(each.value) for name, each in found.items()}
    assert numbers["bigram"] < 0.7 * numbers["utf8"]


@pytest.mark.parametrize(
    "caption",
    [
        "word " * 10_000,
        "ein Straßenschild über dem Café, schön",
        "line one\nline two\ttabbed",
        "日本 の 猫",
        "a" * 300 + " b",
    ],
)
def test_odd_captions_are_cut_and_arrive(caption: str) -> None:
    short = TextShortener()(text=Text.of([caption])).sentences[0]
    assert len(short.encode()) <= 254
    if short:
        run = sent(caption_stream(), caption, 15.0, 1)
        assert run["text"].sentences == [short]


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(ParameterError, match="'adapted' or 'paper'"):
        caption_stream(mode="printed")
    with pytest.raises(ParameterError, match="bits per symbol"):
        ShortTransportEncoder(fixed=(3, 0.5))
    with pytest.raises(ParameterError, match="left out"):
        ShortTransportEncoder(fixed=(4, 0.5), uses_per_word=2)
    with pytest.raises(ParameterError, match=r"in 1\.\.254"):
        TextShortener(most_bytes=300)
