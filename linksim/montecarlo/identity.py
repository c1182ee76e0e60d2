"""Files in what identifies a link or a point: by what they hold, not by how their path is spelt."""

import hashlib
import os
from pathlib import Path
from typing import Any

from linksim.files import file_digest

WEIGHTS = ".safetensors"
PATHS = frozenset(
    {"path", "weights", "word_list", "model", "edge_model", "files", "folder", "folders", "maps", "train"}
)
"""Parameters that may name a file or a folder."""


def by_content(value: Any, name: str = "") -> Any:
    """A plain value, with the digest of what it holds in the place of each path: of a file of weights, or of a file or
    folder that a parameter of `PATHS` names."""
    if isinstance(value, dict):
        return {key: by_content(each, str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [by_content(each, name) for each in value]
    if isinstance(value, str) and (value.endswith(WEIGHTS) or name in PATHS) and os.path.exists(value):
        return f"sha256 {_digest_of(Path(value))}"
    return value


def _digest_of(path: Path) -> str:
    if path.is_file():
        return file_digest(path)
    digest = hashlib.sha256()
    for each in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(f"{each.relative_to(path)} {file_digest(each)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
