"""The receiver of OFDM bursts."""

from types import MappingProxyType

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.waveform import ofdm_reader as reader
from linksim.blocks.waveform.burst import decode_field, field_uses
from linksim.blocks.waveform.detection import search
from linksim.blocks.waveform.frames import ReadRows, billed, put_together
from linksim.blocks.waveform.ofdm_frame import OFDMFrame
from linksim.blocks.waveform.pilot_ofdm import CYCLIC_PREFIX, FFT_SIZE, GUARD, OVERSAMPLING
from linksim.blocks.waveform.synchroniser import Synchronised
from linksim.errors import require
from linksim.types import Symbols, Waveform


class OFDMSynchroniser(Block):
    """Find the OFDM burst in each row of a waveform, and bring its frame's symbols back.

    A normalised correlation with the training symbols finds it. The equal halves of the first give the fractional
    frequency offset, both together the integer one and the timing; pilots then tell clock and frequency over the whole
    burst, and the channel's factors by linear MMSE over frequency. Symbols, `gain`, `noise_variance`, erasures and bill
    are as of `Synchroniser`; the estimates' delay is that of the first prefix, and their frequency is in cycles per
    channel use.

    Args:
        fft_size, guard, cyclic_prefix, oversampling: as the `PilotOFDM` that sent.
        largest_frequency_offset: in subcarrier spacings, that is searched.
        false_alarm: the probability that noise in one row is taken for a burst; its field is then checked by CRC-16.

    Shapes: waveform.samples [batch, time]; like: as of `Synchroniser`; out.symbols.samples [batch, most uses];
    estimates [batch]. Estimates have no gradient; one passes from the output symbols to the samples.
    Source: Schmidl and Cox, IEEE Trans. Commun. 1997; see `linksim.blocks.waveform.ofdm_reader`.

    Raises:
        ParameterError: a parameter is out of range.

    >>> from linksim.blocks.waveform import PilotOFDM
    >>> sent = PilotOFDM()(symbols=Symbols(torch.ones(1, 100) * 1j, torch.tensor([100])))
    >>> received = OFDMSynchroniser()(waveform=sent).out
    >>> received.symbols.length.tolist(), received.overhead.tolist()
    ([100], [4316])
    """

    labels = MappingProxyType({"csi": "estimated"})

    def __init__(
        self,
        *,
        fft_size: int = FFT_SIZE,
        guard: int = GUARD,
        cyclic_prefix: int = CYCLIC_PREFIX,
        oversampling: int = OVERSAMPLING,
        largest_frequency_offset: int = 4,
        false_alarm: float = 1e-6,
    ) -> None:
        super().__init__()
        self.frame = OFDMFrame(fft_size, guard, cyclic_prefix, oversampling)
        offset, most = largest_frequency_offset, fft_size // 4
        require(1 <= offset <= most, "largest_frequency_offset", f"in 1..{most} subcarriers", offset)
        require(0 < false_alarm < 1, "false_alarm", "in (0, 1)", false_alarm)
        self.largest_frequency_offset, self.false_alarm = offset, false_alarm

    def forward(self, waveform: Waveform, like: Symbols | None = None) -> Synchronised:
        samples, frame = waveform.samples * waveform.mask, self.frame
        with torch.no_grad():
            training = frame.modulated(frame.training()[None])[0]
            found = search(samples, training, 1, self.largest_frequency_offset / frame.window, self.false_alarm)
            best, place = found.correlation.max(1)
        width = None if like is None else like.samples.shape[1]
        length, read = self._read(samples, waveform.length, place, best > found.threshold, width)
        overhead = torch.where(length > 0, frame.overhead(length), 0)
        received, estimates = put_together(samples, length, overhead, read, width)
        if like is not None:
            received = billed(received, frame.overhead(like.length), estimates.found)
        return Synchronised(received, estimates)

    def _read(
        self, samples: Tensor, time: Tensor, place: Tensor, found: Tensor, width: int | None
    ) -> tuple[Tensor, ReadRows | None]:
        """The frames' lengths, 0 for erasures, and what was read."""
        frame, length, rows = self.frame, torch.zeros_like(place), found.nonzero()[:, 0]
        if len(rows) == 0:
            return length, None
        with torch.no_grad():
            track = reader.from_training(frame, samples[rows], place[rows], self.largest_frequency_offset)
            track = reader.followed(frame, samples[rows], track, torch.ones_like(rows))
            field = reader.taken(frame, samples[rows], track, 1, 0, torch.full_like(rows, field_uses()))
            llrs = -4 * (field.samples * field.gain).real / field.noise_variance
            _, told, good = (each.to(rows.device) for each in decode_field(llrs.float().cpu()))
        ends = track.start + frame.symbols(told) * (frame.window + frame.prefix)
        good &= (ends <= time[rows] + frame.prefix / 4) & (told <= (told if width is None else width))
        length[rows] = told * good
        rows, track = rows[good], reader.OFDMTrack(*(each[good] for each in track))
        if len(rows) == 0:
            return length, None
        slots = frame.slots(length[rows])
        with torch.no_grad():
            track = reader.followed(frame, samples[rows], track, slots)
        taken = reader.taken(frame, samples[rows], track, int(slots.max()), field_uses(), length[rows])
        return length, (rows, taken, reader.estimates(frame, samples[rows].detach(), track, taken.snr, slots))
