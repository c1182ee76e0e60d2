"""White noise on a waveform."""

from linksim.block import Block
from linksim.blocks.channels.noise import MIN_NOISE_VARIANCE, complex_normal
from linksim.errors import LinksimError
from linksim.types import Decibels, Waveform


class WaveformNoise(Block):
    """White Gaussian noise of variance N0 = 10^(-snr_db/10) per complex sample.

    Behind a filter of unit energy that is matched to a pulse of unit energy, snr_db is Es/N0 per symbol, whatever the
    oversampling. Nothing is added past the waveform's length.

    Shapes: waveform.samples [batch, time]; snr_db [batch] in dB. Gradients pass to the samples and to snr_db.
    Source: Proakis, Digital Communications, ch. 4.

    Raises:
        LinksimError: an SNR is NaN.

    >>> import torch
    >>> silence = Waveform(torch.zeros(1, 10000) + 0j, torch.tensor([10000]))
    >>> noisy = WaveformNoise().seed(1)(waveform=silence, snr_db=torch.tensor([10.0]))
    >>> round(noisy.samples.abs().square().mean().item(), 3)
    0.1
    """

    def forward(self, waveform: Waveform, snr_db: Decibels) -> Waveform:
        if bool(snr_db.isnan().any()):
            raise LinksimError("snr_db must be a number for every frame (got NaN)")
        amplitude = (10.0 ** (-snr_db / 10.0)).clamp_min(MIN_NOISE_VARIANCE).sqrt()[:, None]
        noise = complex_normal(tuple(waveform.samples.shape), waveform.samples, self.rng)
        return Waveform(waveform.samples + noise * (amplitude * waveform.mask), waveform.length)
