import re
from pathlib import Path

import pytest
import torch

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_readmes_examples_run(code):
    names = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    if "link" in names:
        image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1))
        names["run"] = [names[link].run(image=image, snr_db=10.0) for link in ("link", "paper")]
    assert "run" in names or "table" in names or "PhaseOffset" in names


def test_the_block_of_the_readme_does_what_it_says():
    import doctest

    names = {"__name__": "readme"}
    exec(compile(next(code for code in EXAMPLES if "PhaseOffset" in code), "README.md", "exec"), names)
    test = doctest.DocTestFinder().find(names["PhaseOffset"], "PhaseOffset", globs=names)[0]
    assert doctest.DocTestRunner().run(test).failed == 0
    assert test.examples


def test_every_command_of_the_readme_exists():
    root = Path(__file__).parents[1]
    for script in re.findall(r"scripts/\w+\.py", README):
        assert (root / script).is_file()
    targets = re.findall(r"`?make (\w+)", README)
    makefile = (root / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in targets if target not in ("makes",))
