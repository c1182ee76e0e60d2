"""The code rate of the header's second part, information bits over coded bits: fixed, or chosen for the channel."""

from typing import Literal

from linksim.errors import require

CodeRate = float | Literal["auto"]
MIN_CODE_RATE, MAX_CODE_RATE = 0.1, 0.9
SAFE_CODE_RATE = 0.25
"""Where the channel fades, or nothing is known of it."""
BY_SNR: tuple[tuple[float, float], ...] = ((11.5, 0.9), (9.0, 0.8), (6.5, 2 / 3), (4.0, 0.5))
"""From a mean SNR in dB on, over AWGN: the code rate. Each is at least 1 dB over where at most one of 4,000 headers of
8x12 patches was lost: at 10 dB with 0.9 (4 lost at 9.5 dB), at 8 dB with 0.8 (1 at 7.5), at 5.5 dB with 2/3 (2 at 5),
at 3 dB with 0.5 (11 at 2.5)."""
CODE_RATES = (SAFE_CODE_RATE, *(rate for _, rate in BY_SNR))
"""What a receiver tries where the rate is chosen: the check covers the coded length, so a wrong one is no match."""


def checked_code_rate(code_rate: CodeRate) -> CodeRate:
    """The code rate. Raises `ParameterError` where it is neither "auto" nor in range."""
    good = code_rate == "auto" or (isinstance(code_rate, int | float) and MIN_CODE_RATE <= code_rate <= MAX_CODE_RATE)
    require(good, "code_rate", f"'auto', or in {MIN_CODE_RATE}..{MAX_CODE_RATE}", code_rate)
    return code_rate


def chosen_code_rate(code_rate: CodeRate, snr_db: float | None, *, fading: bool) -> float:
    """The code rate for a frame: where it is "auto", by the mean SNR in dB and by whether the channel fades."""
    if code_rate != "auto":
        return code_rate
    if fading or snr_db is None:
        return SAFE_CODE_RATE
    return next((rate for least, rate in BY_SNR if snr_db >= least), SAFE_CODE_RATE)
