"""Sweeps of the page: the same stores and results as those of `linksim sweep`, and no file but its own is touched."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from linksim.flowgraphs import bpsk
from linksim.montecarlo import Sweep
from linksim.studio.tasks import ready

LINKSIM = Path(sys.executable).with_name("linksim")


def asked(store, **changed):
    usual = {"graph": ready("bpsk")["graph"], "store": store, "grid": ["snr_db=0:4:2"], "stop": ["ber:errors=50"],
             "inputs": [], "seed": 3}  # fmt: skip
    return {**usual, **changed}


def swept(client, **what):
    begun = client.post("/api/sweeps", json=asked(**what))
    assert begun.status_code == 200, begun.text
    return [json.loads(line) for line in client.get(f"/api/runs/{begun.json()['run']}").text.splitlines()]


def test_it_is_the_sweep_of_the_engine(client):
    last = swept(client, store="same")[-1]
    expected = Sweep(bpsk(), grid={"snr_db": [0, 2, 4]}, stop="ber:errors=50", seed=3).run()
    found = pd.DataFrame(last["rows"])
    for column in ("snr_db", "estimate", "low", "high", "trials", "errors"):
        assert found[column].tolist() == pytest.approx(expected[column].tolist(), rel=1e-12)
    (form,) = last["theory"].values()
    assert form[0][0] == 0
    assert form[1][0] == pytest.approx(0.0786, abs=1e-4)


def test_the_command_goes_on_with_the_same_store(client, served):
    last = swept(client, store="shared")[-1]
    words = last["command"].replace("linksim", str(LINKSIM), 1).split()
    done = subprocess.run([*words, "--json"], cwd=served.folder, check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)
    # Seconds are those of the first time: nothing was simulated again.
    assert [row["seconds"] for row in rows] == [row["seconds"] for row in last["rows"]]
    replayed = subprocess.run([LINKSIM, "replay", "shared.db", "--worst", "ber"], cwd=served.folder, check=True,
                              capture_output=True, text=True)  # fmt: skip
    assert "the same as stored: yes" in replayed.stdout


def test_a_picture_is_sent_at_every_point(client, served):
    key = client.post("/api/samples/cat").json()["picture"]
    last = swept(client, store="cat", graph=ready("klt")["graph"], grid=["snr_db=0,10"], stop=[], picture=key)[-1]
    assert last["event"] == "done", last
    psnr = [row["estimate"] for row in last["rows"] if row["metric"] == "psnr"]
    assert psnr[1] > psnr[0] + 1
    assert (served.folder / "cat_pictures" / "picture.png").is_file()


def until_news(client, run):
    """Wait for the first table of a sweep."""
    with client.stream("GET", f"/api/runs/{run}") as answer:
        return json.loads(next(answer.iter_lines()))


def test_stopped_and_gone_on_with(client):
    slow = {"stop": ["ber:errors=400000"], "grid": ["snr_db=4:8:1"]}
    begun = client.post("/api/sweeps", json=asked("stopped", **slow)).json()["run"]
    until_news(client, begun)
    time.sleep(2)
    client.delete(f"/api/runs/{begun}")
    kept = client.get("/api/stores/stopped").json()
    assert kept["rows"]
    assert {row["stopped_by"] for row in kept["rows"]} >= {"unfinished"}
    again = swept(client, store="stopped", stop=["ber:errors=100"], grid=["snr_db=4:8:1"])[-1]
    assert again["event"] == "done"


def test_news_come_while_it_runs(client):
    begun = client.post("/api/sweeps", json=asked("news", stop=["ber:errors=100000"], grid=["snr_db=4"])).json()["run"]
    first = until_news(client, begun)
    client.delete(f"/api/runs/{begun}")
    assert first["event"] == "table"
    assert first["points"] == 1


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a.db", "x" * 61, "a b", None, 3, "-x"])
def test_a_store_is_a_plain_name(client, name):
    assert client.post("/api/sweeps", json=asked(name)).status_code == 400
    if isinstance(name, str) and name:
        assert client.get(f"/api/stores/{name}").status_code in (400, 404)


def test_nothing_is_overwritten(client, served):
    own = served.folder / "mine.yaml"
    own.write_text("my own notes")
    refused = client.post("/api/sweeps", json=asked("mine"))
    assert (refused.status_code, own.read_text()) == (409, "my own notes")
    outside = served.folder.parent / "outside"
    os.symlink(outside, served.folder / "linked.yaml")
    assert client.post("/api/sweeps", json=asked("linked")).status_code == 409
    assert not outside.exists()
    os.symlink(outside, served.folder / "leading.db")
    assert client.post("/api/sweeps", json=asked("leading")).status_code == 409
    assert not outside.exists()
    (served.folder / "text.db").write_text("no database")
    assert swept(client, store="text")[-1]["event"] == "error"
    assert (served.folder / "text.db").read_text() == "no database"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"grid": []}, ""),
        ({"grid": ["nothing=1,2"]}, "nothing"),
        ({"grid": ["snr_db=0:8"]}, "first:last:step"),
        ({"stop": ["ber:errors=-1"]}, "errors"),
        ({"stop": ["bler:errors=10"]}, "bler"),
        ({"grid": "snr_db=1"}, "list of texts"),
        ({"grid": ["bits.length=/etc/passwd"]}, "names a path"),
        ({"inputs": ["snr_db=..\\x"]}, "names a path"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(client, changed, said):
    begun = client.post("/api/sweeps", json=asked(f"refused{len(said)}", **changed))
    message = begun.json()
    if begun.status_code == 200:
        message = json.loads(client.get(f"/api/runs/{message['run']}").text.splitlines()[-1])
        assert message["event"] == "error"
    assert said in message["message"]


def test_a_flowgraph_that_names_paths_is_not_swept(client, served):
    graph = ready("bpsk")["graph"]
    graph["blocks"]["bits"] = {"block": "PictureSource", "parameters": {"folder": str(served.folder)}}
    refused = client.post("/api/sweeps", json=asked("paths", graph=graph))
    assert refused.status_code == 400
    assert "reads no files" in refused.json()["message"]
    assert not (served.folder / "paths.yaml").exists()


def test_pictures_of_the_users_own_are_not_swept(client, served):
    own = served.folder / "holiday_pictures"
    own.mkdir()
    (own / "beach.jpg").write_bytes(b"mine")
    key = client.post("/api/samples/cat").json()["picture"]
    klt = {"graph": ready("klt")["graph"], "grid": ["snr_db=0"], "stop": [], "picture": key}
    assert client.post("/api/sweeps", json=asked("holiday", **klt)).status_code == 409
    assert [path.name for path in own.iterdir()] == ["beach.jpg"]
    (served.folder / "plain_pictures").write_text("a file")
    assert client.post("/api/sweeps", json=asked("plain", **klt)).status_code == 409


def test_letters_beyond_the_first_plane_are_swept_and_run(client):
    graph = {**ready("bpsk")["graph"], "name": "bpsk 🛰"}
    assert swept(client, store="satellite", graph=graph)[-1]["event"] == "done"
    run = client.post("/api/runs", json={"graph": graph, "inputs": {"snr_db": 4}}).json()["run"]
    assert json.loads(client.get(f"/api/runs/{run}").text.splitlines()[-1])["event"] == "done"


def test_only_the_newest_table_is_kept(client):
    begun = client.post("/api/sweeps", json=asked("newest", stop=["ber:errors=90000000"], grid=["snr_db=4"]))
    run = begun.json()["run"]
    first = until_news(client, run)
    time.sleep(3)
    client.delete(f"/api/runs/{run}")
    told = [json.loads(line) for line in client.get(f"/api/runs/{run}").text.splitlines()]
    assert [each["event"] for each in told] == ["table", "error"]
    assert told[0]["frames"] > first["frames"]


def test_stores_of_the_folder_are_listed(client, served):
    swept(client, store="listed")
    (served.folder / "other.db").write_bytes(b"SQLite format 3\0 but not really")
    with sqlite3.connect(served.folder / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE own (x)")
        foreign.execute("PRAGMA user_version = 1")
    os.symlink("/etc/hostname", served.folder / "outside.db")
    shutil.copy(served.folder / "listed.db", served.folder / "results.v2.db")
    found = {each["store"]: each["sweeps"] for each in client.get("/api/stores").json()["stores"]}
    assert found["listed"] == ["bpsk"]
    assert not {"other", "foreign", "outside"} & set(found)
    assert client.get("/api/stores/results.v2").json()["rows"]
    assert client.get("/api/stores/listed", params={"sweep": "9"}).status_code == 400
    assert client.get("/api/stores/absent").status_code == 404


def replayed(client, store, metric="ber"):
    begun = client.post(f"/api/stores/{store}/replay", json={"metric": metric})
    assert begun.status_code == 200, begun.text
    key = begun.json()["run"]
    return key, [json.loads(line) for line in client.get(f"/api/runs/{key}").text.splitlines()]


def test_the_worst_chunk_is_run_again_with_its_wires(client):
    swept(client, store="worst", grid=["snr_db=0:4:2", "bits.length=64,256"])
    key, (first, last) = replayed(client, "worst")
    assert last["event"] == "done"
    assert "; the same as stored" in last["note"]
    # The most errors are those of the longest frames at the lowest SNR.
    assert first["inputs"] == {"snr_db": 0}
    assert first["graph"]["blocks"]["bits"]["parameters"] == {"length": 256}
    for port in (".snr_db", "bits.out", "channel.out"):
        assert client.get(f"/api/runs/{key}/wire", params={"port": port}).json()["view"]["parts"]
    assert last["outputs"]["ber"]["type"] == "Counts"


def test_of_pictures_the_worst_is_shown(client):
    key = client.post("/api/samples/coffee").json()["picture"]
    swept(client, store="coffee", graph=ready("klt")["graph"], grid=["snr_db=0,10"], stop=[], picture=key)
    run, (first, _) = replayed(client, "coffee", "psnr")
    assert first["inputs"]["snr_db"] == 0
    seen = client.get(f"/api/runs/{run}/wire", params={"port": ".image"}).json()["view"]
    assert seen["parts"][0]["kind"] == "picture"


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ({"flowgraph": "evil:make"}, "runs no code"),
        ({"flowgraph": "/etc/hosts.yaml"}, "does not lie in the folder"),
        ({"pictures": "/etc"}, "does not lie in the folder"),
        ({"scenes": "/etc"}, "does not lie in the folder"),
    ],
)
def test_a_store_of_somebody_else_runs_and_reads_nothing(client, served, origin, said):
    name = f"foreign{abs(hash(str(origin)))}"
    (served.folder / "evil.py").write_text("open('was_run', 'w')\ndef make(): pass\n")
    usual = {"flowgraph": "bpsk", "grid": ["snr_db=0"], "stop": ["ber:errors=5"], "inputs": [], "pictures": None,
             "scenes": None, "seed": 0, "chunk": None, "over": None, "curve": None, "device": "cpu",
             "folder": str(served.folder)}  # fmt: skip
    Sweep(bpsk, grid={"snr_db": [0]}, stop="ber:errors=5").run(
        store=served.folder / f"{name}.db", origin={**usual, **origin}
    )
    _, (last,) = replayed(client, name)
    assert last["event"] == "error"
    assert said in last["message"]
    assert not (served.folder / "was_run").exists()


@pytest.mark.parametrize("asked_for", [{}, {"metric": 3}, {"metric": "ber", "sweep": "1"}])
def test_a_replay_that_makes_no_sense(client, asked_for):
    swept(client, store="nonsense")
    assert client.post("/api/stores/nonsense/replay", json=asked_for).status_code == 400
