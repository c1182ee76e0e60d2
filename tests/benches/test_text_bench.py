"""The bench of sentences, on a few."""

import json

import pytest

from linksim.benches.bench import find_bench
from linksim.benches.tables import crossing_snr
from linksim.benches.text import points
from linksim.errors import ParameterError

SENTENCES = ["we agree .", "the house is open to all members .", "is it so ?"]
CAPTIONS = {"train": ["a brown dog in front of something brown"], "test": ["a brown dog in front of something brown",
            "a gray cat in front of something brown"]}  # fmt: skip


@pytest.fixture
def data(tmp_path):
    text, folder = tmp_path / "text.txt", tmp_path / "sets" / "pets"
    text.write_text("\n".join(SENTENCES))
    folder.mkdir(parents=True)
    for name, captions in CAPTIONS.items():
        (folder / f"{name}.json").write_text(json.dumps({"items": [{"caption": each} for each in captions]}))
    return text, folder.parent


def test_the_page_has_all_systems_and_goes_on(data, tmp_path, monkeypatch):
    monkeypatch.setattr("linksim.benches.text.SENTENCES", 8)
    monkeypatch.setattr("linksim.benches.text.CHUNK", 8)
    for module in ("", ".tables", ".figures"):
        monkeypatch.setattr(f"linksim.benches.text{module}.SNRS_DB", {"awgn": (0.0, 12.0), "rayleigh": (10.0,)})
    bench = find_bench("text")(text=data[0], captions=data[1], out=tmp_path / "out")
    text, figures = bench.run()
    assert figures == ["text_sentences.png", "text_known_captions.png", "text_captions.png"]
    assert all((tmp_path / "out" / name).stat().st_size > 10_000 for name in figures)
    for system in points.SYSTEMS:
        # Sentences, captions seen and unseen; two channels; five tables each.
        assert text.count(f"| {system} |") == 3 * 2 * 5
    assert "| learned | " in text
    # 8 bits a character.
    assert "mean of all 3:\n\n| code | bits |" in text
    assert f"| UTF-8 | {8 * sum(map(len, SENTENCES)) / 3:.1f} |" in text
    assert text.count("| sentences | ") == 2
    row = next(line for line in text.splitlines() if line.startswith("| learned |"))
    assert row.endswith("1.000 (1.000 to 1.000) |")
    assert bench.run()[0] == text


def test_captions_are_seen_or_not(data, tmp_path):
    assert points.captions(str(data[1]), seen=True) == CAPTIONS["train"]
    assert points.captions(str(data[1]), seen=False) == CAPTIONS["test"][1:]
    with pytest.raises(ParameterError, match="has no folders with train.json and test.json"):
        points.captions(str(tmp_path / "nothing"), seen=True)
    with pytest.raises(ParameterError, match="give --text, a file of sentences"):
        list(find_bench("text")(out=tmp_path).parts())


@pytest.mark.parametrize(
    ("lead", "snr_db"),
    [((-0.25, 0.25, 0.3), 1.0), ((-0.5, 0.0, 0.0), None), ((-0.5, 0.0, 0.5), 2.0), ((0.5, -0.5, -0.5), None)],
)
def test_curves_cross_where_the_lead_comes_above_zero(lead, snr_db):
    assert crossing_snr((0.0, 2.0, 4.0), lead) == snr_db
