import json
import subprocess
import sys

import pytest
from PIL import Image as PillowImage

from linksim.cli import main


@pytest.fixture
def cli(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["linksim", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return left.value.code or 0, out, err

    return run


@pytest.fixture
def picture(tmp_path, photograph):
    path = tmp_path / "photo.png"
    pixels = (photograph[0, :, 40:200, 150:311] * 255).round().byte().movedim(0, -1).numpy()
    PillowImage.fromarray(pixels).save(path)
    return path


@pytest.fixture
def boxes(tmp_path):
    path = tmp_path / "boxes.json"
    entries = [{"box": {"x1": 20, "y1": 20, "x2": 90, "y2": 120}, "importance": 3}]
    path.write_text(json.dumps(entries))
    return path


@pytest.mark.parametrize("channel", ["awgn", "rayleigh", "rician"])
def test_transmit_writes_a_report_a_picture_and_figures(cli, picture, boxes, tmp_path, channel):
    out = tmp_path / "result"
    code, text, _ = cli(
        "transmit", picture, "--boxes", boxes, "--channel", channel, "--snr", 15, "--cbr", 0.05, "--out", out
    )
    assert code == 0
    assert "PSNR" in text
    result = json.loads((out / "result.json").read_text())
    wanted = {"psnr_db", "patch_psnr_db", "cbr", "cbr_total", "ledger", "erased", "header", "csi", "seconds"}
    assert wanted <= set(result)
    assert set(result["patch_psnr_db"]) == {"background", "low", "medium", "high", "nonbackground"}
    assert result["patch_psnr_db"]["low"] is None
    assert result["csi"] == "perfect"
    assert result["header"] == "robust"
    assert 0.99 * 0.05 <= result["cbr"] <= 0.05
    assert result["cbr"] == pytest.approx(result["ledger"]["payload"] / result["ledger"]["source_dimensions"], abs=1e-6)
    assert PillowImage.open(out / "reconstruction.png").size == (161, 160)
    assert PillowImage.open(out / "report.png").size[0] > 1000


def test_transmit_repeats_and_says_it_in_json(cli, picture, tmp_path):
    results = []
    for seed in (1, 1, 2):
        code, text, _ = cli("transmit", picture, "--seed", seed, "--json", "--cbr-total", 0.09, "--out", tmp_path / "o")
        assert code == 0
        results.append(json.loads(text))
    assert results[0]["psnr_db"] == results[1]["psnr_db"] != results[2]["psnr_db"]
    assert results[0]["cbr_total"] <= 0.09


def test_transmit_says_when_a_target_is_not_met_and_a_picture_is_lost(cli, picture, tmp_path):
    code, _, err = cli("transmit", picture, "--cbr", 0.0001, "--snr", -20, "--out", tmp_path / "o")
    assert code == 0
    assert "cannot be met" in err
    assert "mid-grey" in err


def test_transmit_passes_on_what_the_labels_lack(cli, picture, tmp_path):
    (tmp_path / "d.json").write_text(json.dumps([{"box": {"x1": 1, "y1": 1, "x2": 20, "y2": 20}, "track_id": 1}]))
    (tmp_path / "l.json").write_text(json.dumps({"2": 3}))
    code, _, err = cli(
        "transmit", picture, "--boxes", tmp_path / "d.json", "--labels", tmp_path / "l.json", "--out", tmp_path / "o"
    )
    assert code == 0
    assert "1 detections have no label" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "no picture at 'nowhere.png'"),
        (["{picture}", "--channel", "awng"], "no channel 'awng'; did you mean 'awgn'"),
        (["{picture}", "--link", "ktl"], "no link 'ktl'; did you mean 'klt'"),
        (["{picture}", "--cbr", "0.02", "--cbr-total", "0.02"], "give one of"),
        (["{picture}", "--cbr", "-1"], "'target_cbr' must be in"),
        (["{picture}", "--alpha", "-1"], "'alpha' must be"),
        (["{picture}", "--labels", "l.json"], "--labels needs --boxes"),
        (["{picture}", "--boxes", "nowhere.json"], "cannot read 'nowhere.json'"),
        (["{boxes}"], "is no picture in a known format"),
        (["{picture}", "--boxes", "{picture}"], "no valid JSON"),
        (["{picture}", "--out", "{picture}"], "File exists"),
    ],
)
def test_bad_input_gets_one_clear_line_and_status_2(cli, picture, boxes, arguments, message):
    filled = [a.format(picture=picture, boxes=boxes) for a in arguments]
    code, out, err = cli("transmit", *filled)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.parametrize("arguments", [["--snr", "high"], ["--seed", "-4"], ["--nonsense"], ["--device", "tpu"], []])
def test_bad_options_end_with_status_2(cli, picture, arguments):
    code, _, err = cli("transmit", *([picture, *arguments] if arguments else []))
    assert code == 2
    assert err


def test_asking_for_a_gpu_that_is_not_there(cli, picture, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, _, err = cli("transmit", picture, "--device", "cuda")
    assert code == 2
    assert "no CUDA device" in err


def test_blocks_lists_and_explains(cli):
    code, out, _ = cli("blocks", "--json")
    assert code == 0
    listed = {entry["name"]: entry for entry in json.loads(out)}
    assert listed["AWGN"]["inputs"] == {"symbols": "Symbols", "snr_db": "Decibels"}
    assert listed["BitSource"]["source"]
    assert all(entry["summary"] and entry["outputs"] for entry in listed.values())
    code, out, _ = cli("blocks", "RateAllocator")
    assert code == 0
    assert "target_cbr" in out
    assert "SA-OOSC eqs. 1, 14, 15, 16" in out
    code, _, err = cli("blocks", "RateAlocator")
    assert code == 2
    assert "did you mean 'RateAllocator'" in err
    assert cli("blocks")[0] == 0


def test_draw_by_name_by_file_and_to_files(cli, tmp_path):
    code, out, _ = cli("draw", "bpsk")
    assert code == 0
    assert out.startswith("flowchart TB")
    for suffix, start in ((".svg", "<svg"), (".mmd", "flowchart"), (".yaml", "linksim: 1")):
        path = tmp_path / f"bpsk{suffix}"
        assert cli("draw", "bpsk", "--out", path)[0] == 0
        assert path.read_text().startswith(start)
    assert cli("draw", tmp_path / "bpsk.yaml")[1] == out
    for arguments, message in (
        (["bspk"], "did you mean 'bpsk'"),
        (["nowhere.yaml"], "cannot read"),
        (["bpsk", "--out", tmp_path / "x.gif"], "must end in .svg"),
    ):
        code, _, err = cli("draw", *arguments)
        assert code == 2
        assert message in err


def test_doctor(cli):
    code, out, _ = cli("doctor", "--json")
    found = json.loads(out)
    assert code == (0 if found["healthy"] else 1)
    assert found["healthy"]
    assert {entry["extra"] for entry in found["packages"]} == {"", "tensorflow", "detect", "mllm", "ray"}


def test_demo_shows_its_table_and_pictures(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("linksim.cli.demo.FADES", 2)
    monkeypatch.setattr("linksim.cli.demo.SNRS_DB", (0.0, 10.0))
    code, out, _ = cli("demo", "--out", tmp_path, "--json")
    assert code == 0
    rows = json.loads(out)
    assert [(row["channel"], row["snr_db"]) for row in rows] == [
        (c, s) for c in ("awgn", "rayleigh") for s in (0.0, 10.0)
    ]
    assert rows[1]["psnr_db"] > rows[0]["psnr_db"]
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{n}{s}.png" for n in ("astronaut", "chelsea", "coffee") for s in ("", "_report")
    }


def test_help_names_every_command():
    done = subprocess.run(
        [sys.executable, "-c", "from linksim.cli import main; main()", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("transmit", "demo", "blocks", "draw", "doctor"))


def test_importing_loads_nothing_heavy():
    heavy = (
        "sionna",
        "compressai",
        "scipy.stats",
        "matplotlib.pyplot",
        "tensorflow",
        "ultralytics",
        "openai",
        "ray",
        "pandas",
    )
    code = f"import sys, linksim.flowgraphs, linksim.cli.blocks; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
