"""Panels of a waveform: its spectrum, and its eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from linksim.errors import require
from linksim.plot.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

MOST_TRACES = 300
SEGMENT = 1024


def spectrum(ax: Axes, samples: Tensor, sample_rate: float, label: str | None = None) -> Axes:
    """The power spectral density of complex samples [time], in dB of its own peak, over frequency in kHz.

    By Welch's method with Hann windows of 1024 samples, of which neighbours share half.

    Raises `ParameterError` where there are fewer than 16 samples. Source: Welch, IEEE Trans. Audio Electroacoust. 1967.
    """
    from scipy.signal import welch

    values = samples.detach().cpu().numpy()
    require(len(values) >= 16, "samples", "at least 16", len(values))
    settings: dict[str, Any] = {"return_onesided": False, "detrend": False}
    frequency, power = welch(values, fs=sample_rate, nperseg=min(SEGMENT, len(values)), **settings)
    order = np.argsort(frequency)
    level = 10 * np.log10(np.maximum(power[order] / power.max(), 1e-12))
    ax.plot(frequency[order] / 1e3, level, linewidth=1, label=label)
    ax.set_xlabel("frequency (kHz)")
    ax.set_ylabel("power spectral density (dB)")
    ax.set_ylim(-70, 3)
    ax.grid(visible=True, alpha=0.3)
    if label is not None:
        ax.legend(fontsize=8)
    return ax


def eye_diagram(ax: Axes, samples: Tensor, samples_per_symbol: int, first: int, title: str) -> Axes:
    """The real part of complex samples [time], laid over itself symbol by symbol; `first` is the sample of a peak.

    Behind a matched filter that fits, all traces meet where the symbols are: at 0 and 1.

    Raises `ParameterError` where the samples do not hold two symbols.
    """
    values = samples.detach().cpu().real.numpy()
    start, length = first - samples_per_symbol // 2, 2 * samples_per_symbol + 1
    start = max(start, 0)
    count = min((len(values) - start - length) // samples_per_symbol + 1, MOST_TRACES)
    require(count >= 1, "samples", f"at least {start + length}", len(values))
    places = start + np.arange(count)[:, None] * samples_per_symbol + np.arange(length)
    time = (np.arange(length) + start - first) / samples_per_symbol
    ax.plot(time, values[places].T, color=COLOURS[0], linewidth=0.5, alpha=0.25)
    ax.set_xlabel("time (symbols)")
    ax.set_title(title, fontsize=9)
    return ax
