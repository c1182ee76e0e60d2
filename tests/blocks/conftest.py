"""These tests import `loopback` by its name."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from loopback import KEY, Endpoint


@pytest.fixture
def endpoint(monkeypatch):
    if __import__("importlib.util").util.find_spec("openai") is None:
        pytest.skip("openai is an extra")
    server = Endpoint()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    yield server
    server.server.shutdown()
