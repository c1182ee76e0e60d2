"""What the studio's tasks and views say: against the engine's own answers."""

import json

import httpx
import pytest
import torch

from linksim import Flowgraph
from linksim.errors import FlowgraphFileError
from linksim.flowgraphs import FLOWGRAPHS, sa_oosc
from linksim.port import parse_spec
from linksim.studio.limits import paths_named
from linksim.studio.run import source_of
from linksim.studio.samples import SAMPLES
from linksim.studio.tasks import examined, opened, ready, written
from linksim.studio.views import MOST_POINTS, summary, view
from linksim.tied import Tied
from linksim.types import (
    Bits,
    Counts,
    Importance,
    Latent,
    Ledger,
    Lengths,
    LLRs,
    Mask,
    Received,
    Score,
    Symbols,
    Text,
)  # fmt: skip
from linksim.types import Image as Picture


def text_of(graph):
    return json.dumps(graph).encode()


@pytest.mark.parametrize("name", FLOWGRAPHS)
def test_every_ready_flowgraph_opens_without_a_fault(name):
    graph = ready(name)["graph"]
    assert paths_named(graph) == []
    found = examined(text_of(graph))
    assert found["faults"] == []
    assert set(found["ports"]) >= set(graph["blocks"])
    assert set(found["ports"][""]["outputs"]) == set(FLOWGRAPHS[name]().output_ports)


@pytest.mark.parametrize("name", ["bpsk", "sa_oosc", "separation"])
def test_what_is_saved_is_the_same_flowgraph(name, tmp_path):
    graph = ready(name)["graph"]
    path = tmp_path / "saved.yaml"
    path.write_text(written(text_of(graph), "yaml")["text"])
    loaded = Flowgraph.load(path)
    assert loaded.to_yaml() == FLOWGRAPHS[name]().to_yaml()
    assert opened(path.read_bytes())["graph"] == graph


def test_places_are_kept(tmp_path):
    graph = {**ready("bpsk")["graph"], "layout": {"channel": [10, 20.5], ".snr_db": [0, 0], "ber.": [1, 2]}}
    (tmp_path / "placed.yaml").write_text(written(text_of(graph), "yaml")["text"])
    loaded = Flowgraph.load(tmp_path / "placed.yaml")
    assert loaded.layout == {"channel": (10, 20.5), ".snr_db": (0, 0), "ber.": (1, 2)}
    assert opened((tmp_path / "placed.yaml").read_bytes())["graph"]["layout"] == graph["layout"]


def test_an_unfinished_flowgraph_can_be_kept():
    graph = {**ready("bpsk")["graph"], "connections": [["bits.out", "mapper.bits"]]}
    assert examined(text_of(graph))["faults"]
    text = written(text_of(graph), "yaml")["text"]
    assert opened(text.encode())["graph"] == graph


def test_python_builds_the_same():
    source = written(text_of(ready("bpsk")["graph"]), "python")["text"]
    built = {}
    exec(source, built)
    run = built["build"]().run(snr_db=4.0, batch=8, seed=2)
    assert torch.equal(run["ber"].errors, FLOWGRAPHS["bpsk"]().run(snr_db=4.0, batch=8, seed=2)["ber"].errors)


def test_inputs_of_nested_flowgraphs_lead_to_their_source():
    link = sa_oosc()
    assert source_of(link, "transmitter..image") == ".image"
    assert source_of(link, "receiver..received") == "channel.out"
    assert source_of(link, "channel.out") == "channel.out"


# -- views

INDICES = torch.arange(6).reshape(1, 2, 3)
VIEWS = {
    "picture": (torch.rand(2, 3, 20, 30), Picture, "picture"),
    "importance": (INDICES % 4, Importance, "map"),
    "lengths": (INDICES, Lengths, "map"),
    "mask": (torch.ones(1, 8, 9, dtype=torch.bool), Mask, "map"),
    "bits": (torch.ones(1, 700, dtype=torch.uint8), Bits, "bits"),
    "latent": (torch.randn(1, 8, 4, 5), Latent, "histogram"),
    "llrs": (torch.tensor([[1.0, float("inf"), float("nan")] * 20]), LLRs, "histogram"),
    "symbols": (Symbols(torch.ones(1, 9) + 0j, torch.tensor([5])), Symbols, "points"),
    "text": (Text.of(["ein Bär", ""]), Text, "text"),
    "counts": (Counts(torch.tensor([1]), torch.tensor([8])), Counts, "numbers"),
    "score": (Score(torch.tensor([float("nan")])), Score, "numbers"),
}


@pytest.mark.parametrize("name", VIEWS)
def test_each_kind_is_seen_and_is_json(name):
    value, kind, expected = VIEWS[name]
    seen = view(value, parse_spec(kind), frame=7)
    assert [part["kind"] for part in seen["parts"]] == [expected]
    json.dumps(seen, allow_nan=False)
    assert summary(value)


def test_numbers_in_a_view_are_those_that_crossed():
    (bits,) = view(torch.tensor([[1, 0, 1, 1]], dtype=torch.uint8), parse_spec(Bits), 0)["parts"]
    assert (bits["bits"], bits["count"], bits["ones"]) == ([1, 0, 1, 1], 4, 0.75)
    (points,) = view(Symbols(torch.tensor([[1 + 2j, 3j, 7j]]), torch.tensor([2])), parse_spec(Symbols), 0)["parts"]
    assert points["points"] == [[1, 2], [0, 3]]
    assert points["power"] == pytest.approx(7)
    (counts,) = view(Counts(torch.tensor([3, 5]), torch.tensor([8, 9])), parse_spec(Counts), 1)["parts"]
    assert counts["values"] == [5, 9]
    (latent,) = view(torch.linspace(0, 1, 100).reshape(1, 4, 5, 5), parse_spec(Latent), 0)["parts"]
    assert sum(latent["counts"]) == 100
    assert (latent["edges"][0], latent["edges"][-1]) == (0, 1)


def test_a_ledger_is_seen_by_purpose():
    uses = [torch.tensor([each]) for each in (60, 20, 10, 5)]
    ledger = Ledger(*uses, source_dimensions=torch.tensor([1000]))
    (part,) = view(ledger, parse_spec(Ledger), 0)["parts"]
    assert part["uses"] == {"payload": 60, "header": 20, "side_information": 10, "pilots": 5}
    assert (part["cbr"], part["cbr_total"]) == (0.06, 0.095)


def test_many_symbols_are_thinned_and_said_so():
    sent = Symbols(torch.randn(1, 9 * MOST_POINTS, dtype=torch.complex64), torch.tensor([9 * MOST_POINTS]))
    (part,) = view(sent, parse_spec(Symbols), 0)["parts"]
    assert len(part["points"]) <= MOST_POINTS
    assert part["count"] == 9 * MOST_POINTS


def test_what_a_channel_gives_has_gain_and_noise():
    symbols = Symbols(torch.ones(1, 4) + 0j, torch.tensor([4]))
    received = Received(symbols, torch.ones(1, 4) + 0j, torch.full((1, 4), 0.1), torch.tensor([0]), "perfect")
    titles = [part.get("title") for part in view(received, parse_spec(Received), 0)["parts"]]
    assert titles[1:3] == ["gain", "noise variance"]


# -- a run over the server


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_that_ships_goes_through_a_link(client, name):
    key = client.post(f"/api/samples/{name}").json()["picture"]
    asked = {"graph": ready("klt")["graph"], "inputs": {"image": {"picture": key}, "snr_db": 10}, "seed": 5}
    run = client.post("/api/runs", json=asked).json()["run"]
    said = [json.loads(line) for line in client.get(f"/api/runs/{run}").text.splitlines()]
    assert said[0] == {"event": "begins", "blocks": len([each for each in said if each["event"] == "block"])}
    assert said[-1]["event"] == "done"
    for port, kind in ((".image", "picture"), ("transmitter.rate.lengths", "map"), ("receiver.image", "picture")):
        seen = client.get(f"/api/runs/{run}/wire", params={"port": port}).json()["view"]
        assert seen["parts"][0]["kind"] == kind
    # A page that is loaded again hears it all again.
    assert [json.loads(line) for line in client.get(f"/api/runs/{run}").text.splitlines()] == said


def test_a_run_is_that_of_the_engine(client):
    asked = {"graph": ready("bpsk")["graph"], "inputs": {"snr_db": 4}, "seed": 9, "batch": 16}
    run = client.post("/api/runs", json=asked).json()["run"]
    said = json.loads(client.get(f"/api/runs/{run}").text.splitlines()[-1])
    expected = FLOWGRAPHS["bpsk"]().run(snr_db=4.0, batch=16, seed=9, probe=["channel.out"])
    assert said["outputs"]["ber"]["text"] == summary(expected["ber"])
    seen = client.get(f"/api/runs/{run}/wire", params={"port": "channel.out", "frame": 3}).json()["view"]
    points = torch.view_as_real(expected["channel.out"].symbols.samples[3])
    torch.testing.assert_close(torch.tensor(seen["parts"][0]["points"]), points)


def test_an_error_marks_its_block(client):
    graph = ready("bpsk")["graph"]
    graph["blocks"]["other"] = {"block": "BitSource", "parameters": {"length": 8}}
    graph["connections"] = [["other.out", "errors.sent"] if "errors.sent" in each else each
                            for each in graph["connections"]]  # fmt: skip
    asked = {"graph": graph, "inputs": {"snr_db": 4}, "batch": 4}
    run = client.post("/api/runs", json=asked).json()["run"]
    last = json.loads(client.get(f"/api/runs/{run}").text.splitlines()[-1])
    assert (last["event"], last["block"]) == ("error", "errors")
    assert "1024" in last["message"]


def test_a_twin_has_its_own_time_and_the_original_its(client):
    fg = FLOWGRAPHS["bpsk"]()
    fg.twin = Tied(block=fg.mapper)
    fg.connect(fg.bits, fg.twin, fg["again"])
    asked = {"graph": opened(fg.to_yaml().encode())["graph"], "inputs": {"snr_db": 4}}
    run = client.post("/api/runs", json=asked).json()["run"]
    said = [json.loads(line) for line in client.get(f"/api/runs/{run}").text.splitlines()]
    paths = [each["path"] for each in said if each["event"] == "block"]
    assert sorted(paths) == sorted(fg.blocks)
    assert said[0]["blocks"] == len(paths)


@pytest.mark.parametrize("place", ["[1" + "0" * 400 + ", 0]", "[.inf, 0]", "[.nan, 0]", "[true, 1]", "[1]", "x"])
def test_a_place_that_is_none_is_refused_or_left_out(place):
    text = FLOWGRAPHS["bpsk"]().to_yaml() + f"layout: {{channel: {place}}}\n"
    with pytest.raises(FlowgraphFileError, match="the layout of 'channel'"):
        Flowgraph.from_yaml(text)
    assert "layout" not in opened(text.encode())["graph"]


def test_a_parameter_that_is_not_finite_is_refused():
    text = "linksim: 1\nblocks: {a: {block: X, parameters: {y: .inf}}}\nconnections: []\n"
    with pytest.raises(FlowgraphFileError, match="finite"):
        opened(text.encode())


def test_the_catalogue_is_that_of_the_command(client: httpx.Client):
    found = client.get("/api/catalogue").json()
    assert len(found["blocks"]) > 100
    assert set(found["flowgraphs"]) == set(FLOWGRAPHS)
    assert {"name", "stage", "doc", "inputs", "outputs", "parameters"} <= set(found["blocks"][0])
