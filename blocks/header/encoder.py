"""The header's transmitter."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linksim.block import Block
from linksim.blocks.header.body import body_code, encode_body, pack_body, told_content
from linksim.blocks.header.preamble import LONG, Form, Preamble, encode_preamble, form_of, power_code
from linksim.blocks.rate.rate_set import RateSet, levels_of, rate_set_id, rate_values
from linksim.errors import DimensionError, require
from linksim.types import PATCH, Lengths, Loading, Power, Size, Symbols


class HeaderEncoder(Block):
    """Everything the receiver must know about a picture, as BPSK symbols of unit power.

    Two parts. A preamble: picture size, id of V, power, length of the rest; CRC-16, 704 uses at rate 1/8, for pictures
    of under 1024 patches 264 uses at rate 1/4. Then the rate map, with the power loading if one is given: range-coded
    with an adaptive context model, CRC-24, 5G LDPC at `code_rate`, length from a fixed grid. Where `content`, the
    lengths that the content alone would have got, is given and differs from the rate map, it goes before it.

    Shapes: lengths and content [batch, rows, cols] in V; size [batch, 2] in pixels; power [batch]; loading
    [batch, levels, 2] in dB; out.samples [batch, uses] complex, out.length [batch]. Hard bits: no gradient.
    Source: 3GPP TS 38.212 for CRC and LDPC; SA-OOSC, footnote 5, for the need.

    Raises:
        ParameterError: `code_rate` is not in 0.2..0.9, the set is unknown, or a length is not in it.
        DimensionError: the map does not have the patches of a picture of that size.

    >>> lengths = torch.full((1, 2, 2), 8)
    >>> size, power = torch.tensor([[32, 32]]), torch.tensor([1.0])
    >>> HeaderEncoder()(lengths=lengths, size=size, power=power).length.tolist()
    [376]
    """

    def __init__(self, *, code_rate: float = 0.5, rate_set: RateSet = "default") -> None:
        super().__init__()
        require(0.2 <= code_rate <= 0.9, "code_rate", "in 0.2..0.9", code_rate)
        self.code_rate = code_rate
        self.values = rate_values(rate_set)

    def forward(
        self,
        lengths: Lengths,
        size: Size,
        power: Power,
        loading: Loading | None = None,
        content: Lengths | None = None,
    ) -> Symbols:
        patches = -(-size // PATCH)
        if not bool((patches == torch.tensor(lengths.shape[1:], device=size.device)).all()):
            rows, cols = lengths.shape[1:]
            raise DimensionError(f"'lengths' has {rows}x{cols} patches, but 'size' says {patches[0].tolist()}")
        levels = self._levels(lengths)
        loadings = [None] * len(levels) if loading is None else list(loading.detach().cpu())
        contents = [None] * len(levels) if content is None else self._levels(content)
        told = [told_content(*each) for each in zip(levels, contents, strict=True)]
        bodies = [
            pack_body(each, len(self.values), extra, other)
            for each, extra, other in zip(levels, loadings, told, strict=True)
        ]
        grid = torch.tensor([index for _, index in bodies])
        flags = torch.tensor([each is not None for each in told]).long()
        coded: list[Tensor] = []
        for i, (bits, index) in enumerate(bodies):
            form = self._form(levels[i].shape, index, power[i].detach().cpu())
            loaded = loading is not None
            preamble = self._preamble(form, size[i].cpu(), power[i].detach().cpu(), grid[i], loaded, flags[i])
            body = encode_body(bits[None], preamble, body_code(index, self.code_rate))
            coded.append(torch.cat([encode_preamble(preamble, form), body], 1)[0])
        length = torch.tensor([len(row) for row in coded])
        bits = torch.nn.utils.rnn.pad_sequence(coded, batch_first=True)
        samples = (1.0 - 2.0 * bits.float()) * (torch.arange(bits.shape[1]) < length[:, None])
        return Symbols(samples.to(torch.complex64).to(lengths.device), length.to(lengths.device))

    def _levels(self, lengths: Tensor) -> list[NDArray[np.int64]]:
        return list(levels_of(lengths.cpu(), torch.tensor(self.values)).numpy())

    def _form(self, shape: Sequence[int], grid: int, power: Tensor) -> Form:
        form = form_of(shape[0], shape[1], grid, self.code_rate)
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
