import os
import sys
from pathlib import Path

import pytest
import torch
from skimage import data

from linksim.blocks.sources import read_picture
from linksim.cli import main

# Two threads on cores that others use too wait for each other: one is faster, and repeats to the last bit.
torch.set_num_threads(1)

# Workers of sweeps import the tests' own blocks by the name of their module, whichever tests ran before.
sys.path.append(str(Path(__file__).parents[1]))

ALLOWED_SKIPS = ("no data folder", "no GPU", "no GNU Radio", "no Chromium")


def pytest_collection_modifyitems(items):
    for item in items:
        if "gpu" in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no GPU"))


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in skipped]
    terminalreporter.write_line(f"{len(skipped)} skipped: " + (", ".join(sorted(set(reasons))) or "none"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    for report in reporter.stats.get("skipped", []) if reporter else []:
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(ALLOWED_SKIPS):
            reporter.write_line(f"a skip that is not allowed: {report.nodeid}: {reason}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def data_folder():
    folder = Path(os.environ.get("LINKSIM_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no data folder; LINKSIM_DATA names it")
    return folder


@pytest.fixture(scope="session")
def published_vectors(data_folder):
    """Checkpoints of published codes, with what the authors' code makes of given inputs."""
    folder = data_folder.parent / "reference"
    if not folder.is_dir():
        pytest.skip("no data folder; 'reference' beside the one that LINKSIM_DATA names")
    return folder


@pytest.fixture
def kept(request):
    """A store of this test's own that stays: what has not changed since it was simulated is looked up."""
    folder = Path(os.environ.get("LINKSIM_TEST_STORES", Path(__file__).parents[1] / "build" / "test_stores"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{request.node.name}.db"


@pytest.fixture(scope="session")
def photograph():
    """A real photograph, [1, 3, 512, 512]."""
    return read_picture(Path(data.data_dir) / "astronaut.png")[None]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(20250909)


@pytest.fixture
def cli(monkeypatch, capsys):
    """Runs a command: (status, what it printed, what it said on standard error)."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["linksim", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return left.value.code or 0, out, err

    return run
