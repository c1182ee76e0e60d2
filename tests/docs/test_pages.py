"""Every page's examples run, its commands exist, and its files are there."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if "generated" not in p.parts)]
EXAMPLES = [
    pytest.param(page, code, id=f"{page.relative_to(ROOT)} {number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
]


@pytest.mark.parametrize(("page", "code"), EXAMPLES)
def test_an_example_runs(page, code):
    names = {"__name__": "page"}
    exec(compile(code, page.name, "exec"), names)
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
    links = [names[name] for name in ("link", "paper") if name in names]
    for link in links:
        assert link.run(image=image, snr_db=10.0)["image"].shape == image.shape
    assert links or "run" in names or "table" in names or "PhaseOffset" in names or "written" in names


def test_the_block_of_the_page_does_what_it_says():
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how_to/block.md").read_text(), re.S)[0]
    names = {"__name__": "page"}
    exec(compile(code, "block.md", "exec"), names)
    test = doctest.DocTestFinder().find(names["PhaseOffset"], "PhaseOffset", globs=names)[0]
    assert doctest.DocTestRunner().run(test).failed == 0
    assert test.examples


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_what_a_page_names_exists(page):
    from linksim.benches.bench import known_benches
    from linksim.cli.app import app

    text = page.read_text()
    for script in re.findall(r"(?:scripts|tests|docs)/[\w/]+\.py", text):
        assert (ROOT / script).is_file(), script
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"`make (\w+)", text))
    commands = {(entry.name or entry.callback.__name__).replace("_", "-") for entry in app.registered_commands}
    shell = "".join(re.findall(r"```sh\n(.*?)```", text, re.S))
    assert set(re.findall(r"^(?:\.venv/bin/)?linksim ([a-z][a-z-]*)", shell, re.M)) <= commands
    assert {name.replace("-", "_") for name in re.findall(r"linksim bench ([a-z]\w+)", text)} <= set(known_benches())
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert target.startswith("generated") or "/generated/" in target or (page.parent / target).exists(), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_reference_has_every_block(tmp_path):
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from generate import doc_markdown, write_reference
    finally:
        sys.path.remove(str(ROOT / "docs"))
    from linksim.catalogue import catalogue

    write_reference(tmp_path)
    text = "".join(page.read_text() for page in tmp_path.glob("*.md"))
    assert all(f"## {name}\n" in text for name in catalogue())
    assert "| `snr_db` | `Decibels` | `float [batch]` |" in text
    assert "One value in dB per frame." in text
    doc = "A block: y = x*h_1.\n\nArgs:\n    gain: in dB.\n\nShapes: out [batch].\nSource: A, 1.\n\n>>> 1 + 1\n2"
    assert doc_markdown(doc) == (
        "A block: y = x\\*h\\_1.\n\n\n**Args:**\n\n- `gain`: in dB.\n\n\n**Shapes:** out \\[batch\\].\n\n"
        "**Source:** A, 1.\n\n```python\n>>> 1 + 1\n2\n```\n"
    )


@pytest.mark.parametrize("uv", ["", "/usr/bin/uv"], ids=["pip", "uv"])
def test_what_make_would_run_on_a_fresh_clone_is_valid_shell(uv):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    targets = ["demo", "test", "bench", "docs"]
    arguments = ["make", "--dry-run", "--always-make", "--directory", ROOT, f"UV={uv}", *targets]
    recipe = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout
    assert "--editable '.[all,dev]'" in recipe
    subprocess.run(["sh", "-n"], input=recipe, text=True, check=True)
