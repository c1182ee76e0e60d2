"""Weights kept as their difference from shipped ones."""

import pytest
import torch

from linksim.errors import WeightsError
from linksim.weights import holds_part, read_weights, weights_path, write_difference


def test_a_difference_comes_back_to_three_binary_digits(tmp_path, generator):
    base, path = read_weights(weights_path("student")), tmp_path / "near.safetensors"
    moved = {key: t + 1e-3 * torch.randn(t.shape, generator=generator) for key, t in base.items()}
    write_difference(path, moved, "student")
    assert path.stat().st_size < 0.6 * weights_path("student").stat().st_size
    found = read_weights(path)
    assert found.keys() == moved.keys()
    for key, tensor in moved.items():
        off = (found[key] - tensor).abs()
        # Half of 2^-3 of a difference; below the smallest normal number, an even share of the largest.
        allowed = (tensor - base[key]).abs() / 16 + 4e-3 * 2**-9 + 1e-7
        assert bool((off <= allowed).all())
    part = next(iter(moved)).split(".")[0]
    assert holds_part(path, part)
    assert set(read_weights(path, part)) == {k.removeprefix(f"{part}.") for k in moved if k.startswith(f"{part}.")}


def test_other_tensors_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="have no tensor of 'student'"):
        write_difference(tmp_path / "x.safetensors", {"a": torch.ones(2)}, "student")


def test_names_may_differ_and_new_tensors_are_kept_whole(tmp_path, generator):
    base, path = read_weights(weights_path("student")), tmp_path / "near.safetensors"
    key = next(iter(base))
    start = key.split(".")[0]
    moved = {key.replace(start, "mine", 1): base[key] + 0.01, "mine.new": torch.randn(3, generator=generator)}
    write_difference(path, moved, "student", {"mine.": f"{start}."})
    found = read_weights(path, "mine")
    assert set(found) == {name.removeprefix("mine.") for name in moved}
    for name, tensor in moved.items():
        torch.testing.assert_close(found[name.removeprefix("mine.")], tensor, atol=2e-3, rtol=2e-3)
