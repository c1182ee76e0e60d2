import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def shape(notebook):
    """What the cells print, with every number as #: noise differs between kinds of processors."""
    cells = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return [re.sub(r"[\d.]+", "#", "".join(o.get("text", "") for o in outputs)) for outputs in cells]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_is_committed(path):
    committed = nbformat.read(path, as_version=4)
    assert any(shape(committed))
    fresh = nbformat.read(path, as_version=4)
    NotebookClient(fresh, timeout=120, kernel_name="python3").execute()
    assert shape(fresh) == shape(committed)
