"""The header's first part: fixed length, coded at rate 1/8, tells how to read the rest."""

from dataclasses import dataclass

import torch
from torch import Tensor

from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.header.fec import RobustCode, crc_bits
from linksim.errors import ParameterError

FIELDS = {"height": 16, "width": 16, "rate_set": 8, "power": 16, "grid": 10, "loaded": 1, "told": 1}
"""Bits per field; `grid` is the length of the second part on a fixed grid, `loaded` whether it begins with a
loading, `told` whether the map of what the content alone would get stands before the rate map."""
INFORMATION_BITS = 72
CHECK = "CRC16"
CODE = RobustCode(INFORMATION_BITS + 16, code_rate=1 / 4, repetition=2)
PREAMBLE_USES = CODE.n

POWER_STEPS = 1024
POWER_OFFSET = 1 << 15


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

    def pack(self) -> Tensor:
        """uint8 [batch, 72]. Raises `ParameterError` where a field does not fit its bits."""
        columns: list[Tensor] = []
        for name, width in FIELDS.items():
            value: Tensor = getattr(self, name)
            if bool((value < 0).any()) or bool((value >= 1 << width).any()):
                raise ParameterError(f"'{name}' must fit {width} bits of the header (got {value.max().item()})")
            columns.append(to_bits(value, width))
        packed = torch.cat(columns, 1)
        return torch.nn.functional.pad(packed, (0, INFORMATION_BITS - packed.shape[1]))

    @staticmethod
    def unpack(bits: Tensor) -> "Preamble":
        """The inverse of `pack`."""
        fields = bits[:, : sum(FIELDS.values())].split(list(FIELDS.values()), 1)
        return Preamble(*[from_bits(field) for field in fields])


def power_code(power: Tensor) -> Tensor:
    """A power as a 16-bit number, logarithmic: steps of 2^(1/1024), 2^-32 to 2^32."""
    steps = (power.double().clamp_min(1e-30).log2() * POWER_STEPS).round().long() + POWER_OFFSET
    return steps.clamp(0, (1 << 16) - 1)


def power_value(code: Tensor) -> Tensor:
    """The inverse of `power_code`, float32."""
    return torch.exp2((code.double() - POWER_OFFSET) / POWER_STEPS).float()


def encode_preamble(information: Tensor) -> Tensor:
    """uint8 [batch, 72] to coded bits uint8 [batch, PREAMBLE_USES]."""
    return CODE.encode(torch.cat([information, crc_bits(information, CHECK)], 1))


def decode_preamble(llrs: Tensor) -> tuple[Tensor, Tensor]:
    """LLRs [batch, PREAMBLE_USES] to (information bits [batch, 72], whether the CRC holds, bool [batch])."""
    decided, good = CODE.decode(llrs, _holds)
    return decided[:, :INFORMATION_BITS], good


def _holds(decided: Tensor, _frames: Tensor) -> Tensor:
    information, check = decided[:, :INFORMATION_BITS], decided[:, INFORMATION_BITS:]
    # The all-zero word passes any linear CRC; no picture has size zero, so it is refused here.
    sized = (information[:, :16] != 0).any(1) & (information[:, 16:32] != 0).any(1)
    return (crc_bits(information, CHECK) == check).all(1) & sized
