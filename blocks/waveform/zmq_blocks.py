"""Blocks that send samples to another program, and take them from one, by ZeroMQ."""

import time
from typing import Any

import torch

from linksim.block import Block
from linksim.blocks.waveform.zmq_stream import (
    LOOK_SECONDS,
    RadioError,
    SampleReceiver,
    SampleSender,
    check_stream,
)
from linksim.errors import require
from linksim.types import Uses, Waveform


class ZMQSink(Block):
    """Send waveforms to another program by ZeroMQ, one frame after the other, as GNU Radio's ZMQ sinks do.

    Little-endian complex64 without tags. The address is bound; GNU Radio's ZMQ source connects to it. It is held from
    one call to the next.

    Args:
        address: as "tcp://127.0.0.1:5555".
        pattern: "push-pull", "pub-sub" (what nobody hears is lost) or "req-rep"; the other side's block must match.
        timeout: seconds without anybody who takes samples, after which it is an error.

    Shapes: waveform.samples [batch, time]; out [batch], the samples sent. No gradient passes.
    Source: GNU Radio 3.10, gr-zeromq. Needs the extra `radio`.

    Raises:
        ParameterError: a parameter is out of range.
        RadioError: the address cannot be bound, or nobody takes samples.

    >>> ZMQSink(address="tcp://127.0.0.1:5555", pattern="pub-sub").pattern
    'pub-sub'
    """

    def __init__(
        self, *, address: str = "tcp://127.0.0.1:5555", pattern: str = "push-pull", timeout: float = 10.0
    ) -> None:
        super().__init__()
        check_stream(address, pattern, timeout)
        self.address, self.pattern, self.timeout = address, pattern, timeout
        self._sender: SampleSender | None = None

    def close(self) -> None:
        """Give the address back, once what was sent is taken or the time is out; the next call binds it again."""
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def forward(self, waveform: Waveform) -> Uses:
        if self._sender is None:
            self._sender = SampleSender(self.address, self.pattern, self.timeout)
        for row, length in zip(waveform.samples, waveform.length.tolist(), strict=True):
            self._sender.send(row[:length])
        return waveform.length

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes its own connection.
        return {**self.__dict__, "_sender": None}


class ZMQSource(Block):
    """Take samples from another program by ZeroMQ, as GNU Radio's ZMQ sources do; see `ZMQSink`.

    Args:
        address: which the other program has bound.
        pattern: "push-pull", "pub-sub" or "req-rep".
        samples: of each frame.
        timeout: seconds without samples after which it is an error.

    Shapes: out.samples [batch, samples] complex64. What a message has beyond the last frame is kept for the next call,
    and so is what came before an error.
    Source: GNU Radio 3.10, gr-zeromq. Needs the extra `radio`.

    Raises:
        ParameterError: a parameter is out of range.
        RadioError: nothing came for `timeout` seconds, or no whole samples.

    >>> ZMQSource(address="tcp://127.0.0.1:5556", samples=1000).samples
    1000
    """

    def __init__(
        self,
        *,
        address: str = "tcp://127.0.0.1:5556",
        pattern: str = "push-pull",
        samples: int = 100_000,
        timeout: float = 10.0,
    ) -> None:
        super().__init__()
        check_stream(address, pattern, timeout)
        require(1 <= samples <= 1 << 30, "samples", "in 1..2^30", samples)
        self.address, self.pattern, self.samples, self.timeout = address, pattern, samples, timeout
        self._receiver: SampleReceiver | None = None
        self._rest = torch.zeros(0, dtype=torch.complex64)

    def forward(self, batch: int) -> Waveform:
        if self._receiver is None:
            self._receiver = SampleReceiver(self.address, self.pattern, self.timeout)
        wanted, parts = batch * self.samples, [self._rest]
        count, last = len(self._rest), time.monotonic()
        while count < wanted:
            part = self._receiver.receive(min(LOOK_SECONDS, self.timeout))
            if part is None:
                if time.monotonic() - last < self.timeout:
                    continue
                self._rest = torch.cat(parts)
                raise RadioError(
                    f"{count} of {wanted} samples came from '{self.address}', then none for {self.timeout:g} s"
                )
            parts.append(part)
            count, last = count + len(part), time.monotonic()
        stream = torch.cat(parts)
        self._rest = stream[wanted:].clone()
        frames = stream[:wanted].view(batch, self.samples).to(self.device)
        return Waveform(frames, torch.full((batch,), self.samples, device=self.device))

    def close(self) -> None:
        """End the connection, and forget what was received beyond the last frame."""
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None
        self._rest = self._rest[:0]

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes its own connection.
        return {**self.__dict__, "_receiver": None, "_rest": self._rest[:0]}
