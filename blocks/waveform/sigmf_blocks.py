"""Blocks that write and read SigMF recordings."""

import math
from pathlib import Path

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.waveform.burst import BurstLayout
from linksim.blocks.waveform.oscillator_impairments import SAMPLE_RATE
from linksim.blocks.waveform.pulse import SAMPLES_PER_SYMBOL, SPAN
from linksim.blocks.waveform.sigmf_file import DATATYPES, Annotation, Recording, read_recording, write_recording
from linksim.errors import LinksimError, require
from linksim.types import Symbols, Uses, Waveform


class SigMFSink(Block):
    """Write waveforms to a SigMF recording, one capture per frame.

    Where the frames are given too, the bursts' preambles, fields and payloads are annotated, as a `BurstBuilder` and a
    `PulseShaper` with default settings lay them out. The annotations tell a reader what stands where; the field tells
    the receiver the same, so nothing is given away.

    Args:
        path: of the recording; .sigmf-meta and .sigmf-data are added. What is there is replaced.
        datatype: "cf32_le", or "ci16_le", which keeps 16 bits of each part.
        sample_rate: in Hz.

    Shapes: waveform.samples [batch, time]; frame.samples [batch, uses]; out [batch], the samples written. No gradient
    passes. Source: the SigMF specification 1.2. Needs the extra `radio`.

    Raises:
        ParameterError: a parameter is out of range.
        RecordingError: there is no such folder.
        LinksimError: a frame has no samples, or is annotated though it is not what the default blocks make.

    >>> SigMFSink(path="recording", datatype="ci16_le").datatype
    'ci16_le'
    """

    def __init__(self, *, path: str = "recording", datatype: str = "cf32_le", sample_rate: float = SAMPLE_RATE) -> None:
        super().__init__()
        require(path != "", "path", "the name of a recording", path)
        require(datatype in DATATYPES, "datatype", f"one of {', '.join(DATATYPES)}", datatype)
        require(0 < sample_rate < math.inf, "sample_rate", "a positive number of Hz", sample_rate)
        self.path, self.datatype, self.sample_rate = path, datatype, sample_rate

    def forward(self, waveform: Waveform, frame: Symbols | None = None) -> Uses:
        lengths = waveform.length.tolist()
        if 0 in lengths:
            raise LinksimError(f"a recording has no captures without samples (frame {lengths.index(0)} has none)")
        rows = [row[:length] for row, length in zip(waveform.samples, lengths, strict=True)]
        starts = [sum(lengths[:row]) for row in range(len(lengths))]
        parts: list[Annotation] = []
        if frame is not None:
            _check_shaped(waveform, frame)
            for start, length in zip(starts, frame.length.tolist(), strict=True):
                parts += burst_annotations(start, length)
        recording = Recording(torch.cat(rows), self.sample_rate, starts, parts)
        write_recording(Path(self.path), recording, self.datatype, "bursts of linksim")
        return waveform.length


def _check_shaped(waveform: Waveform, frame: Symbols) -> None:
    """Raise `LinksimError` unless the waveform is as long as the default burst and pulses make it."""
    layout = BurstLayout()
    uses = layout.uses(frame.length + layout.field_uses)
    expected = (uses - 1 + SPAN) * SAMPLES_PER_SYMBOL + 1
    if not torch.equal(waveform.length.cpu(), expected.cpu()):
        raise LinksimError(
            f"bursts of {frame.length.tolist()[:3]} symbols have {expected.tolist()[:3]} samples, and these have"
            f" {waveform.length.tolist()[:3]}: leave `frame` out, and nothing is annotated"
        )


def burst_annotations(start: int, length: int) -> list[Annotation]:
    """The parts of the burst of a frame of so many symbols, whose waveform begins at a sample."""
    layout, step = BurstLayout(), SAMPLES_PER_SYMBOL
    peak = start + SPAN // 2 * step
    end = int(layout.uses(torch.tensor(length + layout.field_uses)))
    header, payload = layout.preamble_length, layout.preamble_length + layout.field_uses
    return [
        Annotation(peak, layout.preamble_length * step, "preamble"),
        Annotation(peak + header * step, layout.field_uses * step, "header"),
        Annotation(peak + payload * step, (end - payload) * step, "payload"),
    ]


class SigMFSource(Block):
    """Read waveforms from a SigMF recording: the first captures, one per frame, as many as the batch asks for.

    Args:
        path: of the recording, with or without .sigmf-meta.
        sample_rate: in Hz; a recording with another rate is resampled. None takes it as it is.

    Shapes: out.samples [batch, time of the longest capture] complex64.
    Source: the SigMF specification 1.2; resampling: scipy. Needs the extra `radio`.

    Raises:
        ParameterError: a parameter is out of range.
        RecordingError: there is no such recording, it is no valid SigMF, or its data are cut off.
        LinksimError: it has fewer captures than the batch.

    >>> SigMFSource(path="recording").sample_rate
    4000000.0
    """

    def __init__(self, *, path: str = "recording", sample_rate: float | None = SAMPLE_RATE) -> None:
        super().__init__()
        require(path != "", "path", "the name of a recording", path)
        require(sample_rate is None or 0 < sample_rate < math.inf, "sample_rate", "a positive number of Hz, or None",
                sample_rate)  # fmt: skip
        self.path, self.sample_rate = path, sample_rate

    def forward(self, batch: int) -> Waveform:
        recording = read_recording(self.path, self.sample_rate)
        starts = [*recording.captures, len(recording.samples)]
        if batch > len(starts) - 1:
            raise LinksimError(f"'{self.path}' has {len(starts) - 1} captures, and {batch} frames are asked for")
        rows: list[Tensor] = [recording.samples[starts[i] : starts[i + 1]] for i in range(batch)]
        length = torch.tensor([len(row) for row in rows], device=self.device)
        return Waveform(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(self.device), length)
