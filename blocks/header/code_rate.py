"""The code rate of the header's second part: fixed, or chosen for the channel."""

from typing import Literal

from linksim.errors import require

CodeRate = float | Literal["auto"]
MIN_CODE_RATE, MAX_CODE_RATE = 0.2, 0.9
SAFE_CODE_RATE = 0.5
"""Where the channel fades, or nothing is known of it."""
BY_SNR: tuple[tuple[float, float], ...] = ((7.0, 0.9), (4.0, 0.75))
"""From a mean SNR in dB on, over AWGN: the code rate. Each is 1 dB over where none of 4,000 headers of 8x12 patches was
lost: at 6 dB with 0.9 (3 lost at 5 dB), at 3 dB with 0.75."""
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
