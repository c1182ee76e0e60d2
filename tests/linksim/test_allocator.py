"""Memory that stays with the process, counted by page faults in a process of its own."""

import ctypes
import subprocess
import sys

import torch

from linksim.allocator import kept_memory

COUNTS = """
import resource, torch
from linksim.allocator import kept_memory

def faults():
    counts = [resource.getrusage(resource.RUSAGE_SELF).ru_minflt]
    for _ in range(40):
        torch.ones(64 << 20, dtype=torch.uint8).clone()
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    return counts[-1] - counts[20]

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

with kept_memory():
    kept, held = faults(), resident()
print(kept, held - resident(), faults())
"""


def test_large_tensors_are_not_fetched_from_the_kernel_anew():
    done = subprocess.run([sys.executable, "-c", COUNTS], capture_output=True, text=True, check=True)
    kept, given_back, otherwise = (int(word) for word in done.stdout.split())
    # After twenty rounds all has found its place. Twenty more use 40 tensors of 64 MB, in pages of 2 MB at most.
    assert kept < 40 * 32 <= otherwise
    assert given_back > 100 << 20


def test_without_glibc_nothing_is_changed(monkeypatch):
    def missing(_name: str) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    with kept_memory():
        assert torch.ones(3).sum() == 3
