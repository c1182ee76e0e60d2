"""A real GNU Radio in the loop, where it is installed."""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from linksim.blocks import BurstBuilder, GNURadioChannel, PulseShaper, SigMFSink, ZMQSink, ZMQSource
from linksim.blocks.waveform import gnuradio_channel
from linksim.blocks.waveform.gnuradio_channel import gnuradio_python
from linksim.blocks.waveform.pulse import root_raised_cosine
from linksim.blocks.waveform.zmq_stream import PATTERNS, RadioError
from linksim.errors import ParameterError
from linksim.flowgraphs import bpsk, sa_oosc, waveform_channel
from linksim.types import Symbols, Waveform

GRC = Path(__file__).parents[2] / "flowgraphs" / "grc"


@pytest.fixture(scope="module")
def python():
    """GNU Radio's own Python."""
    try:
        return gnuradio_python()
    except RadioError:
        pytest.skip("no GNU Radio")


def in_gnuradio(python, code, *arguments):
    done = subprocess.run(
        [python, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_picture_comes_through_gnu_radio_as_through_our_own_waveform(python, photograph):  # noqa: ARG001
    channel = GNURadioChannel()
    try:
        there = sa_oosc(channel=channel).run(image=photograph, snr_db=10.0, seed=1, probe=["channel.estimates"])
        here = sa_oosc(channel=waveform_channel()).run(image=photograph, snr_db=10.0, seed=1)
    finally:
        channel.close()
    assert not there["erased"].any()
    assert there["psnr"].value.item() == pytest.approx(here["psnr"].value.item(), abs=0.3)
    estimates = there["channel.estimates"]
    assert estimates.snr_db.item() == pytest.approx(10.0, abs=0.3)
    assert estimates.frequency.item() == pytest.approx(2e-3, abs=1e-5)
    assert estimates.clock_ppm.item() == pytest.approx(3.0, abs=1.0)


def test_the_command_sends_a_picture_through_gnu_radio(python, cli, tmp_path, photograph):  # noqa: ARG001
    from PIL import Image

    pixels = (photograph[0, :, :128, :128].permute(1, 2, 0) * 255).byte().numpy()
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    code, out, err = cli("transmit", tmp_path / "photo.png", "--channel", "gnuradio", "--snr", 10, "--out", tmp_path)
    assert code == 0, err
    assert "over gnuradio, 10 dB" in out
    assert (tmp_path / "reconstruction.png").is_file()


def test_gnu_radio_killed_in_the_middle_is_named(python):  # noqa: ARG001
    channel = GNURadioChannel(timeout=20.0)
    fg = bpsk(length=20_000, channel=channel)
    assert fg.run(batch=1, snr_db=10.0, seed=1)["ber"].errors.sum() == 0
    killer = threading.Timer(0.1, channel._process._running.kill)
    killer.start()
    with pytest.raises(RadioError, match="killed by signal 9"):
        fg.run(batch=60, snr_db=10.0, seed=1)
    assert fg.run(batch=1, snr_db=10.0, seed=1)["ber"].errors.sum() == 0, "the next run starts another"
    channel.close()


def test_gnu_radio_ends_with_the_program_that_started_it(python):  # noqa: ARG001
    code = (
        "import os, torch\n"
        "from linksim.blocks import GNURadioChannel\n"
        "from linksim.flowgraphs import bpsk\n"
        "channel = GNURadioChannel()\n"
        "bpsk(length=100, channel=channel).run(batch=1, snr_db=9.0)\n"
        "print(channel._process._running.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    process = Path(f"/proc/{int(done.stdout)}")
    end = time.monotonic() + 10
    while process.exists() and "State:\tZ" not in (process / "status").read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert not process.exists() or "State:\tZ" in (process / "status").read_text()


def test_without_gnu_radio_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(gnuradio_channel, "_pythons", lambda: iter(()))
    gnuradio_python.cache_clear()
    try:
        with pytest.raises(RadioError, match="apt install gnuradio"):
            bpsk(length=100, channel=GNURadioChannel()).run(batch=1, snr_db=5.0)
    finally:
        gnuradio_python.cache_clear()


@pytest.mark.parametrize(("script", "words"), [
    ("import time; time.sleep(60)", "not ready after 1 s"),
    ("print('hello'); print('world')", "ended with status 0"),
    ("import sys; sys.exit('no such device')", r"ended with status 1 \(no such device\)"),
])  # fmt: skip
def test_a_flowgraph_that_does_not_start_is_named(monkeypatch, tmp_path, script, words):
    (tmp_path / "fake.py").write_text(script)
    monkeypatch.setattr(gnuradio_channel, "gnuradio_python", lambda: sys.executable)
    monkeypatch.setattr(gnuradio_channel, "_script", lambda: tmp_path / "fake.py")
    monkeypatch.setattr(gnuradio_channel, "START_SECONDS", 1.0 if "sleep" in script else 20.0)
    with pytest.raises(RadioError, match=words):
        bpsk(length=100, channel=GNURadioChannel()).run(batch=1, snr_db=5.0)


def test_offsets_that_nobody_looks_for_are_refused():
    for change, wrong in (({"frequency_offset": 2e4}, "frequency_offset"), ({"clock_ppm": 200.0}, "clock_ppm")):
        with pytest.raises(ParameterError, match=wrong):
            GNURadioChannel(**change)


_PULSE = """
import sys
import numpy as np
from gnuradio.filter import firdes
step, roll_off, span = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
taps = np.array(firdes.root_raised_cosine(1.0, step, 1.0, roll_off, span * step + 1))
print(*(taps / np.linalg.norm(taps)))
"""


@pytest.mark.parametrize(("step", "roll_off"), [(2, 0.2), (4, 0.35), (8, 0.5), (4, 0.25), (3, 1.0)])
def test_taps_are_those_of_gnu_radio(python, step, roll_off):
    theirs = np.array([float(word) for word in in_gnuradio(python, _PULSE, step, roll_off, 16).split()])
    np.testing.assert_allclose(root_raised_cosine(step, roll_off, 16), theirs, atol=1e-6)


_SPECTRUM = """
import json, sys
import numpy as np
from gnuradio import blocks, fft, gr
from gnuradio.fft import window
size = 1024
file, found = sys.argv[1], blocks.vector_sink_f(size)
top = gr.top_block()
source = blocks.file_source(gr.sizeof_gr_complex, file, False)
vectors = blocks.stream_to_vector(gr.sizeof_gr_complex, size)
transform = fft.fft_vcc(size, True, window.hann(size), True, 1)
power = blocks.complex_to_mag_squared(size)
top.connect(source, vectors, transform, power, found)
top.run()
print(json.dumps(np.array(found.data()).reshape(-1, size).mean(0).tolist()))
"""


def test_gnu_radio_reads_our_recording_and_finds_a_raised_cosine_spectrum(python, tmp_path):
    import json

    sent = torch.randn(1, 60_000, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    waveform = PulseShaper()(symbols=BurstBuilder()(symbols=Symbols(sent, torch.tensor([60_000]))))
    SigMFSink(path=str(tmp_path / "ours"))(waveform=waveform)
    seen = np.array(json.loads(in_gnuradio(python, _SPECTRUM, tmp_path / "ours.sigmf-data")))
    f = np.abs(np.fft.fftshift(np.fft.fftfreq(1024))) * 4
    wanted = np.where(f < 0.325, 1.0, np.where(f > 0.675, 0.0, 0.5 * (1 + np.cos(np.pi / 0.35 * (f - 0.325)))))
    inside = f < 0.3
    level = seen[inside].mean()
    # Means over 240 transforms, and over neighbouring frequencies: a few per cent.
    smooth = np.convolve(seen / level, np.ones(9) / 9, "same")
    np.testing.assert_allclose(smooth, np.convolve(wanted, np.ones(9) / 9, "same"), atol=0.12)
    assert seen[f > 0.72].max() < 1e-4 * level


_ECHO = """
import sys
from gnuradio import blocks, gr, zeromq
source_kind, sink_kind, there, back = sys.argv[1:]
top = gr.top_block()
source = getattr(zeromq, source_kind)(gr.sizeof_gr_complex, 1, there, 100)
sink = getattr(zeromq, sink_kind)(gr.sizeof_gr_complex, 1, back, 100)
top.connect(source, blocks.multiply_const_cc(2j), sink)
top.start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_all_patterns_are_those_of_gnu_radio(python, pattern):
    there, back = (f"tcp://127.0.0.1:{port}" for port in gnuradio_channel._free_ports(2))
    kinds = {"push-pull": ("pull_source", "push_sink"), "pub-sub": ("sub_source", "pub_sink"),
             "req-rep": ("req_source", "rep_sink")}[pattern]  # fmt: skip
    echo = subprocess.Popen(
        [python, "-c", _ECHO, *kinds, there, back], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert echo.stdout.readline().strip() == "ready"
        rows = torch.randn(1, 30_000, dtype=torch.complex64)
        sink, source = ZMQSink(address=there, pattern=pattern), ZMQSource(address=back, pattern=pattern, samples=20_000)
        taken = []
        reader = threading.Thread(target=lambda: taken.append(source(batch=1)))
        reader.start()
        time.sleep(0.5)
        sink(waveform=Waveform(rows, torch.tensor([30_000])))
        reader.join(15)
        torch.testing.assert_close(taken[0].samples, 2j * rows[:, :20_000])
        sink._sender.close()
        source._receiver.close()
    finally:
        echo.kill()
        echo.wait()
        echo.stdin.close()
        echo.stdout.close()


@pytest.mark.parametrize("name", sorted(path.name for path in GRC.glob("*.grc")))
def test_flowgraphs_of_gnu_radio_companion_compile(python, name, tmp_path):  # noqa: ARG001
    compiler = shutil.which("grcc")
    if compiler is None:
        pytest.skip("no GNU Radio")
    done = subprocess.run(
        [compiler, "-o", tmp_path, GRC / name], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = (tmp_path / name).with_suffix(".py")
    assert made.is_file(), done.stdout + done.stderr
    compile(made.read_text(), name, "exec")
