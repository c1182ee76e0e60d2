import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PillowImage

CHANNELS = "channel=AWGN,Rayleigh(coherence=symbol)"
GRID, STOP = ("--grid", "snr_db=0:6:3"), ("--stop", "ber:rel=0.1,errors=100")


@pytest.fixture
def store(cli, tmp_path):
    path = tmp_path / "out.db"
    code, text, notes = cli("sweep", "bpsk", *GRID, *STOP, "--seed", 7, "--store", path)
    assert code == 0
    assert "results are in" in notes
    assert "by frame" in text
    assert "csi: perfect" in text
    return path


def test_results_print_and_export(cli, store, tmp_path):
    code, text, _ = cli("results", store)
    assert code == 0
    assert len([line for line in text.splitlines() if " ber " in line]) == 3
    files = {kind: tmp_path / f"table.{kind}" for kind in ("csv", "json", "parquet")}
    arguments = [part for kind, path in files.items() for part in (f"--{kind}", path)]
    assert cli("results", store, *arguments)[0] == 0
    columns = ["snr_db", "metric", "estimate", "low", "high", "trials", "errors", "seconds", "stopped_by"]
    tables = [pd.read_csv(files["csv"]), pd.DataFrame(json.loads(files["json"].read_text())),
              pd.read_parquet(files["parquet"])]  # fmt: skip
    for table in tables:
        assert list(table.columns)[:9] == columns
        assert list(table.snr_db) == [0, 3, 6]
        np.testing.assert_allclose(table.estimate, table.errors / table.trials, rtol=1e-12)


def test_the_same_command_goes_on_and_finer_rules_read_what_is_there(cli, store):
    again = json.loads(cli("sweep", "bpsk", *GRID, *STOP, "--seed", 7, "--store", store, "--json")[1])
    stored = json.loads(cli("sweep", "bpsk", *GRID, *STOP, "--seed", 7, "--json")[1])
    for rows in (again, stored):
        for row in rows:
            row.pop("seconds")
    assert again == stored
    finer = cli("sweep", "bpsk", *GRID, "--stop", "ber:rel=0.05", "--seed", 7, "--store", store, "--workers", 2)
    assert finer[0] == 0
    notes = cli("results", store)[2]
    assert "the last of 2 sweeps" in notes
    assert cli("results", store, "--sweep", 1)[0] == 0
    code, _, message = cli("results", store, "--sweep", 5)
    assert (code, "holds 2 sweeps (got --sweep 5)" in message) == (2, True)


def test_a_figure_beside_theory(cli, store, tmp_path):
    out = tmp_path / "figure.svg"
    code, _, notes = cli("plot", store, "--y", "ber", "--theory", "--out", out)
    assert code == 0
    assert str(out) in notes
    text = out.read_text()
    assert "<svg" in text
    assert cli("plot", store, "--y", "ber")[0] == 0
    assert PillowImage.open(store.with_suffix(".png")).size[0] > 500
    code, _, message = cli("plot", store, "--y", "bler")
    assert (code, "no metric 'bler'; did you mean 'ber'?" in message) == (2, True)
    code, _, message = cli("plot", store, "--y", "ber", "--x", "snr")
    assert (code, "did you mean 'snr_db'?" in message) == (2, True)
    code, _, message = cli("plot", store, "--y", "ber", "--out", tmp_path / "figure.xyz")
    assert (code, "--out" in message) == (2, True)


def test_replay_shows_the_worst_chunk(cli, store, tmp_path):
    out = tmp_path / "probed.npz"
    code, text, _ = cli("replay", store, "--worst", "ber", "--probe", "channel.out", "--out", out)
    assert code == 0
    assert "of snr_db=0" in text
    assert "the same as stored: yes" in text
    # What is probed may be a metric: it is none of the chunk.
    assert "the same as stored: yes" in cli("replay", store, "--worst", "ber", "--probe", "errors.out")[1]
    samples = np.load(out)["0/channel.out/gain"]
    assert samples.shape == (64, 1024)
    code, text, _ = cli("replay", store, "--point", "snr_db=6", "--chunk", 1)
    assert "chunk 1 of snr_db=6" in text
    for arguments, message in (
        (["--chunk", 0], "3 points fit; name one with --point"),
        (["--point", "snr_db=1", "--chunk", 0], "the sweep has no point snr_db=1"),
        (["--point", "snr_db=6", "--chunk", 9999], "no such chunk"),
        ([], "give --chunk N or --worst METRIC"),
        (["--worst", "psnr"], "no chunk has the metric 'psnr'"),
    ):
        code, _, notes = cli("replay", store, *arguments)
        assert (code, message in notes) == (2, True), notes


def test_pictures_from_a_folder(cli, tmp_path):
    chance = np.random.default_rng(1)
    for name in ("a", "b"):
        small = chance.integers(0, 255, (4, 6, 3), dtype=np.uint8)
        PillowImage.fromarray(small).resize((64, 48)).save(tmp_path / f"{name}.png")
    store = tmp_path / "p.db"
    code, text, _ = cli("sweep", "klt", "--grid", "rate.target_cbr=0.05,0.1", "--grid", "snr_db=0,10",
                        "--pictures", tmp_path, "--store", store)  # fmt: skip
    assert code == 0
    assert "over pictures" in text
    assert "header: robust" in text
    assert "psnr_delivered" in text
    for x, y in (("snr_db", "psnr"), ("cbr_total", "psnr"), ("rate.target_cbr", "patch_psnr.background")):
        assert cli("plot", store, "--x", x, "--y", y, "--out", tmp_path / "f.png")[0] == 0
    code, text, _ = cli("replay", store, "--worst", "psnr")
    assert "the same as stored: yes" in text
    one = cli("sweep", "klt", "--grid", "snr_db=0,10", "--input", "x=3", "--pictures", tmp_path)
    assert (one[0], "'x' is no input of 'klt'" in one[2]) == (2, True)
    assert cli("sweep", "klt", "--grid", "snr_db=0,10", "--pictures", tmp_path, "--store", tmp_path / "s.db")[0] == 0
    assert cli("plot", tmp_path / "s.db", "--y", "ledger", "--out", tmp_path / "f.png")[0] == 0


def test_blocks_files_and_functions(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli("draw", "bpsk", "--out", "link.yaml")[0] == 0
    rows = json.loads(cli("sweep", "link.yaml", *GRID, *STOP, "--json")[1])
    assert [row["snr_db"] for row in rows] == [0, 3, 6]
    (tmp_path / "my_links.py").write_text("from linksim.flowgraphs import bpsk\n\ndef short(length: int = 100):\n"
                                          "    return bpsk(length=length)\n")  # fmt: skip
    rows = json.loads(cli("sweep", "my_links:short", *GRID, "--stop", "ber:trials=1e4", "--json")[1])
    assert rows[0]["trials"] == 12800
    parallel = json.loads(
        cli("sweep", "my_links:short", *GRID, "--stop", "ber:trials=1e4", "--json", "--workers", 2)[1]
    )
    assert [row["errors"] for row in parallel] == [row["errors"] for row in rows]
    lengths = json.loads(cli("sweep", "bpsk", "--grid", "length=100:300:100", "--grid", "snr_db=1", *STOP, "--json")[1])
    assert [row["length"] for row in lengths] == [100, 200, 300]
    command = (
        "sweep",
        "bpsk",
        "--grid",
        CHANNELS,
        "--grid",
        "snr_db=5",
        *STOP,
        "--json",
    )
    rows = json.loads(cli(*command)[1])
    assert [row["channel"] for row in rows] == ["AWGN", "Rayleigh(coherence='symbol')"]


@pytest.mark.parametrize(("arguments", "message"), [
    (("sweep", "bqsk", *GRID, *STOP), "no flowgraph 'bqsk'; did you mean 'bpsk'?"),
    (("sweep", "nothing:here", *GRID, *STOP), "'nothing:here' cannot be found"),
    (("sweep", "bpsk", "--grid", "snr_db", *STOP), "must read name=value,value"),
    (("sweep", "bpsk", "--grid", "snr_db=0:10:-1", *STOP), "the step must lead from first to last"),
    (("sweep", "bpsk", "--grid", "snr_db=0:a:1", *STOP), "all numbers"),
    (("sweep", "bpsk", "--grid", "snr_db=0:1e9:1", *STOP), "at most 100000"),
    (("sweep", "bpsk", "--grid", "snr_db=x", *STOP), "'snr_db' must be a number (got 'x')"),
    (("sweep", "bpsk", *GRID), "needs a stop rule"),
    (("sweep", "bpsk", "--grid", "snr_db=0:inf:1", *STOP), "all numbers"),
    (("sweep", "bpsk", "--grid", "snr_db=0,5,", *STOP), "a value is missing"),
    (("sweep", "bpsk", *GRID, *GRID, *STOP), "names 'snr_db' twice"),
    (("sweep", "bpsk", "--grid", "channel=Rayleigh(coherence=[)", *GRID, *STOP), "'coherence' must be"),
    (("sweep", "bpsk", *GRID, "--stop", "ber:rel"), "must be a number"),
    (("sweep", "bpsk", *GRID, *STOP, "--pictures", "a", "--scenes", "b"), "not both"),
    (("sweep", "bpsk", *GRID, *STOP, "--over", "all"), "'over' must be"),
    (("results", "nothing.db"), "no store at 'nothing.db'"),
    (("plot", "nothing.db", "--y", "ber"), "no store at 'nothing.db'"),
])  # fmt: skip
def test_bad_input_ends_with_one_line(cli, arguments, message):
    code, _, notes = cli(*arguments)
    assert message in " ".join(notes.split())
    assert code == 2


def test_ctrl_c_tells_how_to_go_on(tmp_path):
    store = tmp_path / "out.db"
    command = [sys.executable, "-c", "from linksim.cli import main; main()", "sweep", "bpsk", "--grid", "snr_db=7,8",
               "--stop", "ber:rel=0.0005", "--store", str(store), "--workers", "2"]  # fmt: skip
    # Started in the background by a script, the tests and what they start ignore Ctrl-C: here it must count.
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, ignored)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (store.is_file() and _chunks(store)):
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    _, notes = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in " ".join(notes.split())
    assert _chunks(store) > 0


def _chunks(path):
    import sqlite3

    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        return database.execute("SELECT count(*) FROM chunks").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
