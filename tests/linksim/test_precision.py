"""Where bfloat16 is worth computing in."""

import pytest
import torch

from linksim.precision import has_bfloat16


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"avx2": True, "avx512_bf16": False}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({}, False),
    ],
)
def test_a_cpu_is_asked_for_its_instructions(monkeypatch, told, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert has_bfloat16(torch.device("cpu")) is wanted
    assert has_bfloat16(torch.device("cuda"))


def test_a_torch_that_cannot_tell_gets_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not has_bfloat16(torch.device("cpu"))
