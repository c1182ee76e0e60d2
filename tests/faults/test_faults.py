"""Every odd input of every kind comes out right."""

import re

import pytest
from cases import CASES, KINDS
from harness import outcome
from samples import make_run, make_samples, make_store


@pytest.fixture(scope="session")
def samples(tmp_path_factory):
    folder = make_samples(tmp_path_factory.mktemp("faults") / "samples")
    make_store(folder)
    make_run(folder)
    return folder


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.kind}: {case.what.encode('ascii', 'backslashreplace').decode()}" for case in CASES]
)
def test_an_odd_input_comes_out_right(case, samples):
    found = outcome(case, samples)
    assert re.search(case.right, found), found


@pytest.mark.parametrize("kind", KINDS)
def test_five_inputs_of_each_kind_are_tried(kind):
    assert sum(case.kind == kind for case in CASES) >= 5
