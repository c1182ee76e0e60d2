"""`linksim bench codecs` on small pictures: its tables, its figures, and that it goes on."""

import re
import shutil

import pytest
import torch
from PIL import Image as PillowImage

from linksim.benches.bench import find_bench, known_benches
from linksim.benches.codecs.points import DESIGNED, LAYERS, REGION_GAINS, SWINJSCC, SYSTEMS, WITHOUT_IMPORTANCE
from linksim.benches.tables import markdown
from linksim.blocks.jscc.published.rate_adaptive import AdaptiveDecoderNetwork, AdaptiveEncoderNetwork
from linksim.blocks.jscc.published.swin_sizes import ABOUT, SwinSizes
from linksim.blocks.jscc.published.swin_stages import StageSizes
from linksim.errors import ParameterError
from linksim.published import import_weights
from linksim.weights import named_tensors, write_weights
from tests.linksim.test_published import random_checkpoint


@pytest.fixture
def few(monkeypatch):
    """A bench of one SNR and two rates."""
    modules = ("points", "tables", "figures", "imported")
    for name, value, places in (
        ("SNRS_DB", (10.0,), modules),
        ("SCENE_SNRS_DB", (10.0,), modules[:3]),
        ("RATES", {"1/24": 1 / 24, "1/16": 1 / 16}, modules),
        ("FADING_SNRS_DB", (10.0,), modules[:2]),
        ("REAL_FADING_SNRS_DB", (10.0,), modules[:2]),
        ("PUBLISHED_RATES", {"published": (30.0, None)}, modules[1:3]),
        ("PUBLISHED_SNRS", {"published": (33.0,)}, modules[1:3]),
        ("PUBLISHED_REAL_FADING", {"published": (29.0,)}, modules[1:2]),
    ):
        for module in places:
            monkeypatch.setattr(f"linksim.benches.codecs.{module}.{name}", value)


@pytest.mark.usefixtures("few")
def test_the_whole_bench_and_going_on(cli, folders, out, monkeypatch):
    street, kodak = folders
    command = ("bench", "codecs", "--scenes", street, "--kodak", kodak, "--out", out, "--workers", 1)
    command += ("--device", "auto")
    code, text, _ = cli(*command)
    assert code == 0
    assert (out / "codecs.md").read_text() == text.removesuffix("\n")
    for name in ("levels", "levels_against_snr", "rate_maps", "regions", "kodak"):
        with PillowImage.open(out / f"{name}.png") as figure:
            assert min(figure.size) > 300
    first = text.split("## ")[1]
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ") for line in first.splitlines() if "|" in line}
    assert set(SYSTEMS) <= rows.keys()
    for system in set(SYSTEMS) - {*REGION_GAINS, LAYERS, DESIGNED}:
        cells = rows[system]
        assert all(15 < float(cell.split()[0]) < 60 for cell in cells[1:7])
        # 192 patches are too few for DeepJSCC's least rate and a header: it says so.
        total, *over = cells[8].removesuffix(" |").split()
        assert (float(total) > 0.0201) == (over == ["(over)"]) == (system == "DeepJSCC")
    assert text.count("Pictures lost: ") == 5
    for section in text.split("## ")[1:]:
        numbers = [cell for line in section.splitlines() if line.startswith("| ") for cell in line.split(" | ")[1:]]
        assert not any("nan" in cell for cell in numbers)
        assert sum(cell.strip(" |") == "-" for cell in numbers) == int("no importance" in section)
    photographs = text.split("## Kodak, AWGN")[1].split("MS-SSIM")[0]
    assert all(f"| {system} |" in photographs for system in WITHOUT_IMPORTANCE)
    assert "| published | 30.00 | - |" in photographs
    # A second time nothing is simulated: with links that cannot run it gives the same.
    monkeypatch.setattr("linksim.montecarlo.chunk_runner.runs_of", None)
    names = re.findall(r"\((\w+\.png)\)", text)
    assert len(names) == 5
    monkeypatch.setattr("linksim.benches.codecs.CodecsBench.figures", lambda *_: iter(names))
    code, again, _ = cli(*command)
    assert (code, again) == (0, text)
    # A folder that is not there is said before anything is simulated.
    shutil.rmtree(kodak)
    code, _, error = cli(*command)
    assert (code, "no picture or folder" in error) == (2, True)


def test_it_says_what_it_needs(cli, folders, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, _, error = cli("bench", "codecs", "--scenes", folders[0], "--out", tmp_path, "--device", "cuda")
    assert (code, "no CUDA device here" in error) == (2, True)
    code, _, error = cli("bench", "codecs", "--out", tmp_path)
    assert code == 2
    assert "give --scenes" in error
    code, _, error = cli("bench", "codecs", "--scenes", tmp_path, "--out", tmp_path)
    assert code == 2
    assert "'split.json' is missing" in error


def test_a_table_is_markdown():
    assert markdown(["a", "b"], [["x", 1]]).splitlines() == ["| a | b |", "| --- | ---: |", "| x | 1 |"]


def test_benches_are_found_and_their_options_are_theirs(cli, tmp_path):
    assert set(known_benches()) == {
        "closed_forms", "codecs", "effort", "evaluation", "generative", "header", "importance", "intent", "klt",
        "layers", "ofdm", "separation",
        "steering",
        "text",
        "vlm_csc",
        "waveforms",
    }  # fmt: skip
    code, text, _ = cli("bench")
    assert code == 0
    assert all(name in text for name in known_benches())
    with pytest.raises(ParameterError, match="no bench 'codec'; did you mean 'codecs'"):
        find_bench("codec")
    code, _, error = cli("bench", "ofdm", "--kodak", tmp_path, "--out", tmp_path / "out")
    assert (code, "--kodak means nothing to the bench 'ofdm'" in error) == (2, True)
    assert not (tmp_path / "out").exists()


def test_the_ofdm_bench(folders, out, monkeypatch):
    monkeypatch.setattr("linksim.benches.ofdm.SPEEDS_KMH", (3.0,))
    monkeypatch.setattr("linksim.benches.ofdm.SNRS_DB", (15.0,))
    text, figures = find_bench("ofdm")(scenes=folders[0], out=out).run()
    row = next(line for line in text.splitlines() if line.startswith("| 3 km/h, 15 dB"))
    _, _, known, lmmse, least_squares, lost, _ = (cell.strip() for cell in row.split("|"))
    assert figures == []
    assert 20 < float(known) < 45
    assert float(least_squares) > float(lmmse) > -0.5
    assert lost == "0%, 0%, 0%"
    assert (out / "ofdm.md").read_text() == text


@pytest.mark.usefixtures("few")
def test_imported_codecs_stand_beside_the_others(cli, folders, out, tmp_path, monkeypatch):
    """One codec has a rate of its own, 1/6, one adapts to those of the tables."""
    torch.save(random_checkpoint(16), tmp_path / "theirs.pt")
    fixed, adaptive = tmp_path / "fixed.safetensors", tmp_path / "adaptive.safetensors"
    import_weights("deepjscc", tmp_path / "theirs.pt", fixed)
    stages = tuple(StageSizes(width, 2, 1, 2, shifted=False) for width in (8, 8, 8, 96))
    sizes = SwinSizes(stages, stages[::-1], 96, 0, 16)
    codec = AdaptiveEncoderNetwork(sizes), AdaptiveDecoderNetwork(sizes)
    parts = dict(zip(("published_swinjscc_encoder.network", "published_swinjscc_decoder.network"), codec, strict=True))
    write_weights(adaptive, dict(named_tensors(parts)), torch.float32, {ABOUT: sizes.as_json()})
    for module in ("", ".tables", ".figures"):
        monkeypatch.setattr(f"linksim.benches.codecs{module}.WITHOUT_IMPORTANCE", (SWINJSCC,))
    command = ("bench", "codecs", "--kodak", folders[1], "--out", out, "--workers", 1)
    code, text, error = cli(*command, "--also", fixed, "--also", adaptive)
    assert code == 0, error
    table = text.split("## Kodak, imported codecs, AWGN")[1]
    rows = {cells[1].strip(): cells[2:-1] for line in table.splitlines() for cells in [line.split("|")] if "|" in line}
    assert {"fixed, 1/6", "adaptive, 1/24", "adaptive, 1/16"} <= rows.keys()
    for name, cbr in (("fixed, 1/6", 1 / 6), ("adaptive, 1/24", 1 / 24), ("adaptive, 1/16", 1 / 16)):
        psnr, payload, everything = map(float, rows[name])
        assert 0 < psnr < 40
        # A codec that adapts takes the nearest rate below; patches at the border are whole.
        assert payload == pytest.approx(cbr, rel=0.15)
        assert everything > payload
    by_rate = text.split("## Kodak, AWGN 10 dB")[1].split("`cbr_total`, the")[0]
    assert re.search(r"\| adaptive \| [\d.]+ \| [\d.]+ \|", by_rate)
    assert "| fixed | - | - |" in by_rate
    for also, said in ((tmp_path / "none.safetensors", "no file of weights"), ("small", "no published codec")):
        code, _, error = cli(*command, "--also", also)
        assert (code, said in error) == (2, True)
    code, _, error = cli(*command, "--also", fixed, "--also", fixed)
    assert (code, "two systems would be called 'fixed'" in error) == (2, True)
    code, _, error = cli("bench", "codecs", "--scenes", folders[0], "--out", out, "--also", fixed)
    assert (code, "--also needs --kodak" in error) == (2, True)
    code, _, error = cli("bench", "ofdm", "--out", out, "--also", fixed)
    assert (code, "--also means nothing" in error) == (2, True)
