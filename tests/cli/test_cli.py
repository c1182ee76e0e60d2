import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from linksim.blocks import AWGN
from linksim.blocks.sources import read_picture
from linksim.cli.doctor import examine
from linksim.cli.links import make_link


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


@pytest.mark.parametrize("channel", ["awgn", "rayleigh", "rician", "tdl-a"])
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
    assert result["csi"] == ("estimated" if channel == "tdl-a" else "perfect")
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
        (["{picture}", "--link", "deepjscc", "--intent", "the dog"], "this link makes no use of it"),
        (["{picture}", "--importance", "none", "--intent", "the dog"], "leave out --importance"),
        (["{picture}", "--link", "vlm_scs"], "no link 'vlm_scs'; did you mean 'vlm_csc'"),
        (["{picture}", "--cbr", "0.02", "--cbr-total", "0.02"], "give one of"),
        (["{picture}", "--cbr", "-1"], "'target_cbr' must be in"),
        (["{picture}", "--alpha", "-1"], "'alpha' must be"),
        (["{picture}", "--link", "deepjscc", "--effort", "3"], "--effort is for the links sa_oosc and ntscc"),
        (["{picture}", "--link", "avif-ldpc", "--effort", "3"], "--effort is not for the link 'avif-ldpc'"),
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
    ports = {name: (port["type"], port["optional"]) for name, port in listed["AWGN"]["inputs"].items()}
    assert ports == {"symbols": ("Symbols", False), "snr_db": ("Decibels", False)}
    assert listed["AWGN"]["inputs"]["symbols"]["tensors"] == [
        {"path": "samples", "dtypes": ["complex128", "complex64"], "dimensions": ["batch", "uses"]},
        {"path": "length", "dtypes": listed["Serializer"]["inputs"]["lengths"]["tensors"][0]["dtypes"],
         "dimensions": ["batch"]},
    ]  # fmt: skip
    rate = listed["RateAllocator"]["parameters"]
    assert rate["alpha"] == {"type": "float", "required": False, "default": 8.0, "schema": {"type": "number"}}
    assert rate["header_code_rate"]["type"] == "float | 'auto' | None"
    assert rate["header_code_rate"]["schema"]["anyOf"][1] == {"const": "auto", "type": "string"}
    assert all("schema" in each for entry in listed.values() for each in entry["parameters"].values())
    assert listed["BitSource"]["source"]
    assert all(entry["summary"] and (entry["outputs"] or entry["declared"]) for entry in listed.values())
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
    assert {entry["extra"] for entry in found["packages"]} == {
        "",
        "tensorflow",
        "detect",
        "mllm",
        "ray",
        "accelerate",
        "parquet",
        "heif",
        "language",
        "hub",
        "onnx",
        "knowledge",
        "perceptual",
        "studio",
        "radio",
    }


def test_doctor_names_what_cannot_be_imported(monkeypatch, tmp_path):
    """One that raises, one that ends its process and takes the company with it, one that says nothing in time."""
    (tmp_path / "raises.py").write_text("raise ImportError('no such library')")
    (tmp_path / "ends.py").write_text("import os; os._exit(3)")
    (tmp_path / "waits.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("linksim.cli.doctor.PATIENCE_SECONDS", 3)
    monkeypatch.setattr("linksim.cli.doctor._version", lambda package: None if package == "absent" else "1")
    modules = {"one": "json", "two": "raises", "three": "ends", "four": "waits", "five": "csv", "absent": "absent"}
    monkeypatch.setattr("linksim.cli.doctor.REQUIRED", modules)
    monkeypatch.setattr("linksim.cli.doctor.OPTIONAL", {})
    found = examine()
    assert not found["healthy"]
    assert {entry["package"]: entry["problem"] for entry in found["packages"]} == {
        "one": None,
        "two": "ImportError: no such library",
        "three": "import ended with status 3",
        "four": "import took over 3 s",
        "five": None,
        "absent": "not installed",
    }


def test_demo_shows_its_table_and_pictures(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("linksim.cli.demo.FADES", 2)
    monkeypatch.setattr("linksim.cli.demo.SNRS_DB", (0.0, 10.0))
    code, out, _ = cli("demo", "--out", tmp_path, "--json")
    assert code == 0
    rows = json.loads(out)
    assert [(row["link"], row["channel"], row["snr_db"]) for row in rows] == [
        (link, c, s) for c in ("awgn", "rayleigh") for link in ("klt", "sa_oosc") for s in (0.0, 10.0)
    ]
    assert rows[1]["psnr_db"] > rows[0]["psnr_db"]
    found = {(row["link"], row["channel"], row["snr_db"]): row["psnr_db"] for row in rows}
    assert all(found["sa_oosc", c, s] > found["klt", c, s] + 0.5 for c in ("awgn", "rayleigh") for s in (0.0, 10.0))
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
    assert all(name in done.stdout for name in ("transmit", "train", "bench", "demo", "blocks", "draw", "doctor"))


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


@pytest.fixture
def street(tmp_path, photograph):
    """A folder laid out as the street scenes, of two small pictures."""
    root = tmp_path / "street"
    for folder in ("images", "detections", "importance_mllm"):
        (root / folder).mkdir(parents=True)
    (root / "split.json").write_text(json.dumps({"train": ["a"], "val": ["b"]}))
    for name, left in (("a", 40), ("b", 200)):
        pixels = (photograph[0, :, 50:178, left : left + 192] * 255).round().byte().movedim(0, -1).numpy()
        PillowImage.fromarray(pixels).save(root / "images" / f"{name}.webp", lossless=True)
        detection = {"track_id": 1, "box": {"x1": 30, "y1": 20, "x2": 100, "y2": 90}}
        (root / "detections" / f"{name}.json").write_text(json.dumps([detection]))
        (root / "importance_mllm" / f"{name}.json").write_text(json.dumps({"1": 3}))
    return root


def test_train_writes_weights_that_transmit_uses_and_goes_on(cli, street, picture, tmp_path):
    run = tmp_path / "run"
    command = ("train", "sa-oosc", "--pictures", street, "--out", run, "--from", "small", "--batch", 1, "--crop", 64)
    code, text, _ = cli(*command, "--steps", 3)
    assert code == 0
    assert "validation" in text
    described = json.loads((run / "weights.json").read_text())
    assert described["steps"] == 3
    assert described["settings"]["start"].startswith("small, sha256 ")
    assert "frames_per_second" in (run / "log.csv").read_text()
    # The same command with a larger budget goes on from step 3.
    code, _, _ = cli(*command, "--steps", 4)
    assert code == 0
    assert json.loads((run / "weights.json").read_text())["steps"] == 4
    code, text, _ = cli(*command, "--steps", 2)
    assert code == 0
    assert "used up all the time or steps that are asked for: nothing was trained" in " ".join(text.split())
    code, _, error = cli(*command, "--steps", 4, "--seed", 8)
    assert code == 2
    assert "holds a run of other settings (seed: 1, now 8)" in error
    out = tmp_path / "sent"
    code, _, _ = cli("transmit", picture, "--weights", run / "weights.safetensors", "--out", out)
    assert code == 0
    assert json.loads((out / "result.json").read_text())["weights"].endswith("weights.safetensors")


def test_training_from_nothing_passes_through_all_stages(cli, street, tmp_path):
    run = tmp_path / "run"
    code, _, _ = cli("train", "sa-oosc", "--pictures", street, "--out", run, "--batch", 1, "--crop", 64, "--steps", 30)
    assert code == 0
    assert list((run / "checkpoints").glob("step-00000030/state.json"))
    with (run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == ["vectorizer", "coding", "system", "system"]
    assert not any(None in row or None in row.values() for row in rows)


def test_the_papers_size_trains_and_its_weights_transmit(cli, street, picture, tmp_path):
    run = tmp_path / "run"
    command = ("train", "sa-oosc", "--preset", "paper", "--pictures", street, "--batch", 1, "--crop", 64)
    code, _, error = cli(*command, "--out", run, "--from", "small", "--steps", 1)
    assert code == 2
    assert "'preset' must be of the transform of 'small'" in error
    assert cli(*command, "--out", run, "--steps", 2)[0] == 0
    code, _, _ = cli("transmit", picture, "--weights", run / "weights.safetensors", "--out", tmp_path / "sent")
    assert code == 0
    assert json.loads((tmp_path / "sent" / "result.json").read_text())["psnr_db"] > 20


def test_a_stopped_training_leaves_weights_and_goes_on_to_the_same_bits(cli, street, tmp_path, monkeypatch):
    command = ("train", "sa-oosc", "--pictures", street, "--from", "small", "--batch", 1, "--crop", 64, "--steps", 6)
    assert cli(*command, "--out", tmp_path / "whole")[0] == 0
    from linksim.training.stage_runner import StageRunner

    gradients, calls = StageRunner.gradients, []

    def interrupted(self, seed, step):
        calls.append(step)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return gradients(self, seed, step)

    monkeypatch.setattr(StageRunner, "gradients", interrupted)
    code, text, _ = cli(*command, "--out", tmp_path / "cut")
    assert code == 130
    assert "stopped at step 3" in text
    assert (tmp_path / "cut" / "weights.safetensors").is_file()
    assert cli(*command, "--out", tmp_path / "cut")[0] == 0
    assert len(calls) == 6
    one, two = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == two


@pytest.mark.parametrize("link", ["ntscc", "deepjscc", "swinjscc"])
def test_transmit_goes_over_every_learned_link(cli, picture, tmp_path, link):
    code, _, _ = cli("transmit", picture, "--link", link, "--cbr", 0.05, "--out", tmp_path)
    result = json.loads((tmp_path / "result.json").read_text())
    assert (code, result["link"], result["weights"], result["importance"]) == (0, link, link, "none")
    assert result["psnr_db"] > 20
    for wrong, message in ((("--alpha", 8), "does not use importance"), (("--psnr", 30), "--link klt")):
        code, _, error = cli("transmit", picture, "--link", link, *wrong, "--out", tmp_path)
        assert (code, message in error) == (2, True)


@pytest.mark.parametrize("system", ["ntscc", "deepjscc", "swinjscc"])
def test_every_codec_trains_and_its_weights_make_a_link(cli, street, picture, tmp_path, system):
    run = tmp_path / "run"
    command = ("train", system, "--from", "small", "--pictures", street, "--batch", 2, "--crop", 64, "--steps", 2)
    code, text, _ = cli(*command, "--out", run)
    assert code == 0
    assert "float32" in text or "bfloat16" in text
    assert json.loads((run / "weights.json").read_text())["settings"]["system"] == system
    link = make_link(system, AWGN(), {"target_cbr": 0.05}, weights=str(run / "weights.safetensors"))
    assert link.run(image=read_picture(picture)[None], snr_db=10.0)["psnr"].value.item() > 18


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deepjscc", "--preset", "paper"), "--preset means nothing to 'deepjscc'; leave it out"),
        (("swinjscc", "--from", "student"), "the weights 'student' hold no 'vectorizer'"),
        (("ntscc", "--importance-exponent", "1"), "--importance-exponent means nothing to 'ntscc'; leave it out"),
        (("deepjscc", "--cbr", "0.01", "0.02"), "--cbr means nothing to 'deepjscc'; leave it out"),
        (("sa-oos",), "no recipe for 'sa-oos'; did you mean 'sa_oosc'"),
        (("sa-oosc", "--preset", "smal"), "'preset' must be one of light, small, paper (got 'smal')"),
        (("sa-oosc", "--crop", "100"), "'crop' must be a multiple of 64"),
        (("sa-oosc", "--snr", "20", "0"), "'snr' must be two rising numbers"),
        (("sa-oosc", "--minutes", "5", "--steps", "5"), "only one of them"),
        (("sa-oosc", "--from", "nothing"), "no weights 'nothing'"),
        (("sa-oosc", "--device", "cuda"), "no CUDA device here"),
    ],
)
def test_train_names_what_is_wrong(cli, street, tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, _, error = cli("train", *arguments, "--pictures", street, "--out", tmp_path / "run")
    assert code == 2
    assert message in error


def test_kodak_is_never_trained_on(cli, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    PillowImage.new("RGB", (300, 300)).save(folder / "kodim07.png")
    code, _, error = cli("train", "sa-oosc", "--pictures", folder, "--out", tmp_path / "run")
    assert code == 2
    assert "for testing only" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--psnr", "30"), "--psnr needs a link that predicts its quality: --link klt"),
        (("--link", "klt", "--weights", "small"), "'klt' has none"),
        (("--weights", "tiny"), "no weights 'tiny'"),
    ],
)
def test_transmit_names_what_a_link_cannot_do(cli, picture, tmp_path, arguments, message):
    code, _, error = cli("transmit", picture, "--out", tmp_path / "out", *arguments)
    assert code == 2
    assert message in error


def test_a_recipe_of_ones_own_names_what_is_wrong(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    for name, message in (
        ("docs.examples.autoencoder:GroupEncoder", "must name a class of recipes"),
        ("docs.examples.autoencoder:Recipe", "must name a class of recipes"),
        ("docs.examples.autoencode:AutoencoderRecipe", "cannot be found"),
    ):
        code, _, error = cli("train", name, "--out", tmp_path)
        assert (code, message in error) == (2, True)
    code, _, error = cli(
        "train", "docs.examples.autoencoder:AutoencoderRecipe", "--pictures", tmp_path, "--out", tmp_path
    )
    assert (code, "--pictures means nothing" in error) == (2, True)
    code, _, error = cli("train", "sa_oosc", "--out", tmp_path / "run")
    assert (code, "name a folder by --pictures" in error) == (2, True)


def test_transmit_in_layers_says_what_came_through_of_each(cli, picture, boxes, tmp_path):
    command = ("transmit", picture, "--link", "semantic-separation", "--boxes", boxes, "--snr", 10)
    code, out, _ = cli(*command, "--cbr-total", 0.12, "--out", tmp_path / "out", "--json")
    found = json.loads(out)
    assert code == 0
    assert [layer["layer"] for layer in found["layers"]] == ["base", "high", "background"]
    assert all(layer["bits_received"] == layer["bits_sent"] > 0 for layer in found["layers"])
    assert found["cbr_total"] <= 0.12
    assert (tmp_path / "out" / "report.png").is_file()
