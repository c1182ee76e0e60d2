"""Samples over ZeroMQ: what comes back, what does not, and who says so."""

import pickle
import socket
import time
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest
import torch
import zmq

from linksim.blocks import OverTheAir, ZMQSink, ZMQSource
from linksim.blocks.waveform.zmq_stream import PATTERNS, RadioError, SampleReceiver, SampleSender
from linksim.errors import ParameterError
from linksim.flowgraphs import bpsk
from linksim.types import Waveform


def free_addresses(count=2):
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    addresses = [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in held]
    for each in held:
        each.close()
    return addresses


@contextmanager
def radio(source, sink, change=lambda samples: samples, pattern="push-pull"):
    """Another program: takes samples, changes them, sends them back. None from `change` means that it is silent."""
    ended = Event()

    def work():
        with SampleReceiver(source, pattern, 5.0) as receiver, SampleSender(sink, pattern, 5.0) as sender:
            while not ended.is_set():
                samples = receiver.receive(0.05)
                changed = None if samples is None else change(samples)
                if changed is not None:
                    try:
                        sender.send(changed)
                    except RadioError:
                        return

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_sink_and_source_are_inverses(pattern):
    address, rows = free_addresses(1)[0], torch.randn(3, 20_000, dtype=torch.complex64)
    sink = ZMQSink(address=address, pattern=pattern)
    source = ZMQSource(address=address, pattern=pattern, samples=20_000)
    taken = []
    reader = Thread(target=lambda: taken.append(source(batch=3)))
    reader.start()
    time.sleep(0.3)
    sent = sink(waveform=Waveform(rows, torch.tensor([20_000, 20_000, 20_000])))
    reader.join(10)
    assert sent.tolist() == [20_000] * 3
    assert torch.equal(taken[0].samples, rows)
    sink._sender.close()
    source._receiver.close()


def test_what_one_call_leaves_the_next_one_takes():
    address = free_addresses(1)[0]
    sink, source = ZMQSink(address=address), ZMQSource(address=address, samples=1000)
    stream = torch.randn(1, 5000, dtype=torch.complex64)
    writer = Thread(target=lambda: sink(waveform=Waveform(stream, torch.tensor([5000]))))
    writer.start()
    parts = [source(batch=2).samples.flatten(), source(batch=3).samples.flatten()]
    writer.join(10)
    assert torch.equal(torch.cat(parts), stream[0])
    sink._sender.close()
    source._receiver.close()


@pytest.mark.parametrize("pattern", ["push-pull", "pub-sub"])
def test_over_the_air_through_another_program(pattern):
    there, back = free_addresses()
    channel = OverTheAir(send_to=there, receive_from=back, send_pattern=pattern, receive_pattern=pattern)
    with radio(there, back, lambda samples: samples * (0.3 - 0.4j), pattern):
        if pattern == "pub-sub":
            channel._connections()
            time.sleep(0.3)
        fg = bpsk(length=200, channel=channel)
        for batch in (3, 1):
            run = fg.run(batch=batch, snr_db=8.0, seed=1, probe=["channel.lost"])
            assert run["channel.lost"].errors.sum() == 0
            assert run["ber"].errors.sum() == 0
    channel.close()


def test_a_program_that_eats_the_middle_loses_frames_and_they_are_counted():
    there, back = free_addresses()
    seen = [0]

    def hole(samples):
        seen[0] += len(samples)
        return torch.zeros_like(samples) if 10_000 < seen[0] < 40_000 else samples

    channel = OverTheAir(send_to=there, receive_from=back)
    with radio(there, back, hole):
        run = bpsk(length=1000, channel=channel).run(batch=10, snr_db=10.0, seed=1, probe=["channel.lost"])
    lost = run["channel.lost"].errors
    assert 2 <= lost.sum() <= 7
    assert torch.equal(run["ber"].errors > 300, lost > 0), "no frame is a wrong one"
    channel.close()


def test_nobody_there_is_said_in_time():
    there, back = free_addresses()
    channel = OverTheAir(send_to=there, receive_from=back, timeout=0.5)
    with pytest.raises(RadioError, match=r"nobody took samples|nothing came back"):
        bpsk(length=100, channel=channel).run(batch=1, snr_db=5.0, seed=1)


def test_a_program_that_only_listens_is_told_from_one_that_answers():
    there, back = free_addresses()
    channel = OverTheAir(send_to=there, receive_from=back, timeout=0.7)
    fg = bpsk(length=100, channel=channel)
    with radio(there, back, lambda samples: None), pytest.raises(RadioError, match="nothing came back"):  # noqa: ARG005
        fg.run(batch=1, snr_db=5.0, seed=1)
    with radio(there, back):
        run = fg.run(batch=1, snr_db=15.0, seed=1)
    assert run["ber"].errors.sum() == 0, "the sockets are made again"
    channel.close()


def test_messages_that_are_no_samples_are_refused():
    address = free_addresses(1)[0]
    other = zmq.Context.instance().socket(zmq.PUSH)
    other.setsockopt(zmq.LINGER, 0)
    other.bind(address)
    source = ZMQSource(address=address, samples=10)
    # GNU Radio's header of tags has 19 bytes.
    writer = Thread(target=lambda: other.send(b"\x00" * 19))
    writer.start()
    with pytest.raises(RadioError, match="Pass Tags"):
        source(batch=1)
    writer.join(5)
    other.close()
    source._receiver.close()


def test_an_address_in_use_is_named():
    address = free_addresses(1)[0]
    with SampleSender(address, "push-pull", 1.0), pytest.raises(RadioError, match=address):
        SampleSender(address, "push-pull", 1.0)


def test_a_source_without_a_sender_gives_up():
    source = ZMQSource(address=free_addresses(1)[0], samples=10, timeout=0.3)
    with pytest.raises(RadioError, match="0 of 20 samples"):
        source(batch=2)
    source._receiver.close()


def test_copies_make_their_own_connections():
    address = free_addresses(1)[0]
    sink = ZMQSink(address=address, pattern="pub-sub")
    sink(waveform=Waveform(torch.ones(1, 4) + 0j, torch.tensor([4])))
    copy = pickle.loads(pickle.dumps(sink))
    assert copy._sender is None
    assert sink._sender is not None
    sink._sender.close()


@pytest.mark.parametrize(("change", "wrong"), [
    ({"address": "127.0.0.1:5555"}, "address"), ({"pattern": "pair"}, "pattern"), ({"timeout": 0.0}, "timeout"),
])  # fmt: skip
def test_parameters_that_cannot_be_are_named(change, wrong):
    for kind in (ZMQSink, ZMQSource):
        with pytest.raises(ParameterError, match=wrong):
            kind(**change)


def bound(kind, address):
    other = zmq.Context.instance().socket(kind)
    other.setsockopt(zmq.LINGER, 0)
    other.bind(address)
    return other


def test_empty_messages_do_not_put_the_time_out_off():
    address, ended = free_addresses(1)[0], Event()
    other = bound(zmq.PUSH, address)

    def chatter():
        while not ended.is_set():
            with suppress(zmq.Again):
                other.send(b"", zmq.NOBLOCK)
            time.sleep(0.05)

    thread = Thread(target=chatter)
    thread.start()
    source = ZMQSource(address=address, samples=10, timeout=0.5)
    with pytest.raises(RadioError, match="0 of 10 samples"):
        source(batch=1)
    ended.set()
    thread.join()
    source.close()
    other.close()


def test_what_came_before_an_error_is_kept():
    address = free_addresses(1)[0]
    other = bound(zmq.PUSH, address)
    source = ZMQSource(address=address, samples=10, timeout=0.5)
    stream = torch.randn(16, dtype=torch.complex64)
    writer = Thread(target=lambda: other.send(stream[:6].numpy().tobytes()))
    writer.start()
    with pytest.raises(RadioError, match="6 of 10 samples"):
        source(batch=1)
    writer.join()
    other.send(stream[6:].numpy().tobytes())
    assert torch.equal(source(batch=1).samples[0], stream[:10])
    assert len(pickle.loads(pickle.dumps(source))._rest) == 0
    source.close()
    other.close()


def test_samples_that_are_no_numbers_become_silence():
    address = free_addresses(1)[0]
    other = bound(zmq.PUSH, address)
    source = ZMQSource(address=address, samples=3)
    sent = torch.tensor([1 + 1j, complex("nan"), complex(0, float("inf"))], dtype=torch.complex64)
    writer = Thread(target=lambda: other.send(sent.numpy().tobytes()))
    writer.start()
    assert source(batch=1).samples[0].tolist() == [1 + 1j, 0, 0]
    writer.join()
    source.close()
    other.close()


def test_what_a_sink_has_sent_arrives_after_it_is_closed():
    address, rows = free_addresses(1)[0], torch.randn(1, 200_000, dtype=torch.complex64)
    sink, source = ZMQSink(address=address), ZMQSource(address=address, samples=200_000)
    taken = []
    reader = Thread(target=lambda: (time.sleep(0.5), taken.append(source(batch=1).samples)))
    source._receiver = SampleReceiver(address, "push-pull", 5.0)
    sink(waveform=Waveform(rows, torch.tensor([200_000])))
    reader.start()
    sink.close()
    reader.join(10)
    assert torch.equal(taken[0], rows)
    source.close()


def test_a_request_goes_out_again_where_nobody_answered():
    address = free_addresses(1)[0]
    with SampleReceiver(address, "req-rep", 0.3) as receiver:
        assert receiver.receive(0.1) is None
        time.sleep(0.4)
        receiver.receive(0.05)
        with SampleSender(address, "req-rep", 5.0) as sender:

            def twice():
                """The first answer may be to the old request, which nobody waits for any more."""
                with suppress(RadioError):
                    for _ in range(2):
                        sender.send(torch.ones(5, dtype=torch.complex64))

            writer = Thread(target=twice)
            writer.start()
            found = None
            end = time.monotonic() + 5
            while found is None and time.monotonic() < end:
                found = receiver.receive(0.1)
            sender.cancel()
            writer.join(5)
    assert found is not None
    assert len(found) == 5


def test_a_request_of_another_kind_is_answered_and_named():
    address = free_addresses(1)[0]
    with SampleSender(address, "req-rep", 2.0) as sender:
        other = zmq.Context.instance().socket(zmq.REQ)
        other.setsockopt(zmq.LINGER, 0)
        other.connect(address)
        other.send(b"abc")
        with pytest.raises(RadioError, match="3 bytes"):
            sender.send(torch.ones(5, dtype=torch.complex64))
        assert other.recv() == b""
        other.send((5).to_bytes(4, "little"))
        sender.send(torch.ones(5, dtype=torch.complex64))
        assert len(other.recv()) == 40
        other.close()


def test_frames_lost_to_silence_are_counted_apart():
    there, back = free_addresses()
    seen = [0]

    def stops(samples):
        seen[0] += len(samples)
        return samples if seen[0] < 30_000 else None

    channel = OverTheAir(send_to=there, receive_from=back, timeout=1.0)
    with radio(there, back, stops):
        run = bpsk(length=1000, channel=channel).run(
            batch=10, snr_db=10.0, seed=1, probe=["channel.lost", "channel.timed_out"]
        )
    assert run["channel.lost"].errors.sum() > 2
    assert torch.equal(run["channel.timed_out"].errors, run["channel.lost"].errors)
    channel.close()
