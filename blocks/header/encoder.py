"""The header's transmitter."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.body import body_code, encode_body, even, pack_body, signalled_base_rate
from linksim.blocks.header.code_rate import CodeRate, checked_code_rate, chosen_code_rate
from linksim.blocks.header.preamble import LONG, Form, Preamble, encode_preamble, form_of, power_code
from linksim.blocks.modulation.bpsk import BPSKMapper
from linksim.blocks.modulation.qpsk import QPSKMapper
from linksim.blocks.rate_set import RateSet, levels_of, rate_set_id, rate_values
from linksim.errors import DimensionError
from linksim.types import ChannelMask, Decibels, Lengths, Power, PowerLoading, Size, Symbols, patches_of


class HeaderEncoder(Block):
    """Everything the receiver must know about a picture, as symbols of unit power, BPSK and QPSK.

    Two parts. A preamble in BPSK: picture size, id of V, power, length of the rest; CRC-16, 704 uses at rate 1/8, for
    pictures of under 1024 patches, at most 32 along a side, 264 uses at rate 1/4. Then, in QPSK, the rate map, with the
    power loading if one is given: range-coded with an adaptive context model, CRC-24, 5G LDPC at `code_rate`,
    length from a fixed grid. Where `base_rate`, the lengths that the content alone would have got, is given and differs
    from the rate map, it goes before it; before both goes the mask of the channels that are sent, where `channels` is
    given.

    `code_rate` "auto" codes the second part at 0.9 from a mean SNR of 11.5 dB on, at 0.8 from 9 dB, at 2/3 from 6.5 dB,
    at 0.5 from 4 dB, and else at 0.25: so over AWGN; where the channel is `fading`, or the port `snr_db` is not
    connected, at 0.25. The decoder finds out.

    Shapes: lengths and base_rate [batch, rows, cols] in V; size [batch, 2] in pixels; power [batch]; loading
    [batch, levels, 2] in dB; channels [batch, channels], a bit for each; snr_db [batch], the mean SNR; out.samples
    [batch, uses] complex, out.length [batch]. Hard bits: no gradient.
    Source: 3GPP TS 38.212 for CRC and LDPC; SA-OOSC, footnote 5, for the need.

    Raises:
        ParameterError: `code_rate` is neither "auto" nor in 0.1..0.9, the set is unknown, or a length is not in it.
        DimensionError: the map does not have the patches of a picture of that size.

    >>> lengths = torch.full((1, 2, 2), 8)
    >>> size, power = torch.tensor([[32, 32]]), torch.tensor([1.0])
    >>> HeaderEncoder()(lengths=lengths, size=size, power=power).length.tolist()
    [376]
    """

    def __init__(self, *, code_rate: CodeRate = "auto", rate_set: RateSet = "default", fading: bool = True) -> None:
        super().__init__()
        self.code_rate: CodeRate = checked_code_rate(code_rate)
        self.fading = fading
        self.values = rate_values(rate_set)
        self.front, self.rest = BPSKMapper(), QPSKMapper()

    def forward(
        self,
        lengths: Lengths,
        size: Size,
        power: Power,
        power_loading: PowerLoading | None = None,
        base_rate: Lengths | None = None,
        snr_db: Decibels | None = None,
        channels: ChannelMask | None = None,
    ) -> Symbols:
        patches = patches_of(size)
        if not bool((patches == torch.tensor(lengths.shape[1:], device=size.device)).all()):
            rows, cols = lengths.shape[1:]
            raise DimensionError(f"'lengths' has {rows}x{cols} patches, but 'size' says {patches[0].tolist()}")
        levels = self._levels(lengths)
        power_loadings = [None] * len(levels) if power_loading is None else list(power_loading.detach().cpu())
        base_rates = [None] * len(levels) if base_rate is None else self._levels(base_rate)
        told = [signalled_base_rate(*each) for each in zip(levels, base_rates, strict=True)]
        masks = [None] * len(levels) if channels is None else list(channels.cpu())
        bodies = [
            pack_body(each, len(self.values), extra, other, mask)
            for each, extra, other, mask in zip(levels, power_loadings, told, masks, strict=True)
        ]
        grid = torch.tensor([index for _, index in bodies])
        flags = torch.tensor([each is not None for each in told]).long()
        sent: list[Tensor] = []
        for i, (bits, index) in enumerate(bodies):
            mean_snr = None if snr_db is None else float(snr_db[i].detach())
            code_rate = chosen_code_rate(self.code_rate, mean_snr, fading=self.fading)
            form = self._form(levels[i].shape, index, power[i].detach().cpu(), code_rate)
            loaded = power_loading is not None
            preamble = self._preamble(form, size[i].cpu(), power[i].detach().cpu(), grid[i], loaded, flags[i])
            masked = 0 if channels is None else channels.shape[1]
            body = encode_body(bits[None], preamble, body_code(index, code_rate), masked)
            parts = (self.front(bits=encode_preamble(preamble, form)), self.rest(bits=even(body)))
            sent.append(torch.cat([part.samples for part in parts], 1)[0])
        length = torch.tensor([len(row) for row in sent])
        samples = torch.nn.utils.rnn.pad_sequence(sent, batch_first=True)
        return Symbols(samples.to(torch.complex64).to(lengths.device), length.to(lengths.device))

    def _levels(self, lengths: Tensor) -> list[NDArray[np.int64]]:
        return list(levels_of(lengths.cpu(), torch.tensor(self.values)).numpy())

    @staticmethod
    def _form(shape: Sequence[int], grid: int, power: Tensor, code_rate: float) -> Form:
        form = form_of(shape[0], shape[1], grid, code_rate)
        # What lies at an end of the short form's scale may lie beyond it.
        return LONG if int(power_code(power, form)) in (0, form.largest_power) else form

    def _preamble(self, form: Form, size: Tensor, power: Tensor, grid: Tensor, loaded: bool, told: Tensor) -> Tensor:
        fields = {
            "height": size[0],
            "width": size[1],
            "rate_set": torch.tensor(rate_set_id(self.values)),
            "power": power_code(power, form),
            "grid": grid,
            "loaded": torch.tensor(int(loaded)),
            "told": told,
        }
        return Preamble(**{name: value[None] for name, value in fields.items()}).pack(form)
