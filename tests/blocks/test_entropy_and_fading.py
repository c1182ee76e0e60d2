"""The entropy's figures against a count of all pairs; the SNR of slow fades against the closed form of outage."""

import numpy as np
import pytest
import torch
from scipy import stats

from linksim import Symbols
from linksim.blocks import AWGN, EntropyScores, InstantaneousSNR, Rayleigh
from linksim.theory import rayleigh_outage_probability


def test_high_against_background_is_the_share_of_all_pairs(generator):
    entropy = torch.rand(2, 6, 7, generator=generator).round(decimals=1)
    importance = torch.randint(0, 4, (2, 6, 7), generator=generator)
    lengths = torch.randint(1, 9, (2, 6, 7), generator=generator)
    scores = EntropyScores()(entropy=entropy, importance=importance, lengths=lengths)
    for i in range(2):
        high, background = entropy[i][importance[i] == 3], entropy[i][importance[i] == 0]
        pairs = [(a > b) + 0.5 * (a == b) for a in high.tolist() for b in background.tolist()]
        assert scores.separates_high.value[i].item() == pytest.approx(np.mean(pairs), abs=1e-6)
        assert scores.low.value[i].item() == pytest.approx(entropy[i][importance[i] == 1].mean().item(), abs=1e-6)
        ranks = [stats.rankdata(values[i].flatten().numpy()) for values in (lengths, entropy)]
        assert scores.rank_correlation.value[i].item() == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-6)


def test_what_a_picture_does_not_have_is_not_a_number():
    flat = torch.ones(1, 2, 2)
    scores = EntropyScores()(entropy=flat, importance=torch.zeros(1, 2, 2).long(), lengths=torch.ones(1, 2, 2).long())
    assert scores.background.value.item() == 1.0
    for value in (scores.low, scores.high, scores.separates_high, scores.rank_correlation):
        assert torch.isnan(value.value).all()


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_slow_fades_are_in_outage_as_often_as_the_closed_form_says(snr_db):
    found = InstantaneousSNR().seed(4)(snr_db=torch.full((200_000,), snr_db))
    for rate in (0.5, 2.0):
        failed = int((torch.log2(1 + 10 ** (found.double() / 10)) < rate).sum())
        truth = float(rayleigh_outage_probability(snr_db, rate=rate))
        interval = stats.binomtest(failed, len(found)).proportion_ci(0.999, "exact")
        assert interval.low <= truth <= interval.high


def test_the_noise_has_the_power_that_was_asked_for():
    """A chi-squared interval of 99.9 %, for each real dimension."""
    silence = Symbols(torch.zeros(1, 200_000, dtype=torch.complex64), torch.tensor([200_000]))
    for snr_db in (0.0, 10.0):
        noise = AWGN().seed(3)(symbols=silence, snr_db=torch.tensor([snr_db])).symbols.samples[0]
        for part in (noise.real, noise.imag):
            energy = float(part.double().square().sum())
            low, high = (energy / stats.chi2.ppf(q, len(part)) for q in (0.9995, 0.0005))
            assert low <= 10 ** (-snr_db / 10) / 2 <= high


@pytest.mark.parametrize(("batch", "runs"), [(1, 2000), (64, 40)])
def test_the_strength_of_a_rayleigh_fade_is_exponential(batch, runs):
    symbols = Symbols(torch.ones(batch, 1) + 0j, torch.ones(batch, dtype=torch.int64))
    channel = Rayleigh().seed(5)
    drawn = [channel(symbols=symbols, snr_db=torch.zeros(batch)).gain[:, 0].abs().square() for _ in range(runs)]
    assert stats.kstest(torch.cat(drawn).numpy(), "expon").pvalue > 0.001
