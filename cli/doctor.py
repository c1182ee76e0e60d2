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
    "onnx": ("onnxruntime", "onnxruntime"),
    "knowledge": ("timm", "timm"),
    "perceptual": ("lpips", "lpips"),
    "studio": ("uvicorn", "uvicorn"),
    "radio": ("pyzmq", "zmq"),
}
"""Extra to package and module."""
_WITHOUT_TORCH = {"tensorflow", "openai", "ray", "pyarrow", "huggingface_hub", "onnxruntime", "uvicorn", "zmq"}
PATIENCE_SECONDS = 120
_TRY_EACH = """
import importlib, sys
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except BaseException:
        continue
    print(module, flush=True)
"""


def examine() -> dict[str, Any]:
    """Versions, and whether each package can really be imported.

    Most packages import torch, so that a process for each would import it a dozen times. They are imported one after
    the other in two groups, a process for each group. What fails in its group is tried alone.
    """
    wanted = {**{name: ("", module) for name, module in REQUIRED.items()}}
    wanted |= {package: (extra, module) for extra, (package, module) in OPTIONAL.items()}
    versions = {package: _version(package) for package in wanted}
    states = _states({package: wanted[package][1] for package, version in versions.items() if version is not None})
    absent = {"works": False, "problem": "not installed"}
    packages = [
        {"package": name, "extra": wanted[name][0], "version": versions[name], **states.get(name, absent)}
        for name in wanted
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


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _states(modules: dict[str, str]) -> dict[str, dict[str, Any]]:
    """For each installed package (name to module) whether its import works, and what stands in its way."""
    # A process that has imported TensorFlow can end at the import of torch.
    apart = [module for module in modules.values() if module in _WITHOUT_TORCH]
    rest = [module for module in modules.values() if module not in _WITHOUT_TORCH]
    trials = _Trials()
    with ThreadPoolExecutor(2) as pool:
        try:
            working = set().union(*pool.map(lambda group: _group(group, trials), (rest, apart)))
            return dict(pool.map(lambda item: (item[0], _state(item[1], item[1] in working, trials)), modules.items()))
        except BaseException:
            # The pool waits for its threads, and each of them for its process.
            trials.end()
            raise


class _Trials:
    """Python processes that try imports, until all of them are ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False

    def run(self, code: str, *words: str) -> tuple[int | None, str, str]:
        """Exit status (None where it took too long), standard output and standard error of running `code`."""
        with self._lock:
            if self._ended:
                return -signal.SIGKILL, "", ""
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", code, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._running.add(process)
        in_time = True
        try:
            output, errors = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            # What the process has started may hold its pipes open: they are not read further.
            in_time, output, errors = False, "", ""
        finally:
            process.kill()
            process.wait()
            with self._lock:
                self._running.discard(process)
        return process.returncode if in_time else None, output, errors

    def end(self) -> None:
        """End what runs; what is asked for from now on does not start."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.kill()


def _group(modules: list[str], trials: _Trials) -> set[str]:
    """Those of `modules` that can be imported one after the other in one process."""
    _, output, _ = trials.run(_TRY_EACH, *modules)
    return set(output.splitlines()) & set(modules)


def _state(module: str, works: bool, trials: _Trials) -> dict[str, Any]:
    if works:
        return {"works": True, "problem": None}
    status, _, errors = trials.run(f"import {module}")
    if status is None:
        return {"works": False, "problem": f"import took over {PATIENCE_SECONDS} s"}
    lines = errors.strip().splitlines() or [f"import ended with status {status}"]
    return {"works": status == 0, "problem": lines[-1] if status else None}


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
