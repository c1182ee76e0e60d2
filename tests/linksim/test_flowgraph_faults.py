"""All that is wrong with a flowgraph file, each fault where it is, and none where the file can be loaded."""

import copy
import json
import random
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from linksim import Decibels, Flowgraph, LinksimError
from linksim.cli.app import app
from linksim.errors import FlowgraphFileError
from linksim.faces.reader import MAX_BLOCKS
from linksim.flowgraphs import bpsk, klt

BAD = """
linksim: 1
name: bad
inputs: {snr_db: Decibels, odd: Nonsense}
blocks:
  bits: {block: BitSource, parameters: {length: 64}}
  mapper: {block: QAMMaper}
  channel: {block: AWGN}
  psnr: {block: PSNR}
  alone: {block: AWGN}
  rate: {block: FixedRate, parameters: {target_cbr: -1}}
  "a b": {block: AWGN}
  inner:
    flowgraph:
      inputs: {image: Image}
      blocks: {tokenizer: {block: Tokenizer}, detokenizer: {block: Detokenizer}, sad: {block: SAD}}
      connections:
      - [.image, tokenizer.image]
      - [tokenizer.tokens, detokenizer.tokens]
      - [tokenizer.tokens, detokenizer.tokens]
connections:
- [bits.out, mapper.bits]
- [mapper.out, channel.symbols]
- [.snr_db, channel.snr_db]
- [channel.out, psnr.image]
- [channel.out, psnr.orignal]
- [channel.out, .heard]
- [bits, psnr.original]
- [nobody.out, inner.image]
- [.odd, channel.symbols]
"""
FAULTS = {
    ("", "odd", "FlowgraphFileError"): "unknown type 'Nonsense'",
    ("mapper", "", "UnknownBlockError"): "did you mean 'QAMMapper'",
    ("rate", "", "ParameterError"): "'target_cbr' must be",
    ("a b", "", "FlowgraphFileError"): "must be an identifier",
    ("inner.detokenizer", "tokens", "AlreadyFedError"): "already fed",
    ("psnr", "image", "DTypeError"): "expects Image",
    ("psnr", "orignal", "UnknownPortError"): "did you mean 'original'",
    ("", "", "FlowgraphFileError"): "must be [source.port, target.port]",
    ("inner", "image", "FlowgraphFileError"): "unknown block 'nobody'",
    ("psnr", "original", "UnfedInputError"): "has no source",
    ("alone", "", "UnconnectedBlockError"): "tied to nothing",
    ("inner.detokenizer", "size", "UnfedInputError"): "has no source",
    ("inner.sad", "", "UnconnectedBlockError"): "tied to nothing",
}


def test_every_fault_is_told_once_and_where_it_is(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    found = {(fault.block, fault.port, fault.error): fault.message for fault in Flowgraph.faults_in(path)}
    assert found.keys() == FAULTS.keys()
    assert all(words in found[where] for where, words in FAULTS.items())
    with pytest.raises(LinksimError):
        Flowgraph.load(path)


INNER = {"inputs": {"image": "Image"}, "blocks": {"tokenizer": {"block": "Tokenizer"}},
         "connections": [[".image", "tokenizer.image"], ["tokenizer.tokens", ".tokens"]]}  # fmt: skip


def faults_of(content: dict, path: Path) -> set[tuple[str, str, str]]:
    path.write_text(yaml.safe_dump({"linksim": 1, "inputs": {}, "blocks": {}, "connections": [], **content}))
    found = {(fault.block, fault.port, fault.error) for fault in Flowgraph.faults_in(path)}
    try:
        Flowgraph.load(path)
    except LinksimError:
        assert found
    else:
        assert not found
    return found


def test_one_fault_does_not_hide_another(tmp_path):
    path, inner = tmp_path / "two.yaml", copy.deepcopy(INNER)
    inner["blocks"]["odd"] = {"block": "AWGNN"}
    assert faults_of({"blocks": {"inner": {"flowgraph": inner}}}, path) == {
        ("inner.odd", "", "UnknownBlockError"), ("inner", "", "UnconnectedBlockError")}  # fmt: skip
    inner = copy.deepcopy(INNER)
    inner["connections"].append(["tokenizer", ".size"])
    fed = [["inner.tokens", ".tokens"]]
    assert faults_of({"blocks": {"inner": {"flowgraph": inner}}, "connections": fed}, path) == {
        ("inner", "", "FlowgraphFileError"), ("inner", "image", "UnfedInputError")}  # fmt: skip
    blocks = {"blocks": {"a": {"block": "AWGNN"}, "b": {"tied": [1]}}}
    wrong = ("a", "", "UnknownBlockError"), ("b", "", "FlowgraphFileError")
    assert faults_of({"blok": 4, **blocks}, path) == {("", "", "FlowgraphFileError"), *wrong}
    for inputs in ({"batch": "Decibels"}, {"x": [1]}, {"x": {"a": 1}}, {"x": "Decibelss"}):
        name = next(iter(inputs))
        found = faults_of({"inputs": inputs, **blocks, "connections": [[f".{name}", "a.snr_db"]]}, path)
        assert {(block, port) for block, port, _ in found} == {("", name), ("a", ""), ("b", "")}
    assert faults_of({"weights": 5, **yaml.safe_load(GOOD)}, path) == {("", "", "FlowgraphFileError")}


GOOD = """
inputs: {snr_db: Decibels}
blocks: {one: {block: BitSource, parameters: {length: 8}}, two: {block: BPSKMapper}, three: {block: AWGN}}
connections:
- [one.out, two.bits]
- [two.out, three.symbols]
- [.snr_db, three.snr_db]
"""


def test_a_good_file_has_none_and_a_loop_is_one(tmp_path):
    path = tmp_path / "good.yaml"
    nested = Flowgraph("nested", inputs={"snr_db": Decibels})
    nested.link = bpsk(length=8)
    nested.connect(nested["snr_db"], nested.link["snr_db"])
    nested.connect(nested.link["ber"], nested["ber"])
    for fg in (bpsk(), klt(), nested):
        fg.save(path)
        assert Flowgraph.faults_in(path) == []
    loop = {
        "linksim": 1,
        "blocks": {"one": {"block": "PowerNormalizer"}, "two": {"block": "PowerNormalizer"}},
        "inputs": {"lengths": "Lengths"},
        "connections": [["one.codeword", "two.codeword"], ["two.codeword", "one.codeword"],
                        [".lengths", "one.lengths"], [".lengths", "two.lengths"]],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(loop))
    assert [(fault.block, fault.error) for fault in Flowgraph.faults_in(path)] == [("", "LoopError")]


def damaged(content: dict, random_of: random.Random) -> dict:
    """One thing changed, anywhere in the outer flowgraph or one inside."""
    content = copy.deepcopy(content)
    graph = content
    inner = [each["flowgraph"] for each in graph["blocks"].values() if "flowgraph" in each]
    if inner and random_of.random() < 0.7:
        graph = random_of.choice(inner)
    kind = random_of.randrange(6)
    if kind == 0:
        graph["connections"].pop(random_of.randrange(len(graph["connections"])))
    elif kind == 1:
        graph["blocks"].pop(random_of.choice(list(graph["blocks"])))
    elif kind == 2:
        edge = random_of.choice(graph["connections"])
        edge[random_of.randrange(2)] += "x"
    elif kind == 3:
        first, second = random_of.sample(graph["connections"], 2)
        first[1], second[1] = second[1], first[1]
    elif kind == 4:
        graph["blocks"][random_of.choice(list(graph["blocks"]))] = random_of.choice([5, {}, {"block": "Nix"}, None])
    else:
        graph["connections"].append(list(random_of.choice(graph["connections"])))
    return content


def test_there_are_faults_exactly_where_loading_fails(tmp_path):
    path, chance, failed = tmp_path / "link.yaml", random.Random(1), 0
    klt().save(path)
    good = yaml.safe_load(path.read_text())
    for number in range(60):
        content = damaged(good, chance)
        path.write_text(yaml.safe_dump(damaged(content, chance) if number % 2 else content))
        faults = Flowgraph.faults_in(path)
        try:
            Flowgraph.load(path)
        except LinksimError as error:
            failed += 1
            assert faults, (number, error)
            assert any(fault.message in str(error) for fault in faults), (number, error, faults)
        else:
            assert not faults, (number, faults)
    assert failed > 40


def test_what_is_no_flowgraph_file_is_refused(tmp_path):
    path = tmp_path / "link.yaml"
    for text, message in (("a: [", "YAML"), ("[]", "must be a mapping"), ("linksim: 9", "version 1")):
        path.write_text(text)
        with pytest.raises(FlowgraphFileError, match=message):
            Flowgraph.faults_in(path)
    with pytest.raises(LinksimError, match="cannot read"):
        Flowgraph.faults_in(tmp_path / "nowhere.yaml")
    path.write_text(yaml.safe_dump({
        "linksim": 1, "connections": [],
        "blocks": {f"b{n}": {"block": "AWGN"} for n in range(MAX_BLOCKS + 5)},
    }))  # fmt: skip
    found = [fault.message for fault in Flowgraph.faults_in(path)]
    assert f"more than {MAX_BLOCKS} blocks" in found


def test_the_command(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    done = CliRunner().invoke(app, ["check", str(path), "--json"])
    assert done.exit_code == 1
    assert {(each["block"], each["port"], each["error"]) for each in json.loads(done.output)} == FAULTS.keys()
    assert "tied to nothing" in CliRunner().invoke(app, ["check", str(path)]).output
    bpsk().save(path)
    done = CliRunner().invoke(app, ["check", str(path)])
    assert (done.exit_code, "nothing is wrong" in done.output) == (0, True)
