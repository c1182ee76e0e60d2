"""The header's second part: power loading and rate maps, coded at a chosen rate, in QPSK, its length on a grid."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linksim.blocks.header.bits import from_bits, to_bits
from linksim.blocks.header.fec import RobustCode, crc_bits
from linksim.blocks.header.rate_map import decode_map, encode_map
from linksim.blocks.jscc.power_loading import LOADING_BITS, power_loading_code, power_loading_value

CHECK, CHECK_BITS = "CRC24A", 24
WORD = 32
BITS_PER_USE = 2
"""Of QPSK: at any number of information bits per use its lower code rate is stronger than BPSK's higher one."""
MIN_LDPC_RATE = 0.2
"""Under this code rate, coded bits are sent twice."""


def grid_index(words: int) -> int:
    """The smallest grid length of at least `words` words: exact to 32, then 32 lengths per octave."""
    if words < WORD:
        return words
    octave = words.bit_length() - 6
    mantissa = -(-words >> octave)
    if mantissa == 64:
        octave, mantissa = octave + 1, 32
    return WORD + octave * 32 + mantissa - 32


def grid_words(index: int) -> int:
    """The length in words that a grid index stands for."""
    if index < WORD:
        return index
    octave, mantissa = divmod(index - WORD, 32)
    return (32 + mantissa) << octave


def body_code(index: int, code_rate: float) -> RobustCode:
    """The code of a second part whose length has this grid index."""
    repetition = 1 if code_rate >= MIN_LDPC_RATE else 2
    return RobustCode(grid_words(index) * WORD + CHECK_BITS, code_rate * repetition, repetition)


def body_uses(code: RobustCode) -> int:
    """Channel uses of a second part with this code."""
    return -(-code.n // BITS_PER_USE)


def pack_body(
    levels: NDArray[np.int64],
    count: int,
    power_loading: Tensor | None,
    base_rate: NDArray[np.int64] | None = None,
    channels: Tensor | None = None,
) -> tuple[Tensor, int]:
    """One picture's second part before coding: (uint8 [bits], grid index). `power_loading` is float [count, 2] in
    dB, `channels` the mask of channels, bool [channels], a bit for each."""
    words = encode_map(levels, count, base_rate)
    bits = to_bits(torch.from_numpy(words.astype(np.int64)), WORD).flatten()
    if power_loading is not None:
        front = to_bits(power_loading_code(power_loading), LOADING_BITS).flatten()
        bits = torch.cat([front, bits])
    if channels is not None:
        bits = torch.cat([channels.to(bits), bits])
    index = grid_index(-(-len(bits) // WORD))
    return torch.nn.functional.pad(bits, (0, grid_words(index) * WORD - len(bits))), index


def signalled_base_rate(levels: NDArray[np.int64], base_rate: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    """The content's levels where they must be sent: not where they are those of the rate map."""
    return None if base_rate is None or np.array_equal(levels, base_rate) else base_rate


def unpack_body(
    bits: Tensor, rows: int, cols: int, count: int, *, loaded: bool, told: bool, channels: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The inverse of `pack_body`: (levels, content, both int64 [rows, cols] and alike where no base rate was sent;
    loading float [count, 2] in dB, 0 where not sent; the mask bool [channels])."""
    mask, bits = bits[:channels].bool(), bits[channels:]
    power_loading = torch.zeros(count, 2)
    if loaded:
        front = count * 2 * LOADING_BITS
        power_loading = power_loading_value(from_bits(bits[:front].reshape(count, 2, LOADING_BITS)))
        bits = bits[front:]
    whole = bits[: len(bits) // WORD * WORD].reshape(-1, WORD)
    words = from_bits(whole).numpy().astype(np.uint32)
    levels, base_rate = decode_map(words, rows, cols, count, told)
    return torch.from_numpy(levels), torch.from_numpy(base_rate), power_loading, mask


def even(coded: Tensor) -> Tensor:
    """Coded bits [batch, n] that fill whole QPSK symbols: one zero more where n is odd."""
    return torch.nn.functional.pad(coded, (0, -coded.shape[1] % BITS_PER_USE))


def encode_body(bits: Tensor, preamble: Tensor, code: RobustCode, channels: int = 0) -> Tensor:
    """Coded bits uint8 [batch, code.n]; the check covers the preamble and the number of masked channels too, so that no
    part fits a foreign one."""
    return code.encode(torch.cat([bits, _check(bits, preamble, code, channels)], 1))


def _check(bits: Tensor, preamble: Tensor, code: RobustCode, channels: int) -> Tensor:
    # Codes of several rates begin alike: with the coded length in the check, a foreign rate is an erasure too.
    agreed = [code.n, channels] if channels else [code.n]
    words = to_bits(torch.tensor(agreed), WORD).flatten().expand(len(bits), -1)
    return crc_bits(torch.cat([preamble, words, bits], 1), CHECK)


def decode_body(llrs: Tensor, preamble: Tensor, code: RobustCode, channels: int = 0) -> tuple[Tensor, Tensor]:
    """LLRs [batch, code.n or one more] to (bits, whether the CRC over preamble and bits holds, bool [batch])."""

    def holds(decided: Tensor, frames: Tensor) -> Tensor:
        found = _check(decided[:, :-CHECK_BITS], preamble[frames], code, channels)
        return (found == decided[:, -CHECK_BITS:]).all(1)

    decided, good = code.decode(llrs[:, : code.n], holds)
    return decided[:, :-CHECK_BITS], good


def header_uses(
    levels: NDArray[np.int64],
    count: int,
    loaded: bool,
    code_rate: float,
    base_rate: NDArray[np.int64] | None = None,
    channels: int = 0,
) -> int:
    """Channel uses of a whole header with these maps of levels: what `HeaderEncoder` will spend."""
    from linksim.blocks.header.preamble import form_of

    power_loading = torch.zeros(count, 2) if loaded else None
    mask = torch.zeros(channels) if channels else None
    _, index = pack_body(levels, count, power_loading, signalled_base_rate(levels, base_rate), mask)
    form = form_of(levels.shape[0], levels.shape[1], index, code_rate)
    return form.uses + body_uses(body_code(index, code_rate))
