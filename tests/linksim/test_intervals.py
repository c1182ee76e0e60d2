"""Do intervals cover the truth as often as they say, stop rules active?"""

import numpy as np
import pytest
import torch
from scipy import special, stats

from linksim import Counts, Score
from linksim.montecarlo import Stop, clustered_rate, exact_rate, ratio
from linksim.montecarlo.fold import Fold, Rules
from linksim.montecarlo.interval import CONFIDENCE, RELIABLE_FRAMES, UNRELIABLE
from linksim.montecarlo.stop import decide
from linksim.montecarlo.store import Chunk
from linksim.montecarlo.tally import RateTally, ScoreTally, tally_from, tally_of

REPETITIONS = 2000
BITS = 1024


class Chunks:
    """An endless row of chunks of frames: per chunk errors, errors^2, by `draw(count)`, drawn as they are needed."""

    def __init__(self, draw, frames):
        self.draw, self.frames = draw, frames
        self.sums = np.zeros((0, 2))

    def look(self, count):
        """The next so many, [count, 2]; they stay next until they are taken."""
        if len(self.sums) < count:
            fresh = self.draw(self.frames * max(count, 4096)).reshape(-1, self.frames).astype(float)
            self.sums = np.concatenate([self.sums, np.stack([fresh.sum(1), (fresh**2).sum(1)], 1)])
        return self.sums[:count]

    def take(self, count):
        taken, self.sums = self.look(count), self.sums[count:]
        return taken


def tally(errors, squares, count, trials, frames):
    total = count * frames
    return RateTally(total, int(errors), total * trials, int(squares), int(errors) * trials, total * trials**2)


def may_stop(errors, squares, counts, stop, trials, frames):
    """Whether a rule of errors or relative width holds after each count of chunks, for all of them at once."""
    total = counts * frames
    good = errors >= (stop.errors or 0)
    if stop.relative is None:
        return good
    rate = errors / (total * trials)
    with np.errstate(divide="ignore", invalid="ignore"):
        if trials == 1:
            low = special.betaincinv(errors, total - errors + 1, 0.025)
            high = special.betaincinv(errors + 1, total - errors, 0.975)
            return good & (errors > 0) & ((high - low) / 2 <= stop.relative * rate)
        effective_frames = errors**2 / squares
        variance = total / (total - 1) * (squares - 2 * rate * errors * trials + rate**2 * total * trials**2)
        variance /= (total * trials) ** 2
        n = rate * (1 - rate) / variance
        z = special.stdtrit(np.minimum(effective_frames, total) - 1, 0.975)
        half = z / (n + z**2) * np.sqrt(rate * (1 - rate) * n + z**2 / 4)
    return good & (effective_frames >= RELIABLE_FRAMES) & (half <= stop.relative * rate)


def stopped(chunks, stop, trials, frames):
    """The sums of the first chunks after which the rule holds."""
    count = 64
    while True:
        errors, squares = chunks.look(count).cumsum(0).T
        found = np.flatnonzero(may_stop(errors, squares, np.arange(1, count + 1), stop, trials, frames))
        if len(found):
            end = int(found[0])
            chunks.take(end + 1)
            return tally(errors[end], squares[end], end + 1, trials, frames)
        count *= 2


def coverage(draw, truth, stop, trials=BITS, frames=8, repetitions=REPETITIONS):
    """The share of sweeps whose interval holds the truth; each must be one that the rule ends with."""
    chunks, hits = Chunks(draw, frames), 0
    for _ in range(repetitions):
        sums = stopped(chunks, stop, trials, frames)
        assert decide((stop,), {"rate": sums}, sums.frames, 0.0, "noise", CONFIDENCE) == "targets"
        found = sums.interval("noise")
        hits += found.low <= truth <= found.high
    return hits / repetitions


@pytest.mark.parametrize(
    ("trials", "stop"),
    [(BITS, Stop("rate", errors=20)), (BITS, Stop("rate", relative=0.3)), (1, Stop("rate", relative=0.3)),
     (BITS, Stop("rate", relative=0.4, errors=900))],
)  # fmt: skip
def test_the_study_stops_where_a_fold_stops(trials, stop):
    """All chunks at once, as the studies below go, against one by one, as a sweep goes."""
    snr, chance = 10.0, np.random.default_rng(10)

    def draw(count):
        return chance.binomial(trials, stats.norm.sf(np.sqrt(2 * snr * chance.exponential(size=count))))

    chunks = Chunks(draw, 8)
    for _ in range(40):
        fold, kept = Fold(Rules((stop,))), chunks.look(4096).copy()
        while fold.stopped_by is None:
            number = fold.next
            fold.add([Chunk(number, 8, 0.0, {"rate": tally(*kept[number], 1, trials, 8)})])
        assert stopped(chunks, stop, trials, 8) == fold.tallies["rate"]


def awgn(snr_db, seed):
    rate = stats.norm.sf(np.sqrt(2 * 10 ** (snr_db / 10)))
    chance = np.random.default_rng(seed)
    return lambda count: chance.binomial(BITS, rate, count), rate


def block_rayleigh(snr_db, seed):
    snr, chance = 10 ** (snr_db / 10), np.random.default_rng(seed)

    def draw(count):
        return chance.binomial(BITS, stats.norm.sf(np.sqrt(2 * snr * chance.exponential(size=count))))

    return draw, (1 - np.sqrt(snr / (1 + snr))) / 2


@pytest.mark.parametrize("snr_db", [4.0, 7.0, 8.0])
def test_bit_error_rates_on_awgn_from_20_errors(snr_db):
    draw, truth = awgn(snr_db, 1)
    assert 0.93 <= coverage(draw, truth, Stop("rate", errors=20)) <= 0.97


@pytest.mark.parametrize("relative", [0.4, 0.2])
def test_bit_error_rates_on_awgn_stopped_by_width(relative):
    draw, truth = awgn(8.0, 2)
    assert 0.93 <= coverage(draw, truth, Stop("rate", relative=relative, errors=20)) <= 0.97


@pytest.mark.parametrize("snr_db", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("relative", [0.6, 0.3])
def test_bit_error_rates_on_block_rayleigh_from_the_stated_minimum(snr_db, relative):
    """A width is never satisfied under RELIABLE_FRAMES effective errored frames, so this begins there."""
    draw, truth = block_rayleigh(snr_db, 3)
    stop = Stop("rate", relative=relative)
    assert 0.93 <= coverage(draw, truth, stop) <= 0.97


def test_a_plain_binomial_interval_is_wrong_on_block_rayleigh_and_ours_is_right():
    draw, truth = block_rayleigh(10.0, 4)
    plain = ours = 0
    for _ in range(REPETITIONS):
        errors = draw(400)
        e, n = int(errors.sum()), 400 * BITS
        low, high = exact_rate(e, n)[1:3]
        plain += low <= truth <= high
        found = clustered_rate(400, e, n, (int((errors**2).sum()), e * BITS, 400 * BITS**2))
        ours += found.low <= truth <= found.high
    assert plain / REPETITIONS < 0.3
    assert 0.93 <= ours / REPETITIONS <= 0.97


@pytest.mark.parametrize(("rate", "stop"), [(0.3, Stop("rate", errors=5)), (0.02, Stop("rate", errors=20)),
                                            (0.05, Stop("rate", relative=0.3))])  # fmt: skip
def test_exact_intervals_cover_at_least_94_percent(rate, stop):
    chance = np.random.default_rng(5)
    assert coverage(lambda count: chance.binomial(1, rate, count), rate, stop, trials=1) >= 0.94


def test_exact_intervals_are_those_of_scipy():
    for errors, trials in ((1, 10), (3, 100), (50, 60), (7, 7)):
        expected = stats.binomtest(errors, trials).proportion_ci(0.95, "exact")
        found = exact_rate(errors, trials)
        assert found[1:3] == pytest.approx((expected.low, expected.high))


def test_independent_bits_give_the_score_interval_of_statistics():
    """Where errors do not cluster, effective trials are trials: compare with scipy's Wilson interval."""
    chance = np.random.default_rng(6)
    errors = chance.binomial(BITS, 0.01, 3000)
    e, n = int(errors.sum()), 3000 * BITS
    found = clustered_rate(3000, e, n, (int((errors**2).sum()), e * BITS, 3000 * BITS**2))
    expected = stats.binomtest(e, n).proportion_ci(0.95, "wilson")
    assert found[1:3] == pytest.approx((expected.low, expected.high), rel=0.005)


def test_no_errors_give_an_upper_bound_and_nothing_gives_nothing():
    found = clustered_rate(300, 0, 300 * BITS, (0, 0, 300 * BITS**2))
    assert (found.estimate, found.low, found.kind) == (0.0, 0.0, "upper bound")
    assert found.high == pytest.approx(1 - 0.05 ** (1 / 300))
    assert clustered_rate(0, 0, 0, (0, 0, 0)).kind == UNRELIABLE


def test_few_errored_frames_are_unreliable():
    few, enough = int(RELIABLE_FRAMES) - 1, int(RELIABLE_FRAMES)
    for errored, kind in ((few, UNRELIABLE), (enough, "by frame")):
        squares = (errored * 4, errored * 2 * BITS, 1000 * BITS**2)
        assert clustered_rate(1000, errored * 2, 1000 * BITS, squares).kind == kind
    assert clustered_rate(1, 5, BITS, (25, 5 * BITS, BITS**2)).kind == UNRELIABLE


def mean_coverage(over, pictures, spread, noise, rounds, truth_is_sample):
    chance = np.random.default_rng(7)
    hits = 0
    for _ in range(REPETITIONS):
        means = 30 + spread * chance.standard_normal(pictures)
        sums = ScoreTally()
        for _ in range(rounds):
            for picture, mean in enumerate(means):
                value = mean + noise * (1 + picture % 3) * chance.standard_normal()
                sums = sums + ScoreTally({picture: (1, value, value**2)})
        found = sums.interval(over)
        truth = means.mean() if truth_is_sample else 30
        hits += found.low <= truth <= found.high
    return hits / REPETITIONS


def test_a_rate_above_one_has_an_interval_that_covers():
    """More errors than trials, as words that were put in: Poisson errors of mean 12 out of 10 words a frame."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(500):
        errors, trials = generator.poisson(12, 200), np.full(200, 10)
        squares = (int((errors**2).sum()), int((errors * trials).sum()), int((trials**2).sum()))
        found = clustered_rate(200, int(errors.sum()), int(trials.sum()), squares)
        covered += found.low <= 1.2 <= found.high
        assert found.low < found.estimate < found.high
    # 95 % of 500 within four deviations.
    assert 455 <= covered <= 495


def test_two_errors_in_a_frame_of_one_trial_are_not_independent_trials():
    """The word error rate of sentences of one word, of which some come out as two wrong ones."""
    errors = torch.tensor([0, 2, 0, 0, 2, 0, 0, 0] * 30)
    tally = tally_of(Counts(errors, torch.ones_like(errors)), 0)
    found = tally.interval("noise")
    assert found.kind != "exact"
    assert found.low < found.estimate == 0.5 < found.high
    many = tally_of(Counts(errors + 1, torch.ones_like(errors)), 0).interval("noise")
    assert many.low < many.estimate == 1.5 < many.high
    alone = tally_of(Counts(torch.tensor([3]), torch.tensor([1])), 0).interval("noise")
    assert alone.low <= alone.estimate <= alone.high


def test_means_over_pictures_and_over_noise_cover_what_they_say():
    assert 0.93 <= mean_coverage("pictures", 8, 3.0, 0.5, 1, truth_is_sample=False) <= 0.97
    assert 0.93 <= mean_coverage("noise", 6, 3.0, 0.5, 5, truth_is_sample=True) <= 0.97
    # The one is no answer to the other's question.
    assert mean_coverage("noise", 6, 3.0, 0.5, 5, truth_is_sample=False) < 0.5


def test_a_ratio_of_means():
    chance = np.random.default_rng(8)
    hits = 0
    for _ in range(REPETITIONS):
        b = chance.uniform(1, 3, 60)
        a = 2 * b + chance.standard_normal(60)
        found = ratio(60, (a.sum(), b.sum()), ((a * a).sum(), (a * b).sum(), (b * b).sum()))
        hits += found.low <= 2 <= found.high
    assert 0.93 <= hits / REPETITIONS <= 0.97


def test_tallies_add_up_and_come_back_from_plain_values():
    rates = RateTally(2, 3, 10, 5, 15, 50) + RateTally(1, 4, 5, 16, 20, 25)
    assert rates == RateTally(3, 7, 15, 21, 35, 75)
    scores = ScoreTally({0: (1, 2.0, 4.0)}, 1, 2.0) + ScoreTally({0: (1, 3.0, 9.0), 1: (1, 1.0, 1.0)}, 0, 1.0)
    assert scores == ScoreTally({0: (2, 5.0, 13.0), 1: (1, 1.0, 1.0)}, 1, 1.0)
    assert tally_from(rates.plain()) == rates
    assert tally_from(scores.plain()) == scores
    assert (scores.frames, scores.trials) == (4, 3)


@pytest.mark.parametrize("absolute", [1.0, 0.5, 0.35])
def test_means_stopped_by_their_width(absolute):
    """Of a few values the width is small by chance too often: a rule looks at it from ten on."""
    chance = np.random.default_rng(9)
    hits = 0
    for _ in range(REPETITIONS):
        fold = Fold(Rules((Stop("score", absolute=absolute),)))
        while fold.stopped_by is None:
            value = 30 + chance.standard_normal()
            fold.add([Chunk(fold.next, 1, 0.0, {"score": ScoreTally({0: (1, value, value**2)})})])
        found = fold.tallies["score"].interval("noise")
        hits += found.low <= 30 <= found.high
    assert 0.93 <= hits / REPETITIONS <= 0.97


def test_frames_wholly_wrong_count_as_one_trial_each():
    found = clustered_rate(20, 20 * BITS, 20 * BITS, (20 * BITS**2,) * 3)
    assert found.low < 0.9
    assert found.high == 1.0


def test_frames_without_trials_say_nothing():
    counts = Counts(torch.tensor([0, 0, 0]), torch.tensor([10, 0, 10]))
    assert tally_of(counts, 0).interval("noise").high == pytest.approx(1 - 0.05 ** (1 / 2))


def test_scores_without_end_have_no_interval():
    tally = tally_of(Score(torch.tensor([30.0, torch.inf])), 0)
    assert tally.interval("noise").kind == UNRELIABLE
