"""The header's first part: one of two fixed lengths, tells how to read the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.header.fec import RobustCode, crc_bits
from linksim.errors import ParameterError

CHECK, CHECK_BITS = "CRC16", 16


@dataclass(frozen=True)
class Form:
    """How a preamble is laid out and coded; the receiver tries both.

    Bits per field: `grid` is the length of the second part on a fixed grid, `loaded` whether it begins with a loading,
    `told` whether the map of what the content alone would get stands before the rate map. A power is a logarithmic
    number, `power_steps` to the octave, 1 in the middle.
    """

    fields: Mapping[str, int]
    information_bits: int
    power_steps: int
    code: RobustCode

    @property
    def uses(self) -> int:
        """Channel uses, one per coded bit."""
        return self.code.n

    @property
    def largest_power(self) -> int:
        """As a number."""
        return (1 << self.fields["power"]) - 1


LONG = Form(
    {"height": 16, "width": 16, "rate_set": 8, "power": 16, "grid": 10, "loaded": 1, "told": 1},
    72,
    1024,
    RobustCode(72 + CHECK_BITS, code_rate=1 / 4, repetition=2),
)
"""For all pictures: rate 1/8, 704 uses."""
SHORT = Form(
    {"height": 10, "width": 10, "rate_set": 8, "power": 13, "grid": 7, "loaded": 1, "told": 1},
    50,
    512,
    RobustCode(50 + CHECK_BITS, code_rate=1 / 4),
)
"""For small pictures: rate 1/4, 264 uses. The second part, in QPSK, at a code rate of `MIN_SHORT_CODE_RATE` or more is
lost at an SNR at which this is not yet, so that nothing is lost by it."""
FORMS = (LONG, SHORT)
PREAMBLE_USES = LONG.uses
MAX_SHORT_PATCHES, MAX_SHORT_EDGE = 1024, 32
"""In patches of 16x16: of fewer in all, and at most so many in a row or column, is a small picture."""
MIN_SHORT_CODE_RATE = 0.25
"""Of the second part: a slower code is asked for where the channel is worse than `SHORT` is made for."""


@dataclass(frozen=True)
class Preamble:
    """The fields as int64 [batch]; `power` is the code number, see `power_code`."""

    height: Tensor
    width: Tensor
    rate_set: Tensor
    power: Tensor
    grid: Tensor
    loaded: Tensor
    told: Tensor

    def pack(self, form: Form = LONG) -> Tensor:
        """uint8 [batch, information bits]. Raises `ParameterError` where a field does not fit its bits."""
        columns: list[Tensor] = []
        for name, width in form.fields.items():
            value: Tensor = getattr(self, name)
            if bool((value < 0).any()) or bool((value >= 1 << width).any()):
                raise ParameterError(f"'{name}' must fit {width} bits of the header (got {value.max().item()})")
            columns.append(to_bits(value, width))
        packed = torch.cat(columns, 1)
        return torch.nn.functional.pad(packed, (0, form.information_bits - packed.shape[1]))

    @staticmethod
    def unpack(bits: Tensor, form: Form = LONG) -> "Preamble":
        """The inverse of `pack`."""
        widths = list(form.fields.values())
        return Preamble(*[from_bits(field) for field in bits[:, : sum(widths)].split(widths, 1)])


def form_of(rows: int, cols: int, grid: int, code_rate: float) -> Form:
    """The form for a picture of so many patches, with a second part of this length on the grid and this code rate."""
    small = rows * cols < MAX_SHORT_PATCHES and max(rows, cols) <= MAX_SHORT_EDGE
    fits = grid < 1 << SHORT.fields["grid"]
    return SHORT if small and fits and code_rate >= MIN_SHORT_CODE_RATE else LONG


def power_code(power: Tensor, form: Form = LONG) -> Tensor:
    """A power as a whole number, logarithmic: of `LONG`, steps of 2^(1/1024), 2^-32 to 2^32."""
    middle = 1 << (form.fields["power"] - 1)
    steps = (power.double().clamp_min(1e-30).log2() * form.power_steps).round().long() + middle
    return steps.clamp(0, form.largest_power)


def power_value(code: Tensor, form: Form = LONG) -> Tensor:
    """The inverse of `power_code`, float32."""
    middle = 1 << (form.fields["power"] - 1)
    return torch.exp2((code.double() - middle) / form.power_steps).float()


def encode_preamble(information: Tensor, form: Form = LONG) -> Tensor:
    """uint8 [batch, information bits] to coded bits uint8 [batch, uses]."""
    return form.code.encode(torch.cat([information, crc_bits(information, CHECK)], 1))


def decode_preamble(llrs: Tensor, form: Form = LONG) -> tuple[Tensor, Tensor]:
    """LLRs [batch, uses] to (information bits, whether the CRC holds, bool [batch])."""

    def holds(decided: Tensor, _frames: Tensor) -> Tensor:
        information, check = decided[:, : form.information_bits], decided[:, form.information_bits :]
        # The all-zero word passes any linear CRC; no picture has size zero, so it is refused here.
        height, width = form.fields["height"], form.fields["width"]
        sized = (information[:, :height] != 0).any(1) & (information[:, height : height + width] != 0).any(1)
        return (crc_bits(information, CHECK) == check).all(1) & sized

    decided, good = form.code.decode(llrs, holds)
    return decided[:, : form.information_bits], good
