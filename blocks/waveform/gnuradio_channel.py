"""GNU Radio's channel model as a channel: its flowgraph runs in a process of its own."""

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from linksim.blocks.waveform.over_the_air import LARGEST_OFFSET, OverTheAir
from linksim.blocks.waveform.pulse import SAMPLES_PER_SYMBOL
from linksim.blocks.waveform.tracking import LARGEST_CLOCK_PPM
from linksim.blocks.waveform.zmq_stream import RadioError, SampleReceiver, SampleSender
from linksim.errors import require

SCRIPT = "simulated_channel.py"
START_SECONDS = 60.0
READY = b"ready"


class GNURadioChannel(OverTheAir):
    """Symbols as a waveform through GNU Radio's channel model, which runs in a process of its own, over ZeroMQ.

    Takes the place of `AWGN` in any link, where GNU Radio 3.10 is installed. The process is started by the first call,
    and ends with the block. It runs `flowgraphs/grc/simulated_channel.py`.

    Args:
        symbol_rate: in symbols per second; it gives the offset its meaning, nothing waits for it.
        frequency_offset: in Hz.
        clock_ppm: how much faster the receiver's sampling clock is, in parts per million.
        noise_seed: of GNU Radio's noise.
        timeout: as `OverTheAir`.

    Shapes: those of `OverTheAir`. No gradient passes. Source: GNU Radio 3.10, gr-channels, channel_model. Needs
    the extra `radio`.

    Raises:
        ParameterError: a parameter is out of range.
        RadioError: GNU Radio is not installed, does not start, or ends before the samples are back.

    >>> GNURadioChannel(frequency_offset=1e3).frequency_offset
    1000.0
    """

    def __init__(
        self,
        *,
        symbol_rate: float = 1e6,
        frequency_offset: float = 2e3,
        clock_ppm: float = 3.0,
        noise_seed: int = 1,
        timeout: float = 10.0,
    ) -> None:
        super().__init__(timeout=timeout)
        require(0 < symbol_rate < float("inf"), "symbol_rate", "a positive number of symbols per second", symbol_rate)
        most = LARGEST_OFFSET * symbol_rate
        require(abs(frequency_offset) <= most, "frequency_offset", f"within {most:g} Hz, which are searched",
                frequency_offset)  # fmt: skip
        require(abs(clock_ppm) <= LARGEST_CLOCK_PPM, "clock_ppm", f"within {LARGEST_CLOCK_PPM:g}, which are followed",
                clock_ppm)  # fmt: skip
        require(0 < noise_seed < 1 << 31, "noise_seed", "in 1..2^31 - 1", noise_seed)
        self.symbol_rate, self.frequency_offset = symbol_rate, frequency_offset
        self.clock_ppm, self.noise_seed = clock_ppm, noise_seed
        self._process: _Process | None = None

    def check_alive(self) -> None:
        """Raise `RadioError` where GNU Radio's process has ended."""
        if self._process is not None and (why := self._process.ended()):
            raise RadioError(why)

    def close(self) -> None:
        """End GNU Radio's process; the next call starts another."""
        super().close()
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _connections(self) -> tuple[SampleSender, SampleReceiver]:
        if self._process is None:
            super().close()
            self.send_to, self.receive_from = (f"tcp://127.0.0.1:{port}" for port in _free_ports(2))
            self._process = _Process([
                f"--from-linksim={self.send_to}",
                f"--to-linksim={self.receive_from}",
                f"--noise-voltage={self.noise_voltage}",
                f"--frequency-offset={self.frequency_offset / self.symbol_rate / SAMPLES_PER_SYMBOL}",
                # GNU Radio's ratio is of the distances between samples.
                f"--epsilon={1 / (1 + self.clock_ppm * 1e-6)!r}",
                f"--seed={self.noise_seed}",
            ])  # fmt: skip
        return super()._connections()

    def __getstate__(self) -> dict[str, Any]:
        # A copy starts its own process.
        return {**super().__getstate__(), "_process": None}


class _Process:
    """GNU Radio's flowgraph, running. It ends when this object does, and when this program does, however."""

    def __init__(self, arguments: list[str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - the process writes to it until it ends.
        self._running = subprocess.Popen(
            [gnuradio_python(), str(_script()), "--until-closed", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_plain_environment(),
        )
        self._finalizer = weakref.finalize(self, _end, self._running)
        if not self._is_ready():
            why = self._ended() or f"it was not ready after {START_SECONDS:g} s"
            self.stop()
            raise RadioError(f"GNU Radio's flowgraph did not start: {why}")

    def _is_ready(self) -> bool:
        """Whether it says so in time, whatever else it says before."""
        stdout, end, said = self._running.stdout, time.monotonic() + START_SECONDS, b""
        assert stdout is not None
        while (left := end - time.monotonic()) > 0:
            if not select.select([stdout], [], [], left)[0]:
                return False
            part = os.read(stdout.fileno(), 4096)
            said += part
            if READY in said.split():
                return True
            if not part:
                self._running.wait(max(left, 1.0))
                return False
        return False

    def ended(self) -> str:
        """Why the process is no longer there; empty while it is."""
        how = self._ended()
        return how and f"GNU Radio's process {how} before all samples were back"

    def _ended(self) -> str:
        status = self._running.poll()
        if status is None:
            return ""
        self._errors.seek(0)
        said = [line for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return how + (f" ({said[-1].strip()})" if said else "")

    def stop(self) -> None:
        """End it."""
        self._finalizer()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


@cache
def gnuradio_python() -> str:
    """The Python that GNU Radio is installed for. Raises `RadioError` where there is none."""
    for python in _pythons():
        command = [python, "-c", "from gnuradio import channels, zeromq"]
        with suppress(subprocess.TimeoutExpired, subprocess.CalledProcessError):
            subprocess.run(command, capture_output=True, check=True, env=_plain_environment(), timeout=START_SECONDS)
            return python
    raise RadioError(
        "GNU Radio 3.10 was not found; install it (Debian and Ubuntu: apt install gnuradio; elsewhere: radioconda), and"
        " have its python3 on the PATH"
    )


def _pythons() -> Iterator[str]:
    candidates = [sys.executable, shutil.which("python3"), "/usr/bin/python3"]
    tool = shutil.which("gnuradio-config-info")
    if tool is not None:
        candidates.append(str(Path(tool).with_name("python3")))
    return iter(dict.fromkeys(each for each in candidates if each and Path(each).is_file()))


def _plain_environment() -> dict[str, str]:
    """Without what points another Python to this one's packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def _script() -> Path:
    spec = find_spec("linksim.flowgraphs")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = [Path(folder) / "grc" / SCRIPT for folder in folders]
    return next(path for path in found if path.is_file())


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
