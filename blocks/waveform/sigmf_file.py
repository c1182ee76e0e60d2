"""SigMF recordings: waveforms as files that other programs read, and theirs as waveforms."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import torch
from torch import Tensor

from linksim.blocks.waveform.extras import radio_package
from linksim.blocks.waveform.filtering import interpolated
from linksim.errors import LinksimError, require
from linksim.version import __version__

DATATYPES = {"cf32_le": np.dtype("<c8"), "ci16_le": np.dtype("<i2")}
FULL_SCALE = 32767
METADATA, DATA = ".sigmf-meta", ".sigmf-data"
MOST_METADATA, MOST_SAMPLES = 16 << 20, 1 << 30
LARGEST_FACTOR = 1000
"""Of the fraction by which a recording is resampled first; what it leaves is met between the samples."""
LARGEST_SCALE, SMALLEST_SCALE = 1e30, 1e-30
UNREAD = ("core:dataset", "core:metadata_only", "core:trailing_bytes")
"""Fields by which the samples would be elsewhere than in the file, or not all of it."""


class RecordingError(LinksimError):
    """A recording cannot be read, or is no recording."""


@dataclass(frozen=True)
class Annotation:
    """A part of a recording: its first sample, its length in samples, and what it is."""

    start: int
    length: int
    label: str


@dataclass(frozen=True)
class Recording:
    """Samples, complex64 [time], in the units in which they were written; Hz; where each capture begins; and the
    annotations."""

    samples: Tensor
    sample_rate: float
    captures: Sequence[int]
    annotations: Sequence[Annotation]


def metadata_path(path: str | Path) -> Path:
    """The metadata's file of a recording, by any of its two names or by what both begin with."""
    path = Path(path)
    return path.with_suffix(METADATA) if path.suffix in (METADATA, DATA) else path.with_name(path.name + METADATA)


def write_recording(path: str | Path, recording: Recording, datatype: str, description: str) -> Path:
    """Write both files of a recording, and return the metadata's path; files that are there are replaced at once.

    `ci16_le` uses the whole range of 16 bits; the scale stands in the metadata. Raises `ParameterError` where the
    datatype is unknown, `RecordingError` where the folder is not there.
    """
    sigmf = radio_package("sigmf")
    require(datatype in DATATYPES, "datatype", f"one of {', '.join(DATATYPES)}", datatype)
    target = metadata_path(path)
    if not target.parent.is_dir():
        raise RecordingError(f"no folder '{target.parent}' to write a recording to")
    data, scale = _encoded(recording.samples, datatype)
    # Both are written aside and then take their places, so that neither is ever half there.
    aside = target.with_name(f".{os.getpid()}-{get_ident()}-{target.stem}")
    aside.with_name(aside.name + DATA).write_bytes(data)
    try:
        made = sigmf.SigMFFile(
            data_file=str(aside.with_name(aside.name + DATA)),
            global_info={
                "core:datatype": datatype,
                "core:sample_rate": recording.sample_rate,
                "core:version": sigmf.__specification__,
                "core:description": description,
                "core:recorder": f"linksim {__version__}",
                "core:extensions": [{"name": "linksim", "version": __version__, "optional": True}],
                "linksim:scale": scale,
            },
        )
        for start in recording.captures:
            made.add_capture(start)
        for part in recording.annotations:
            made.add_annotation(part.start, part.length, {"core:label": part.label})
        aside.with_name(aside.name + METADATA).write_text(made.dumps(pretty=True))
        os.replace(aside.with_name(aside.name + DATA), target.with_suffix(DATA))
        os.replace(aside.with_name(aside.name + METADATA), target)
    finally:
        for kind in (DATA, METADATA):
            aside.with_name(aside.name + kind).unlink(missing_ok=True)
    return target


def _encoded(samples: Tensor, datatype: str) -> tuple[bytes, float]:
    """As bytes, and what a sample must be multiplied with after reading."""
    values = samples.detach().cpu().numpy().astype(np.complex64)
    if datatype == "cf32_le":
        return values.astype(DATATYPES[datatype]).tobytes(), 1.0
    parts = values.view(np.float32)
    largest = float(np.abs(parts).max()) if len(parts) else 0.0
    scale = largest or 1.0
    return np.rint(parts / scale * FULL_SCALE).astype(DATATYPES[datatype]).tobytes(), scale


def read_recording(path: str | Path, sample_rate: float | None = None) -> Recording:
    """Read a recording, and resample it to `sample_rate` where its own differs.

    Raises `RecordingError`, which names the file, where there is none, where its metadata are no valid SigMF or larger
    than 16 MiB, where its datatype is not complex, or its data are cut off.
    """
    target = metadata_path(path)
    file = _opened(target)
    info = file.get_global_info()
    raw = _samples(file, target)
    rate = _number(target, info.get("core:sample_rate"), "sample rate", 1e-3, 1e12)
    raw = raw * np.float32(_number(target, info.get("linksim:scale", 1.0), "scale", SMALLEST_SCALE, LARGEST_SCALE))
    if not np.isfinite(raw).all():
        raise RecordingError(f"'{target.with_suffix(DATA)}' holds samples that are no numbers")
    wanted = rate if sample_rate is None else sample_rate
    ratio, first = wanted / rate, info.get("core:offset", 0)
    if ratio != 1:
        raw = _resampled(target, raw, rate, wanted)
    captures = [round((each["core:sample_start"] - first) * ratio) for each in file.get_captures()]
    annotations = [
        Annotation(
            round((each["core:sample_start"] - first) * ratio),
            round(each.get("core:sample_count", 0) * ratio),
            str(each.get("core:label", "")),
        )
        for each in file.get_annotations()
    ]
    inside = [start for start in captures if 0 <= start < len(raw)] or [0]
    return Recording(torch.from_numpy(raw), wanted, inside, annotations)


def _number(target: Path, value: object, name: str, least: float, most: float) -> float:
    """A number of the metadata. Raises `RecordingError` where it is none, or out of all proportion."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RecordingError(f"'{target}': the {name} is {str(value)[:40]}, not a number in {least:g}..{most:g}")
    return float(value)


def _opened(target: Path) -> Any:
    """The checked metadata. All that the library finds wrong becomes one kind of error."""
    sigmf = radio_package("sigmf")
    if not target.is_file():
        raise RecordingError(f"no recording '{target}'")
    if target.stat().st_size > MOST_METADATA:
        raise RecordingError(f"'{target}' has over {MOST_METADATA >> 20} MiB, which is no metadata of a recording")
    if not target.with_suffix(DATA).is_file():
        raise RecordingError(f"'{target}' is there, but its samples '{target.with_suffix(DATA).name}' are not")
    try:
        file = sigmf.fromfile(str(target), skip_checksum=True, autoscale=False)
        file.validate()
    except RecursionError:
        raise RecordingError(f"'{target}' is no valid SigMF: it is nested too deeply") from None
    except Exception as error:
        raise RecordingError(f"'{target}' is no valid SigMF: {str(error).splitlines()[0][:200]}") from error
    return file


def _samples(file: Any, target: Path) -> np.ndarray:
    """All samples, complex64, whole numbers as fractions of full scale. Raises `RecordingError` on data cut off."""
    info = file.get_global_info()
    kind, channels = str(info.get("core:datatype")), info.get("core:num_channels", 1)
    if not kind.startswith("c") or channels != 1:
        raise RecordingError(f"'{target}' holds {channels} channels of '{kind}'; one of complex samples is read")
    unread = [name for name in UNREAD if info.get(name)]
    if any(each.get("core:header_bytes") for each in file.get_captures()):
        unread.append("core:header_bytes")
    if unread:
        raise RecordingError(f"'{target}' has {', '.join(unread)}, which is not read; its samples must be its file")
    itemsize, size = file.get_sample_size(), target.with_suffix(DATA).stat().st_size
    if size % itemsize:
        raise RecordingError(
            f"'{target.with_suffix(DATA)}' is cut off: {size} bytes are no whole samples of {itemsize}"
        )
    if size == 0 or size // itemsize > MOST_SAMPLES:
        raise RecordingError(f"'{target.with_suffix(DATA)}' holds {size // itemsize} samples; 1 to 2^30 are read")
    first = info.get("core:offset", 0)
    ends = [each["core:sample_start"] - first + each.get("core:sample_count", 0) for each in file.get_annotations()]
    if max(ends, default=0) > size // itemsize:
        raise RecordingError(
            f"'{target.with_suffix(DATA)}' is cut off: it has {size // itemsize} samples, and an annotation ends at"
            f" {max(ends)}"
        )
    data = np.fromfile(target.with_suffix(DATA), dtype=_dtype(kind, target))
    if data.dtype.kind == "c":
        return data.astype(np.complex64)
    full = np.float32(np.iinfo(data.dtype).max)
    parts = data.astype(np.float32)
    if data.dtype.kind == "u":
        parts -= (full + 1) / 2
        full = (full - 1) / 2
    return (parts / full).view(np.complex64)


def _dtype(kind: str, target: Path) -> np.dtype[Any]:
    """NumPy's type of a real or imaginary part, or of a complex number."""
    order = ">" if kind.endswith("_be") else "<"
    names = {
        "cf32": "c8",
        "cf64": "c16",
        "ci32": "i4",
        "ci16": "i2",
        "ci8": "i1",
        "cu32": "u4",
        "cu16": "u2",
        "cu8": "u1",
    }
    name = names.get(kind.split("_", maxsplit=1)[0])
    if name is None:
        raise RecordingError(f"'{target}': samples of the datatype '{kind}' cannot be read")
    return np.dtype(order + name)


def _resampled(target: Path, samples: np.ndarray, rate: float, wanted: float) -> np.ndarray:
    """Samples at another rate. Raises `RecordingError` where it is too far away, or gives too many samples."""
    from scipy.signal import resample_poly

    ratio = Fraction(wanted / rate).limit_denominator(LARGEST_FACTOR)
    if not 1 / LARGEST_FACTOR <= wanted / rate <= LARGEST_FACTOR or ratio == 0:
        raise RecordingError(f"'{target}' has {rate:g} samples per second: too far from {wanted:g} to resample")
    if len(samples) * wanted / rate > MOST_SAMPLES:
        raise RecordingError(f"'{target}' would have over 2^30 samples at {wanted:g} Hz")
    near = resample_poly(samples, ratio.numerator, ratio.denominator).astype(np.complex64)
    left = wanted / rate / float(ratio)
    if abs(left - 1) * len(near) < 1e-3:
        return near
    places = torch.arange(max(int(len(near) * left), 1), dtype=torch.float64) / left
    return interpolated(torch.from_numpy(near)[None], places)[0].numpy()
