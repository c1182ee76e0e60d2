"""The page's bundle: made of its sources as they are, small, and complete without a network."""

import gzip
import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "studio"
MOST_BYTES = 500_000


def test_the_bundle_is_not_older_than_its_sources():
    digest = hashlib.sha256()
    page = ROOT / "page"
    for path in (*sorted((page / "src").iterdir()), page / "build.mjs", page / "package-lock.json"):
        digest.update(path.read_bytes())
    kept = (ROOT / "static" / "sources.sha256").read_text().strip()
    assert digest.hexdigest() == kept, "the page's sources were changed: make studio"


def test_the_bundle_is_small():
    files = [path for path in (ROOT / "static").iterdir() if path.suffix in (".js", ".css", ".html")]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < MOST_BYTES


def test_the_page_loads_nothing_from_elsewhere():
    text = (ROOT / "static" / "index.html").read_text() + (ROOT / "static" / "studio.css").read_text()
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"|url\(([^)]+)\)", text)
    assert loaded
    assert all((one or other).strip("'\"").startswith(("/static/", "data:")) for one, other in loaded)


def test_the_lock_file_names_no_registry():
    assert "://" not in (ROOT / "page" / "package-lock.json").read_text().replace("https://opencollective", "")
