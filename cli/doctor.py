"""`linksim doctor`: what is installed and what works."""

import importlib.metadata
import json
import platform
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from rich.table import Table
from rich.text import Text

from linksim import __version__
from linksim.cli.console import PlainConsole
from linksim.cli.progress import waiting

REQUIRED = {
    "torch": "torch",
    "sionna-no-rt": "sionna.phy",
    "compressai": "compressai",
    "constriction": "constriction",
    "jaxtyping": "jaxtyping",
    "pydantic": "pydantic",
    "safetensors": "safetensors",
    "matplotlib": "matplotlib",
    "pillow": "PIL",
    "scikit-image": "skimage",
}
"""Package to the module that proves it."""
OPTIONAL = {
    "tensorflow": ("tensorflow", "tensorflow"),
    "detect": ("ultralytics", "ultralytics"),
    "mllm": ("openai", "openai"),
    "ray": ("ray", "ray"),
    "accelerate": ("accelerate", "accelerate"),
    "parquet": ("pyarrow", "pyarrow"),
    "heif": ("pillow-heif", "pillow_heif"),
    "language": ("sentence-transformers", "sentence_transformers"),
    "hub": ("huggingface_hub", "huggingface_hub"),
    "knowledge": ("timm", "timm"),
    "perceptual": ("lpips", "lpips"),
}
"""Extra to package and module."""
PATIENCE_SECONDS = 120


def examine() -> dict[str, Any]:
    """Versions, and whether each package can really be imported (each in a process of its own)."""
    wanted = {**{name: ("", module) for name, module in REQUIRED.items()}}
    wanted |= {package: (extra, module) for extra, (package, module) in OPTIONAL.items()}
    with ThreadPoolExecutor(4) as pool:
        trials = _Trials()
        try:
            states = list(pool.map(lambda item: _state(item[0], item[1][1], trials), wanted.items()))
        except BaseException:
            # The pool waits for its threads, and each of them for its process.
            trials.end()
            raise
    packages = [
        {"package": name, "extra": wanted[name][0], **state} for name, state in zip(wanted, states, strict=True)
    ]
    cuda = torch.cuda.is_available()
    return {
        "linksim": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "torch_threads": torch.get_num_threads(),
        "packages": packages,
        "healthy": all(entry["works"] for entry in packages if not entry["extra"]),
    }


class _Trials:
    """Python processes that try an import each, until all of them are ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False

    def run(self, module: str) -> tuple[int, str]:
        """Exit status and standard error of importing `module`; TimeoutExpired where it takes too long."""
        command = [sys.executable, "-P", "-c", f"import {module}"]
        with self._lock:
            if self._ended:
                return -signal.SIGKILL, ""
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            self._running.add(process)
        try:
            _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
            with self._lock:
                self._running.discard(process)
        return process.returncode, errors

    def end(self) -> None:
        """End what runs; what is asked for from now on does not start."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.kill()


def _state(package: str, module: str, trials: _Trials) -> dict[str, Any]:
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return {"version": None, "works": False, "problem": "not installed"}
    try:
        status, errors = trials.run(module)
    except subprocess.TimeoutExpired:
        return {"version": version, "works": False, "problem": f"import took over {PATIENCE_SECONDS} s"}
    lines = errors.strip().splitlines() or [f"import ended with status {status}"]
    return {"version": version, "works": status == 0, "problem": lines[-1] if status else None}


def run_doctor(as_json: bool) -> None:
    """The command; exit status 1 where a required package does not work."""
    with waiting("trying every package"):
        found = examine()
    if as_json:
        print(json.dumps(found))
    else:
        _show(found)
    if not found["healthy"]:
        raise SystemExit(1)


def _show(found: dict[str, Any]) -> None:
    console = PlainConsole()
    console.print(f"linksim {found['linksim']}, Python {found['python']}, device: {found['device']}", highlight=False)
    table = Table("package", "version", "state")
    for entry in found["packages"]:
        state = Text("works", "green") if entry["works"] else Text(entry["problem"] or "does not work", "yellow")
        if not entry["works"] and entry["extra"] and entry["version"] is None:
            state = Text(f"not installed; pip install 'linksim[{entry['extra']}]'", "dim")
        table.add_row(entry["package"], entry["version"] or "-", state)
    console.print(table)
    healthy = found["healthy"]
    verdict = "All that linksim needs works." if healthy else "A required package does not work."
    console.print(verdict, style=None if healthy else "red")
