"""What every block of the catalogue owes its users."""

import inspect

import pytest

import linksim.blocks
from linksim.catalogue import catalogue, stage_of
from linksim.declared import DeclaredBlock
from linksim.port import read_ports


@pytest.mark.parametrize("kind", catalogue().values(), ids=catalogue())
def test_every_block_is_documented_exported_and_typed(kind):
    doc = inspect.getdoc(kind)
    assert ">>> " in doc, "an example that runs"
    assert "Shapes:" in doc
    if issubclass(kind, DeclaredBlock):
        assert {"inputs", "outputs"} <= kind.parameter_signature().keys()
    else:
        inputs, outputs, is_source = read_ports(kind.forward)
        assert outputs
        assert inputs or is_source
    assert getattr(linksim.blocks, kind.__name__) is kind
    assert stage_of(kind) != "own"
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters if p.name not in ("args", "kwargs"))


def test_the_packages_in_pyproject_are_those_in_the_tree():
    import tomllib
    from pathlib import Path

    root = Path(__file__).parents[2]
    listed = set(tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        ".".join(("linksim", *path.parent.relative_to(root).parts[0 if top != "linksim" else 1 :]))
        for top in ("linksim", "blocks", "flowgraphs", "benches", "cli", "studio")
        for path in (root / top).rglob("__init__.py")
        if "node_modules" not in path.parts
    }
    assert listed == found
