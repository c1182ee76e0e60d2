"""A channel whose samples leave the program, and come back."""

import math
import secrets
import time
from dataclasses import fields
from hashlib import blake2b
from threading import Event, Thread
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.waveform.burst import NUMBER_BITS, BurstBuilder, BurstLayout
from linksim.blocks.waveform.burst_reader import Burst, BurstReader
from linksim.blocks.waveform.oscillator_impairments import SAMPLE_RATE
from linksim.blocks.waveform.pulse import ROLL_OFF, SAMPLES_PER_SYMBOL, SPAN, PulseShaper
from linksim.blocks.waveform.sigmf_blocks import burst_annotations
from linksim.blocks.waveform.sigmf_file import Annotation, Recording, metadata_path, read_recording, write_recording
from linksim.blocks.waveform.stream_reader import bursts_in
from linksim.blocks.waveform.zmq_stream import RadioError, SampleReceiver, SampleSender, check_stream
from linksim.errors import LinksimError, require
from linksim.types import Counts, Decibels, Received, Symbols, SynchronisationEstimate, Waveform

GAP = 256
"""Symbols of silence before each burst."""
FLUSH = 1 << 15
"""Samples of silence behind the last burst, which push it through the filters and buffers of the other program."""
SILENCE_SECONDS = 0.3
"""Once enough has come back, silence of this length ends the reception."""
LARGEST_OFFSET, FALSE_ALARM = 0.01, 1e-6
MOST_SNR_DB = 60.0


class Transmitted(NamedTuple):
    """The received symbols, what the synchroniser found out, which frames were lost, and which of them when the other
    side fell silent or took no more."""

    out: Received
    estimates: SynchronisationEstimate
    lost: Counts
    timed_out: Counts


class OverTheAir(Block):
    """Symbols as a waveform that leaves the program, by ZeroMQ or as a file, and comes back from a radio.

    Takes the place of `AWGN` in any link. The frames of a batch are sent as bursts, one after the other; all bursts
    that come back are found, read, and put to their frames by the numbers that they carry. A frame that does not come
    back, or with another length, is an erasure, counted in `lost`; in `timed_out` too where the other side fell silent.
    Both files of a recording may have one name: then it is read back as it was written. In files the first number comes
    from the frames themselves, so that a recording of other frames is no answer to them. Nothing random is drawn here;
    a radio gives other results each time.

    Args:
        send_to, receive_from: ZeroMQ addresses, as "tcp://127.0.0.1:5555", or names of SigMF recordings. `send_to` is
            bound, to `receive_from` a connection is made: GNU Radio's ZMQ source and sink stand at the other ends.
        send_pattern, receive_pattern: of the sockets, "push-pull", "pub-sub" or "req-rep". A radio whose samples never
            end sends them by "pub-sub", so that it need not wait where nobody listens.
        noise_voltage: square root of the noise variance per sample that the other side adds. The waveform's amplitude
            follows it so that Es/N0 is snr_db (taken for 60 dB where it is more). With a real radio this sets the
            amplitude alone: the samples' root mean square is noise_voltage * sqrt(10^(snr_db/10) / samples_per_symbol).
        samples_per_symbol, roll_off: of the pulses.
        extra: samples that are received beyond those sent: a real radio's delay.
        timeout: seconds of silence that end the reception, or are an error where nothing has come at all.

    Shapes: symbols.samples [batch, uses]; snr_db [batch] in dB; out likewise; estimates, lost and timed_out [batch];
    the estimated delay counts from the first sample that came back. No gradient passes. Source: linksim. Needs the
    extra `radio`.

    Raises:
        ParameterError: a parameter is out of range.
        RadioError: nobody takes the samples, or nothing comes back.
        RecordingError: `receive_from` is no recording that can be read.
        LinksimError: an SNR is NaN.

    >>> OverTheAir(send_to="sent", receive_from="sent").labels["csi"]
    'estimated'
    """

    labels = MappingProxyType({"csi": "estimated"})
    fades = False

    def __init__(
        self,
        *,
        send_to: str = "tcp://127.0.0.1:5555",
        receive_from: str = "tcp://127.0.0.1:5556",
        send_pattern: str = "push-pull",
        receive_pattern: str = "push-pull",
        noise_voltage: float = 1.0,
        samples_per_symbol: int = SAMPLES_PER_SYMBOL,
        roll_off: float = ROLL_OFF,
        extra: int = 0,
        timeout: float = 10.0,
    ) -> None:
        super().__init__()
        by_socket = is_socket(send_to)
        require(by_socket == is_socket(receive_from), "receive_from", "a socket as send_to is, or a file", receive_from)
        require(send_to != "", "send_to", "a ZeroMQ address or the name of a recording", send_to)
        if by_socket:
            check_stream(send_to, send_pattern, timeout)
            check_stream(receive_from, receive_pattern, timeout)
        require(0 < noise_voltage < math.inf, "noise_voltage", "a positive number", noise_voltage)
        require(0 <= extra <= 1 << 28, "extra", "in 0..2^28 samples", extra)
        self.send_to, self.receive_from, self.timeout = send_to, receive_from, timeout
        self.send_pattern, self.receive_pattern = send_pattern, receive_pattern
        self.noise_voltage, self.extra = noise_voltage, extra
        self.builder = BurstBuilder()
        self.shaper = PulseShaper(samples_per_symbol=samples_per_symbol, roll_off=roll_off)
        self._reader = BurstReader(BurstLayout(), samples_per_symbol, roll_off, SPAN, LARGEST_OFFSET, FALSE_ALARM)
        self._sockets: tuple[SampleSender, SampleReceiver] | None = None
        # What is left of an earlier program's bursts must not be taken for ours.
        self._next = secrets.randbelow(1 << NUMBER_BITS)

    def forward(self, symbols: Symbols, snr_db: Decibels) -> Transmitted:
        if bool(snr_db.isnan().any()):
            raise LinksimError("snr_db must be a number for every frame (got NaN)")
        first = self._next if is_socket(self.send_to) else _fingerprint(symbols)
        number = (first + torch.arange(len(symbols.length))) % (1 << NUMBER_BITS)
        self._next = (self._next + len(number)) % (1 << NUMBER_BITS)
        burst = self.builder(symbols=symbols, number=number)
        waveform: Waveform = self.shaper(symbols=burst)
        amplitude = self.noise_voltage * 10 ** (snr_db.clamp_max(MOST_SNR_DB) / 20)
        scaled = Waveform(waveform.samples * amplitude[:, None], waveform.length)
        stream, starts = self._in_one_row(scaled)
        with torch.no_grad():
            received, silent = self._exchange(stream.cpu(), starts, symbols)
            bursts = {int(each.number): each for each in reversed(bursts_in(self._reader, received.to(stream)))}
        return self._put_together(symbols, [bursts.get(int(each)) for each in number], silent)

    def _in_one_row(self, waveform: Waveform) -> tuple[Tensor, list[int]]:
        """All frames in one row, complex [time], and where each begins."""
        gap = torch.zeros(GAP * self.shaper.samples_per_symbol, dtype=waveform.samples.dtype).to(waveform.samples)
        parts: list[Tensor] = []
        starts: list[int] = []
        for row, length in zip(waveform.samples, waveform.length.tolist(), strict=True):
            parts.append(gap)
            starts.append(sum(len(part) for part in parts))
            parts.append(row[:length])
        parts.append(gap)
        return torch.cat(parts), starts

    def _exchange(self, stream: Tensor, starts: list[int], symbols: Symbols) -> tuple[Tensor, bool]:
        """What came back, complex [time], and whether the other side fell silent before all was there."""
        if is_socket(self.send_to):
            return self._by_sockets(torch.cat([stream, torch.zeros(FLUSH, dtype=stream.dtype)]))
        rate = SAMPLE_RATE / SAMPLES_PER_SYMBOL * self.shaper.samples_per_symbol
        annotations: list[Annotation] = []
        if self.shaper.samples_per_symbol == SAMPLES_PER_SYMBOL:
            for start, length in zip(starts, symbols.length.tolist(), strict=True):
                annotations += burst_annotations(start, length)
        recording = Recording(stream, rate, [0], annotations)
        write_recording(self.send_to, recording, "cf32_le", f"{len(starts)} bursts of linksim, from OverTheAir")
        if not metadata_path(self.receive_from).is_file():
            raise RadioError(
                f"'{metadata_path(self.send_to)}' is written; send it by radio, record what is received as"
                f" '{metadata_path(self.receive_from)}', and run this again"
            )
        return read_recording(self.receive_from, rate).samples, False

    # -- sockets

    def _by_sockets(self, stream: Tensor) -> tuple[Tensor, bool]:
        """Send and receive at the same time, because the other side's buffers are small."""
        sender, receiver = self._connections()
        receiver.drop_waiting()
        failed: list[LinksimError] = []
        done = Event()

        def send() -> None:
            try:
                sender.send(stream)
            except LinksimError as error:
                failed.append(error)
            finally:
                done.set()

        thread = Thread(target=send, daemon=True)
        thread.start()
        broken = False
        try:
            return self._collected(receiver, len(stream), failed, done)
        except BaseException:
            broken = True
            raise
        finally:
            sender.cancel()
            thread.join()
            if broken:
                # What is left in the sockets belongs to frames that nobody waits for.
                self.close()

    def _collected(
        self, receiver: SampleReceiver, sent: int, failed: list[LinksimError], done: Event
    ) -> tuple[Tensor, bool]:
        enough, most = sent + self.extra - FLUSH // 2, sent + max(self.extra, FLUSH)
        parts, count, last = list[Tensor](), 0, time.monotonic()
        while count < most and time.monotonic() - last < self.timeout:
            self.check_alive()
            if failed and count == 0:
                raise failed[0]
            part = receiver.receive(min(SILENCE_SECONDS, self.timeout))
            if part is not None:
                parts.append(part)
                count, last = count + len(part), time.monotonic()
            elif count >= enough and done.is_set() and time.monotonic() - last >= SILENCE_SECONDS:
                break
        if count == 0:
            where = f"'{self.receive_from}' for {self.timeout:g} s"
            raise RadioError(f"nothing came back from {where}; is the radio's flowgraph running?")
        return torch.cat(parts), count < enough or bool(failed)

    def check_alive(self) -> None:
        """Raise `RadioError` where the other side is known to be gone; a class that starts it knows."""

    def _connections(self) -> tuple[SampleSender, SampleReceiver]:
        if self._sockets is None:
            sender = SampleSender(self.send_to, self.send_pattern, self.timeout)
            self._sockets = sender, SampleReceiver(self.receive_from, self.receive_pattern, self.timeout)
        return self._sockets

    def close(self) -> None:
        """Give the sockets back; the next call makes new ones."""
        if self._sockets is not None:
            sender, receiver = self._sockets
            sender.close(drop=True)
            receiver.close()
        self._sockets = None

    def __getstate__(self) -> dict[str, Any]:
        # A copy makes its own connections, and its bursts are not to be taken for ours.
        return {**self.__dict__, "_sockets": None, "_next": secrets.randbelow(1 << NUMBER_BITS)}

    # -- frames

    def _put_together(self, symbols: Symbols, bursts: list[Burst | None], silent: bool) -> Transmitted:
        """Every frame from its burst, or as an erasure."""
        device = symbols.samples.device
        rows = [
            self._reader.fitted(each, length, symbols.samples)
            for each, length in zip(bursts, symbols.length.tolist(), strict=True)
        ]

        def joined(read: Any) -> Tensor:
            return torch.cat([read(row).to(device) for row in rows])

        found = joined(lambda row: row.estimates.found)
        length = joined(lambda row: row.received.symbols.length)
        spent = torch.where(
            found, joined(lambda row: row.received.overhead), self._reader.layout.overhead(symbols.length)
        )
        out = Received(
            Symbols(joined(lambda row: row.received.symbols.samples), length),
            joined(lambda row: row.received.gain),
            joined(lambda row: row.received.noise_variance),
            spent,
            "estimated",
        )
        estimates = SynchronisationEstimate(
            **{
                each.name: joined(lambda row, name=each.name: getattr(row.estimates, name))
                for each in fields(SynchronisationEstimate)
            }
        )
        one = torch.ones_like(length)
        return Transmitted(out, estimates, Counts((~found).long(), one), Counts((~found).long() * silent, one))


def _fingerprint(symbols: Symbols) -> int:
    """A number for what frames hold."""
    digest = blake2b(symbols.samples.detach().cpu().resolve_conj().numpy().tobytes(), digest_size=2).digest()
    return int.from_bytes(digest, "big")


def is_socket(address: str) -> bool:
    """Whether an address is one of ZeroMQ's, and no file."""
    return "://" in address
