"""A studio that runs as a user starts it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest


@dataclass(frozen=True)
class Served:
    """A server, and the token that its page has."""

    address: str
    port: int
    token: str
    folder: Path

    def client(self) -> httpx.Client:
        base = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=base, headers={"X-Linksim-Token": self.token}, timeout=60)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    command = [Path(sys.executable).with_name("linksim"), "studio", "--no-browser", "--memory", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        address = re.search(r"http://127.0.0.1:(\d+)/\?token=(\S+)", process.stdout.readline())
        yield Served(address.group(), int(address.group(1)), address.group(2), folder)
        process.terminate()


@pytest.fixture
def client(served):
    with served.client() as client:
        yield client
