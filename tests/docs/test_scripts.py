"""The commands that stand beside published figures can start, and measure what they say."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from linksim.flowgraphs import LINKS

ROOT = Path(__file__).parents[2]
# These run under the Python of GNU Radio, which is another one.
OTHER_PYTHON = {"gnuradio_bpsk.py", "gnuradio_waveform.py"}
FILES = [
    file
    for folder in (ROOT / "scripts", ROOT / "tests" / "benchmarks")
    for file in sorted(folder.glob("*.py"))
    if file.name not in OTHER_PYTHON
]


def loaded(file, monkeypatch):
    """The module of a script, which is not run. Scripts import what lies beside them."""
    monkeypatch.syspath_prepend(str(file.parent))
    spec = importlib.util.spec_from_file_location(f"script_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_script_finds_all_that_it_imports(file, monkeypatch):
    module = loaded(file, monkeypatch)
    # Heavy packages are imported inside functions, which loading does not reach.
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "linksim":
            found = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(found, name.name) or importlib.util.find_spec(f"{node.module}.{name.name}")
        elif isinstance(node, ast.ImportFrom):
            assert importlib.util.find_spec(node.module)
        elif isinstance(node, ast.Import):
            assert all(importlib.util.find_spec(name.name) for name in node.names)
    assert module.__doc__


@pytest.mark.parametrize("name", LINKS)
def test_the_time_of_a_codec_is_that_of_blocks_on_both_sides(name, monkeypatch):
    speed = loaded(ROOT / "tests" / "benchmarks" / "codec_speed.py", monkeypatch)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    encoding, decoding = speed.coding_seconds(LINKS[name](), image)
    assert encoding > 0
    assert decoding > 0
    ends = [set(speed.timed_blocks(LINKS[name](), side)) for side in (speed.ENCODERS, speed.DECODERS)]
    both = {"vectorizer", "devectorizer"} if name in ("klt", "sa_oosc", "ntscc") else set()
    assert ends[0] | ends[1] == {"jscc_encoder", "jscc_decoder"} | both
