"""OFDM as a waveform: symbols on subcarriers with training and pilots."""

import torch

from linksim.block import Block
from linksim.blocks.sionna.ofdm_channel import PILOT_SYMBOLS, SYMBOLS_PER_SLOT
from linksim.blocks.waveform.burst import check_frames, field_symbols
from linksim.blocks.waveform.ofdm_frame import OFDMFrame
from linksim.types import Symbols, Waveform

FFT_SIZE, GUARD, CYCLIC_PREFIX, OVERSAMPLING = 256, 8, 20, 2


class PilotOFDM(Block):
    """Each frame as an OFDM burst: two training symbols, then slots of 14 OFDM symbols as `OFDMChannel` has them.

    The first data elements carry the frame's number and length, coded as in `BurstBuilder`. OFDM symbols 2 and 11 of a
    slot are pilots. The mean power over all channel uses is 1, that of a sample 1 / oversampling; noise of variance N0
    per sample is N0 on each subcarrier. The first sample is that of the first prefix.

    Args:
        fft_size: subcarriers, of which `guard` at each edge stay empty.
        guard: at least 1.
        cyclic_prefix: channel uses before each OFDM symbol.
        oversampling: samples per channel use, 2, 4 or 8.

    Shapes: symbols.samples [batch, uses]; out.samples [batch, samples of the longest burst]. Gradients pass.
    Source: Schmidl and Cox, IEEE Trans. Commun. 1997 (training); 3GPP TS 38.211 (slots).

    Raises:
        ParameterError: a parameter is out of range, a frame has over 2^24 - 1 symbols, or the batch over 2^16 frames.

    >>> waveform = PilotOFDM()(symbols=Symbols(torch.ones(1, 1000) + 0j, torch.tensor([1000])))
    >>> waveform.length.tolist()
    [8832]
    """

    def __init__(
        self,
        *,
        fft_size: int = FFT_SIZE,
        guard: int = GUARD,
        cyclic_prefix: int = CYCLIC_PREFIX,
        oversampling: int = OVERSAMPLING,
    ) -> None:
        super().__init__()
        self.frame = OFDMFrame(fft_size, guard, cyclic_prefix, oversampling)

    def forward(self, symbols: Symbols) -> Waveform:
        frame, sent, length = self.frame, symbols.samples, symbols.length
        batch = len(sent)
        check_frames(batch, sent.shape[1])
        data = torch.cat([field_symbols(torch.arange(batch), length, sent), sent * symbols.mask], 1)
        slots = int(frame.slots(torch.tensor(sent.shape[1])))
        padded = torch.nn.functional.pad(data, (0, slots * frame.per_slot - data.shape[1]))
        grid = sent.new_zeros(batch, slots, SYMBOLS_PER_SLOT, frame.active)
        places = torch.tensor(frame.data_symbols(), device=sent.device)
        grid = grid.index_copy(2, places, padded.view(batch, slots, len(places), frame.active))
        pilots = frame.pilots(slots).to(sent).expand(batch, -1, -1, -1)
        grid = grid.index_copy(2, torch.tensor(PILOT_SYMBOLS, device=sent.device), pilots)
        training = frame.training().to(sent).expand(batch, -1, -1)
        samples = frame.modulated(torch.cat([training, grid.flatten(1, 2)], 1))
        waveform = Waveform(samples, frame.symbols(length) * frame.uses_per_symbol * frame.oversampling)
        return Waveform(samples * waveform.mask, waveform.length)
