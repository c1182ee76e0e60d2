"""Checkpoints that are whole or not there: written beside, synced, then renamed. Safetensors and JSON, no pickles."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from linksim.errors import FileError, LinksimError
from linksim.files import write_synced

KEPT = 2
"""So many checkpoints stay: the newest, and one to fall back on should the disk have damaged it."""
TENSORS, STATE = "tensors.safetensors", "state.json"


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> Path:
    """Write `folder/step-00000123` with the tensors and a JSON state, then delete all but the newest two.

    A step that is there already stays as it is.
    """
    from safetensors.torch import save

    final = folder / f"step-{step:08d}"
    if final.exists():
        return final
    for leftover in folder.glob("step-*.partial"):
        shutil.rmtree(leftover, ignore_errors=True)
    partial = folder / f"{final.name}.partial"
    partial.mkdir(parents=True)
    content = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    described = json.dumps({**state, "step": step})
    write_synced(partial / TENSORS, content)
    write_synced(partial / STATE, json.dumps({"state": described, "sha256": _digest(content, described)}).encode())
    _sync_folder(partial)
    partial.rename(final)
    _sync_folder(folder)
    for old in _checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest whole checkpoint of a folder as (tensors, state), or None where there is none.

    Raises `FileError` where there are checkpoints and all of them are damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    found = _checkpoints(folder)
    for path in reversed(found):
        try:
            content, written = (path / TENSORS).read_bytes(), json.loads((path / STATE).read_text("utf-8"))
            if written["sha256"] == _digest(content, written["state"]):
                return load(content), json.loads(written["state"])
        except (OSError, ValueError, TypeError, KeyError, SafetensorError):
            continue
    if found:
        raise FileError(f"all checkpoints in '{folder}' are damaged; train into another folder")
    return None


def _digest(content: bytes, described: str) -> str:
    return hashlib.sha256(content + described.encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.suffix != ".partial")


def check_continued(
    folder: Path,
    tensors: Mapping[str, Tensor],
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    weights: Mapping[str, Tensor],
) -> None:
    """Raise `LinksimError` where a checkpoint's settings differ from the run's, or its weights do not fit."""
    if old != new:
        raise LinksimError(
            f"'{folder}' holds a run of other settings ({_difference(old, new)}); give the same, or another folder"
        )
    for name, tensor in weights.items():
        if f"weights.{name}" not in tensors or tensors[f"weights.{name}"].shape != tensor.shape:
            raise LinksimError(f"'{folder}' holds a run of another network; give another folder")


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    changed = [
        f"{key}: {old.get(key)!r}, now {new.get(key)!r}" for key in {**old, **new} if old.get(key) != new.get(key)
    ]
    return "; ".join(changed[:3])
