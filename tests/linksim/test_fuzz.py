"""Mutated files and random wirings: they may fail, but only with an error that says why."""

import random
import resource
from contextlib import suppress

import pytest

from linksim import Flowgraph, LinksimError
from linksim.catalogue import catalogue
from linksim.cli import main
from linksim.errors import FlowgraphError, PortError
from linksim.flowgraphs import bpsk, klt
from linksim.types import PORT_TYPES

MUTATIONS = 2000
WIRINGS = 500
MAX_GROWTH_BYTES = 300 << 20
WORDS = [
    b"1e9", b"1000000000", b"-1", b".inf", b".nan", b"null", b"true", b"~", b"{}", b"[]", b"''", b"&a", b"*a",
    b"!!python/name:os.system", b"!!binary", b"<<", b"? ", b"\x00", b"\xff", b"\t", b"flowgraph", b"block",
    b"blocks: ", b"HeaderDecoder", b"PictureSource", b"path: /etc/passwd", b"__class__", b"forward",
    b"0x7fffffffffffffff", b"2001-01-01", b"rate_set: [1, 2]", b"length: 0",
    b"name: ", b"connections: ", b"training: ", b"weights: ",
]  # fmt: skip


def mutate(text: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        at, to = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        kind = chance.randrange(6)
        if kind == 0:
            text = text[:at] + chance.choice(WORDS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[min(to, at + chance.randint(1, 40)) :]
        elif kind == 2:
            text = text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :]
        elif kind == 3:
            text = text[:at] + text[at:to][:200] * 2 + text[to:]
        elif kind == 4:
            lines = text.split(b"\n")
            chance.shuffle(lines)
            text = b"\n".join(lines) if chance.random() < 0.3 else text
        else:
            text = text[:at]
        text = text or b"x"
    return text


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_cli(arguments, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["linksim", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    captured = capsys.readouterr()
    return left.value.code or 0, captured.out, captured.err


def test_mutated_files_never_break_the_cli(tmp_path, monkeypatch, capsys):
    chance = random.Random(20250909)
    seeds = []
    for name, fg in (("bpsk", bpsk()), ("klt", klt())):
        fg.save(tmp_path / f"{name}.yaml")
        seeds.append((tmp_path / f"{name}.yaml").read_bytes())
    outer = Flowgraph("outer", inputs={"snr_db": PORT_TYPES["Decibels"]})
    outer.inner = bpsk()
    outer.connect(outer["snr_db"], outer.inner["snr_db"])
    outer.save(tmp_path / "nested.yaml")
    seeds.append((tmp_path / "nested.yaml").read_bytes())
    path = tmp_path / "mutated.yaml"
    before, codes = peak_bytes(), []
    for _ in range(MUTATIONS):
        path.write_bytes(mutate(chance.choice(seeds), chance))
        code, out, err = run_cli(["draw", str(path)], monkeypatch, capsys)
        codes.append(code)
        assert code in (0, 2), err
        assert "Traceback" not in out + err
        assert err.count("\n") == (1 if code else 0), err
    assert codes.count(2) > MUTATIONS / 4
    assert codes.count(0) > MUTATIONS / 50
    assert peak_bytes() - before < MAX_GROWTH_BYTES


def test_random_wirings_fail_only_with_our_errors():
    chance = random.Random(7)
    # These need a folder, text, weights from elsewhere, or an endpoint.
    sources = (
        "PictureSource",
        "TextSource",
        "CaptionedPictureSource",
        "MaskedCrops",
        "SalientCrops",
        "TrainingCrops",
        "CodedTrainingCrops",
    )
    outside = (*sources, "ObjectDetector", "ImportanceAnnotator", "LatentDiffusionEncoder", "LatentDiffusionDecoder")
    kinds = [kind for name, kind in catalogue().items() if name not in outside]
    settings = {"KerasBlock": {"model": lambda x: x}}
    built = failed = 0
    for _ in range(WIRINGS):
        names = chance.sample(sorted(PORT_TYPES), 3)
        fg = Flowgraph("random", inputs={f"in_{name.lower()}": PORT_TYPES[name] for name in names})
        parts = [kind(**settings.get(kind.__name__, {})) for kind in chance.choices(kinds, k=chance.randint(1, 8))]
        for _ in range(chance.randint(1, 15)):
            ends = [random_end(fg, parts, chance) for _ in range(chance.randint(2, 4))]
            try:
                fg.connect(*ends)
                built += 1
            except (PortError, FlowgraphError):
                failed += 1
        with suppress(LinksimError):
            fg.run(batch=1, seed=1)
    assert built > 100
    assert failed > 1000


def random_end(fg, parts, chance):
    part = chance.choice(parts)
    kind = chance.randrange(5)
    if kind == 0:
        return fg[chance.choice(["out", *fg.input_ports])]
    ports = [*part.input_ports, *part.output_ports]
    return part if kind < 3 or not ports else part[chance.choice(ports)]


HOSTILE = (
    "!!python/object/apply:os.system [x]",
    "a: !!python/object/new:os.system [x]",
    "!<tag:yaml.org,2002:python/name:os.system> x",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_code_runs_from_a_file(text, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr("os.system", ran.append)
    (tmp_path / "evil.yaml").write_text(text)
    with pytest.raises(LinksimError):
        Flowgraph.load(tmp_path / "evil.yaml")
    assert ran == []
