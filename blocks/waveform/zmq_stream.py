"""Samples to and from another program by ZeroMQ, in the format of GNU Radio's ZMQ blocks."""

import math
import struct
import time
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from linksim.blocks.waveform.extras import radio_package
from linksim.errors import LinksimError, require

if TYPE_CHECKING:
    import zmq

PATTERNS = ("push-pull", "pub-sub", "req-rep")
MESSAGE = 8192
"""Samples in one message."""
ITEM = np.dtype("<c8")
MOST_WAITING = 100_000
"""Messages that are forgotten at most, where another program sends faster than they are."""
LOOK_SECONDS = 0.1
"""How often a sender that waits looks whether it is still wanted."""
JOINING_SECONDS, RECONNECT_MS = 0.5, 20
"""A subscriber that has just connected misses what is published before it is known."""


class RadioError(LinksimError):
    """Another program did not take samples, did not send them, or sent something else."""


def check_stream(address: str, pattern: str, timeout: float) -> None:
    """Raise `ParameterError` unless the three describe a socket."""
    kinds = ("tcp://", "ipc://", "inproc://")
    require(address.startswith(kinds), "address", "a ZeroMQ address, as tcp://127.0.0.1:5555", address)
    require(pattern in PATTERNS, "pattern", f"one of {', '.join(PATTERNS)}", pattern)
    require(0 < timeout < math.inf, "timeout", "a positive number of seconds", timeout)


class SampleSender:
    """The sending side, which binds, as GNU Radio's sinks do. A context manager.

    Raises `RadioError` where the address cannot be bound, or where nobody takes samples for `timeout` seconds.
    """

    def __init__(self, address: str, pattern: str, timeout: float) -> None:
        zmq = radio_package("zmq")
        check_stream(address, pattern, timeout)
        self._address, self._pattern, self._timeout = address, pattern, timeout
        self._socket = _socket(zmq, {"push-pull": zmq.PUSH, "pub-sub": zmq.PUB, "req-rep": zmq.REP}[pattern])
        # What was handed over is delivered, as long as somebody takes it.
        self._socket.setsockopt(zmq.LINGER, int(1000 * timeout))
        self._fresh, self._cancelled = True, Event()
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self.close(drop=True)
            raise RadioError(f"cannot send from '{address}', another block may hold it: {error}") from error

    def send(self, samples: Tensor) -> None:
        """Send complex samples [n]."""
        if self._pattern == "pub-sub" and self._fresh:
            time.sleep(JOINING_SECONDS)
        self._fresh = False
        self._cancelled.clear()
        data, at = samples.detach().cpu().numpy().astype(ITEM), 0
        while at < len(data):
            most = MESSAGE
            if self._pattern == "req-rep":
                most = self._asked()
            self._deliver(data[at : at + most].tobytes())
            at += most

    def _asked(self) -> int:
        """How many samples the other side wants."""
        zmq = radio_package("zmq")
        if not self._ready(zmq.POLLIN):
            raise RadioError(f"nobody asked for samples at '{self._address}' for {self._timeout:g} s")
        request = self._socket.recv()
        if len(request) != 4:
            # The socket takes no other request before this one is answered.
            self._socket.send(b"")
            raise RadioError(f"a request at '{self._address}' had {len(request)} bytes; GNU Radio sends 4")
        return max(min(struct.unpack("=I", request)[0], MESSAGE), 1)

    def _deliver(self, message: bytes) -> None:
        zmq = radio_package("zmq")
        while self._ready(zmq.POLLOUT):
            try:
                self._socket.send(message, zmq.NOBLOCK)
            except zmq.Again:
                continue
            return
        raise RadioError(f"nobody took samples from '{self._address}' for {self._timeout:g} s")

    def _ready(self, event: int) -> bool:
        """Whether the socket is, before the time is out."""
        end = time.monotonic() + self._timeout
        while time.monotonic() < end:
            if self._cancelled.is_set():
                raise RadioError("the transmission was given up")
            if self._socket.poll(int(1000 * min(LOOK_SECONDS, self._timeout)), event):
                return True
        return False

    def cancel(self) -> None:
        """Have a `send` in another thread give up."""
        self._cancelled.set()

    def close(self, *, drop: bool = False) -> None:
        """Give the address back; what waits to be taken is still delivered unless it is to be dropped."""
        self._socket.close(linger=0 if drop else None)

    def __enter__(self) -> "SampleSender":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class SampleReceiver:
    """The receiving side, which connects, as GNU Radio's sources do. A context manager.

    Raises `RadioError` where the address cannot be connected to, or where what comes is not whole samples.
    """

    def __init__(self, address: str, pattern: str, timeout: float) -> None:
        zmq = radio_package("zmq")
        check_stream(address, pattern, timeout)
        self._address, self._pattern, self.timeout = address, pattern, timeout
        self._socket = _socket(zmq, {"push-pull": zmq.PULL, "pub-sub": zmq.SUB, "req-rep": zmq.REQ}[pattern])
        if pattern == "pub-sub":
            self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        elif pattern == "req-rep":
            # Another request may follow one that was not answered.
            self._socket.setsockopt(zmq.REQ_RELAXED, 1)
            self._socket.setsockopt(zmq.REQ_CORRELATE, 1)
        self._asking, self._asked_at = False, 0.0
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self.close()
            raise RadioError(f"cannot receive from '{address}': {error}") from error

    def receive(self, seconds: float) -> Tensor | None:
        """The next message's samples, complex64 [n], 0 where one is no number; None where none comes in this time."""
        zmq = radio_package("zmq")
        if self._pattern == "req-rep" and not self._asking:
            if not self._socket.poll(int(1000 * seconds), zmq.POLLOUT):
                return None
            try:
                self._socket.send(struct.pack("=I", MESSAGE), zmq.NOBLOCK)
            except zmq.Again:
                return None
            self._asking, self._asked_at = True, time.monotonic()
        if not self._socket.poll(int(1000 * seconds)):
            # Asked again too soon, the other side would answer twice, and one answer would be lost.
            self._asking = self._asking and time.monotonic() - self._asked_at < self.timeout
            return None
        try:
            # What was readable may have been the answer to an older request.
            message = self._socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            return None
        self._asking = False
        if not message:
            return None
        if len(message) % ITEM.itemsize:
            raise RadioError(
                f"a message from '{self._address}' had {len(message)} bytes, which are no whole complex samples of"
                f" {ITEM.itemsize}; is 'Pass Tags' on, or the type not Complex?"
            )
        samples = torch.from_numpy(np.frombuffer(message, ITEM).astype(np.complex64))
        return torch.where(torch.view_as_real(samples).isfinite().all(-1), samples, 0)

    def drop_waiting(self) -> None:
        """Forget what has come until now: it is older than what is asked for next."""
        for _ in range(0 if self._pattern == "req-rep" else MOST_WAITING):
            if self.receive(0) is None:
                return

    def close(self) -> None:
        """End the connection."""
        self._socket.close(linger=0)

    def __enter__(self) -> "SampleReceiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _socket(zmq: Any, kind: int) -> "zmq.Socket[bytes]":
    socket = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
    return socket
