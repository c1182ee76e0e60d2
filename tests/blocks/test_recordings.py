"""SigMF recordings: round trips, foreign and hostile files; and files as a channel."""

import json
import math

import numpy as np
import pytest
import sigmf
import torch

from linksim.blocks import BurstBuilder, OverTheAir, PulseShaper, SigMFSink, SigMFSource, Synchroniser
from linksim.blocks.waveform.sigmf_file import DATATYPES, RecordingError, metadata_path, read_recording
from linksim.blocks.waveform.zmq_stream import RadioError
from linksim.errors import LinksimError, ParameterError
from linksim.flowgraphs import bpsk
from linksim.types import Symbols, Waveform


def frames(batch=3, uses=400, seed=1):
    samples = torch.randn(batch, uses, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))
    return Symbols(samples, torch.tensor([uses, uses // 2, 1])[:batch])


def recorded(path, datatype="cf32_le", symbols=None):
    symbols = frames() if symbols is None else symbols
    waveform = PulseShaper()(symbols=BurstBuilder()(symbols=symbols))
    written = SigMFSink(path=str(path), datatype=datatype)(waveform=waveform, frame=symbols)
    return waveform, written


@pytest.mark.parametrize("datatype", DATATYPES)
def test_what_is_written_is_read(tmp_path, datatype):
    waveform, written = recorded(tmp_path / "a.b", datatype)
    assert torch.equal(written, waveform.length)
    read = SigMFSource(path=str(tmp_path / "a.b"))(batch=3)
    assert torch.equal(read.length, waveform.length)
    tolerance = 0 if datatype == "cf32_le" else waveform.samples.abs().max() / 2**15
    torch.testing.assert_close(read.samples, waveform.samples, atol=float(tolerance), rtol=0)


@pytest.mark.parametrize("datatype", DATATYPES)
def test_a_recording_decodes_to_the_same_bits_as_the_waveform(tmp_path, datatype):
    symbols = Symbols(1 - 2 * torch.randint(0, 2, (2, 500)).float() + 0j, torch.tensor([500, 500]))
    waveform, _ = recorded(tmp_path / "bits", datatype, symbols)
    now = Synchroniser()(waveform=waveform).out
    tomorrow = Synchroniser()(waveform=SigMFSource(path=str(tmp_path / "bits"))(batch=2)).out
    assert torch.equal(tomorrow.symbols.samples.real > 0, symbols.samples.real > 0)
    if datatype == "cf32_le":
        assert torch.equal(now.symbols.samples, tomorrow.symbols.samples), "the very same numbers"


def test_the_library_of_the_format_reads_ours_and_finds_the_parts(tmp_path):
    waveform, _ = recorded(tmp_path / "ours")
    theirs = sigmf.fromfile(str(tmp_path / "ours.sigmf-meta"))
    theirs.validate()
    np.testing.assert_array_equal(theirs.read_samples()[: int(waveform.length[0])], waveform.samples[0])
    labels = [each["core:label"] for each in theirs.get_annotations()]
    assert labels == ["preamble", "header", "payload"] * 3
    first = theirs.get_annotations()[0]
    assert first["core:sample_start"] == 32, "the peak of the first pulse"
    assert first["core:sample_count"] == 255 * 4
    assert [each["core:sample_start"] for each in theirs.get_captures()] == [
        0,
        *waveform.length.cumsum(0)[:-1].tolist(),
    ]


def foreign(path, samples, datatype, rate=4e6, **more):
    """A recording that another program might have made."""
    samples.tofile(path.with_suffix(".sigmf-data"))
    metadata = {
        "global": {"core:datatype": datatype, "core:version": "1.0.0", "core:sample_rate": rate, **more},
        "captures": [{"core:sample_start": 0}],
        "annotations": [],
    }
    path.with_suffix(".sigmf-meta").write_text(json.dumps(metadata))


@pytest.mark.parametrize("rate", [1e6, 2.4e6, 10e6, 3_999_987.0, 4_002_000.0, 20_003_000.0])
def test_foreign_rates_are_resampled(tmp_path, rate):
    """A tone keeps its frequency in Hz."""
    t = np.arange(20_000) / rate
    foreign(tmp_path / "tone", np.exp(2j * np.pi * 1e5 * t).astype(np.complex64), "cf32_le", rate)
    read = SigMFSource(path=str(tmp_path / "tone"))(batch=1).samples[0].numpy()
    assert len(read) == pytest.approx(20_000 * 4e6 / rate, abs=2)
    expected = np.exp(2j * np.pi * 1e5 * np.arange(len(read)) / 4e6)
    middle = slice(500, min(len(read), 8000) - 500)
    assert np.abs(read[middle] - expected[middle]).max() < 0.02


@pytest.mark.parametrize(("datatype", "dtype", "scale", "offset"), [
    ("ci16_le", "<i2", 32767, 0), ("ci16_be", ">i2", 32767, 0), ("ci8", "i1", 127, 0), ("cu8", "u1", 127, 128),
    ("cf32_be", ">f4", 1, 0), ("cf64_le", "<f8", 1, 0),
])  # fmt: skip
def test_other_datatypes_are_fractions_of_full_scale(tmp_path, datatype, dtype, scale, offset):
    values = np.array([0.5, -0.25, 0.0, 1.0, -1.0, 0.75])
    stored = values * scale + offset
    foreign(tmp_path / "other", (np.rint(stored) if scale > 1 else stored).astype(dtype), datatype)
    read = read_recording(tmp_path / "other").samples
    assert torch.view_as_real(read).flatten().tolist() == pytest.approx(values.tolist(), abs=0.01)


def cut_data(path):
    data = path.with_suffix(".sigmf-data")
    data.write_bytes(data.read_bytes()[:-3])


def cut_samples(path):
    data = path.with_suffix(".sigmf-data")
    data.write_bytes(data.read_bytes()[:-8000])


def drop_data(path):
    path.with_suffix(".sigmf-data").unlink()


def empty_data(path):
    path.with_suffix(".sigmf-data").write_bytes(b"")


def no_json(path):
    path.with_suffix(".sigmf-meta").write_text("{ nothing")


def binary(path):
    path.with_suffix(".sigmf-meta").write_bytes(bytes(range(256)))


def a_list(path):
    path.with_suffix(".sigmf-meta").write_text("[]")


def deep(path):
    path.with_suffix(".sigmf-meta").write_text("[" * 100_000 + "]" * 100_000)


def huge(path):
    with path.with_suffix(".sigmf-meta").open("r+b") as file:
        file.truncate(20 << 20)


def changed(key, value):
    def change(path):
        meta = path.with_suffix(".sigmf-meta")
        content = json.loads(meta.read_text())
        if value is None:
            del content["global"][key]
        else:
            content["global"][key] = value
        meta.write_text(json.dumps(content))

    change.__name__ = f"{key}={value}"
    return change


def negative_start(path):
    meta = path.with_suffix(".sigmf-meta")
    content = json.loads(meta.read_text())
    content["captures"][0]["core:sample_start"] = -5
    meta.write_text(json.dumps(content))


def not_numbers(path):
    data = np.fromfile(path.with_suffix(".sigmf-data"), "<c8")
    data[7] = np.nan
    data.tofile(path.with_suffix(".sigmf-data"))


def header_bytes(path):
    meta = path.with_suffix(".sigmf-meta")
    content = json.loads(meta.read_text())
    content["captures"][0]["core:header_bytes"] = 80
    meta.write_text(json.dumps(content))


@pytest.mark.parametrize("harm", [
    cut_data, cut_samples, drop_data, empty_data, no_json, binary, a_list, deep, huge, negative_start,
    changed("core:datatype", "rf32_le"), changed("core:datatype", "nonsense"), changed("core:datatype", None),
    changed("core:sample_rate", "fast"), changed("core:sample_rate", -1), changed("core:sample_rate", 1e-9),
    changed("core:num_channels", 2), changed("linksim:scale", "NaN"), changed("linksim:scale", 0),
    changed("linksim:scale", 10**400), changed("linksim:scale", 1e300), changed("linksim:scale", True),
    changed("core:dataset", "other.bin"), changed("core:trailing_bytes", 8), not_numbers, header_bytes,
], ids=lambda harm: harm.__name__)  # fmt: skip
def test_what_is_no_good_recording_is_named(tmp_path, harm):
    recorded(tmp_path / "bad")
    harm(tmp_path / "bad")
    with pytest.raises(RecordingError, match="bad"):
        SigMFSource(path=str(tmp_path / "bad"))(batch=1)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match="no recording"):
        SigMFSource(path=str(tmp_path / "absent"))(batch=1)
    with pytest.raises(RecordingError, match="no folder"):
        recorded(tmp_path / "absent" / "a")
    recorded(tmp_path / "three")
    with pytest.raises(LinksimError, match="3 captures, and 4 frames"):
        SigMFSource(path=str(tmp_path / "three"))(batch=4)
    with pytest.raises(ParameterError, match="datatype"):
        SigMFSink(path="x", datatype="cf16_le")


def test_a_recording_takes_the_place_of_an_older_one_whole(tmp_path):
    recorded(tmp_path / "twice")
    waveform, _ = recorded(tmp_path / "twice", symbols=frames(batch=1, uses=50))
    assert torch.equal(SigMFSource(path=str(tmp_path / "twice"))(batch=1).samples, waveform.samples)
    assert {path.name for path in tmp_path.iterdir()} == {"twice.sigmf-meta", "twice.sigmf-data"}


def test_names_of_both_files_mean_the_recording(tmp_path):
    for name in ("a", "a.sigmf-meta", "a.sigmf-data"):
        assert metadata_path(tmp_path / name) == tmp_path / "a.sigmf-meta"
    assert metadata_path(tmp_path / "v1.2") == tmp_path / "v1.2.sigmf-meta"


# -- files as a channel


def test_over_the_air_by_a_file_gives_every_frame_back(tmp_path):
    fg = bpsk(length=300, channel=OverTheAir(send_to=str(tmp_path / "air"), receive_from=str(tmp_path / "air")))
    run = fg.run(batch=7, snr_db=5.0, seed=1, probe=["channel.lost", "channel.out"])
    assert run["ber"].errors.sum() == 0
    assert run["channel.lost"].errors.sum() == 0
    assert run["channel.out"].overhead.unique().numel() == 1


def test_a_radio_that_records_something_else_is_believed(tmp_path):
    """Other order, one burst twice, one missing, noise between: each frame gets its own burst, or none."""
    sent, back = str(tmp_path / "sent"), str(tmp_path / "back")
    channel = OverTheAir(send_to=sent, receive_from=back)
    fg = bpsk(length=300, channel=channel)
    with pytest.raises(RadioError, match="run this again"):
        fg.run(batch=4, snr_db=20.0, seed=1)
    whole = read_recording(sent).samples
    starts = [each.start for each in read_recording(sent).annotations if each.label == "preamble"]
    edges = [start - 200 for start in starts] + [len(whole)]
    bursts = [whole[edges[i] : edges[i + 1]] for i in range(4)]
    noise = 0.5 * torch.randn(5000, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    stream = torch.cat([noise, bursts[2], noise, bursts[0], bursts[2], noise, bursts[3][:900], noise, bursts[1]])
    SigMFSink(path=back)(waveform=Waveform(stream[None], torch.tensor([len(stream)])))
    run = fg.run(batch=4, snr_db=20.0, seed=1, probe=["channel.lost"])
    assert run["channel.lost"].errors.tolist() == [0, 0, 0, 1], "the last one is cut off"
    assert run["ber"].errors[:3].tolist() == [0, 0, 0]
    assert run["ber"].errors[3] == pytest.approx(150, abs=50)


def test_a_file_without_bursts_loses_every_frame(tmp_path):
    SigMFSink(path=str(tmp_path / "noise"))(
        waveform=Waveform(torch.randn(1, 9000, dtype=torch.complex64), torch.tensor([9000]))
    )
    fg = bpsk(length=100, channel=OverTheAir(send_to=str(tmp_path / "sent"), receive_from=str(tmp_path / "noise")))
    run = fg.run(batch=2, snr_db=5.0, seed=1, probe=["channel.lost", "channel.out"])
    assert run["channel.lost"].errors.tolist() == [1, 1]
    assert (run["channel.out"].overhead > 400).all(), "what was sent is billed"


@pytest.mark.parametrize(("change", "wrong"), [
    ({"send_to": "tcp://127.0.0.1:5555", "receive_from": "file"}, "receive_from"), ({"send_to": ""}, "send_to|receive"),
    ({"send_pattern": "shout"}, "pattern"), ({"receive_pattern": "shout"}, "pattern"),
    ({"noise_voltage": 0.0}, "noise_voltage"), ({"timeout": -1.0}, "timeout"),
    ({"extra": -1}, "extra"), ({"send_to": "http://x", "receive_from": "http://y"}, "address"),
])  # fmt: skip
def test_parameters_that_cannot_be_are_named(change, wrong):
    with pytest.raises(ParameterError, match=wrong):
        OverTheAir(**change)


def test_an_snr_that_is_no_number_is_refused(tmp_path):
    channel = OverTheAir(send_to=str(tmp_path / "a"), receive_from=str(tmp_path / "a"))
    with pytest.raises(LinksimError, match="NaN"):
        channel(symbols=frames(), snr_db=torch.full((3,), math.nan))


def test_a_recording_of_other_frames_is_no_answer(tmp_path):
    """The number in the field comes from the frames: yesterday's bursts are erasures, not today's bits."""
    air = str(tmp_path / "air")
    bpsk(length=300, channel=OverTheAir(send_to=air, receive_from=air)).run(batch=2, snr_db=5.0, seed=1)
    later = bpsk(length=300, channel=OverTheAir(send_to=str(tmp_path / "new"), receive_from=air))
    assert later.run(batch=2, snr_db=5.0, seed=1, probe=["channel.lost"])["channel.lost"].errors.tolist() == [0, 0]
    run = later.run(batch=2, snr_db=5.0, seed=2, probe=["channel.lost"])
    assert run["channel.lost"].errors.tolist() == [1, 1]


def test_a_burst_of_another_length_is_no_answer(tmp_path):
    channel = OverTheAir(send_to=str(tmp_path / "a"), receive_from=str(tmp_path / "a"))
    sent, other = frames(batch=1, uses=300), frames(batch=1, uses=200)
    channel(symbols=sent, snr_db=torch.tensor([20.0]))
    from linksim.blocks.waveform import over_the_air

    number = over_the_air._fingerprint(sent)
    waveform = PulseShaper()(symbols=BurstBuilder()(symbols=other, number=torch.tensor([number])))
    SigMFSink(path=str(tmp_path / "b"))(waveform=waveform)
    channel = OverTheAir(send_to=str(tmp_path / "c"), receive_from=str(tmp_path / "b"))
    assert channel(symbols=sent, snr_db=torch.tensor([20.0])).lost.errors.tolist() == [1]


def test_delays_count_from_the_recordings_first_sample(tmp_path):
    channel = OverTheAir(send_to=str(tmp_path / "a"), receive_from=str(tmp_path / "a"))
    out = channel(symbols=frames(batch=2, uses=400), snr_db=torch.tensor([20.0, 20.0]))
    starts = [each.start for each in read_recording(tmp_path / "a").annotations if each.label == "preamble"]
    assert out.estimates.delay.tolist() == pytest.approx(starts, abs=0.1)


def test_a_part_of_a_longer_recording_is_read(tmp_path):
    recorded(tmp_path / "part")
    meta = tmp_path / "part.sigmf-meta"
    content = json.loads(meta.read_text())
    content["global"]["core:offset"] = 100_000
    for each in (*content["captures"], *content["annotations"]):
        each["core:sample_start"] += 100_000
    meta.write_text(json.dumps(content))
    read = read_recording(tmp_path / "part")
    assert next(iter(read.captures)) == 0
    assert len(read.captures) == 3
    assert read.annotations[0].start == 32


def test_what_the_sink_cannot_annotate_is_refused(tmp_path):
    symbols = frames()
    waveform = PulseShaper(samples_per_symbol=2)(symbols=BurstBuilder()(symbols=symbols))
    with pytest.raises(LinksimError, match="leave `frame` out"):
        SigMFSink(path=str(tmp_path / "x"))(waveform=waveform, frame=symbols)
    with pytest.raises(LinksimError, match="frame 1 has none"):
        SigMFSink(path=str(tmp_path / "x"))(waveform=Waveform(torch.ones(2, 9) + 0j, torch.tensor([4, 0])))
    assert not list(tmp_path.iterdir())
