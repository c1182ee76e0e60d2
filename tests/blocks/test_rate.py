import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linksim.blocks import (
    EntropyRate,
    FixedRate,
    ForegroundRate,
    HeaderEncoder,
    LagrangianRateAllocator,
    MaskedRate,
    MeasuredDistortion,
    RandomFixedRate,
    RandomForegroundRate,
    RandomMaskedRate,
    RandomRateAllocator,
    RateAllocator,
)
from linksim.blocks.header.body import header_uses
from linksim.blocks.rate import PAPER_CBR, RATE_SETS, Allocation, RateBlock, levels_of, rate_values
from linksim.blocks.rate.contract import RATE_INPUTS
from linksim.blocks.rate.smoothing import quantize, quantize_smoothly
from linksim.blocks.rate_set import rate_set_id
from linksim.catalogue import catalogue
from linksim.errors import FileError, LinksimError, ParameterError
from linksim.port import parse_spec

V = RATE_SETS["default"]


def size_of(rows, cols, batch=1):
    return torch.tensor([[16 * rows, 16 * cols]] * batch)


def entropy(rows=12, cols=16, batch=1, seed=0):
    return torch.rand(batch, rows, cols, generator=torch.Generator().manual_seed(seed)) ** 2 * 100


def test_the_formula_by_hand():
    e = torch.tensor([[[10.0, 10.0, 10.0, 10.0]]])
    labels = torch.tensor([[[0, 1, 2, 3]]])
    out = RateAllocator(eta=1.0, alpha=7.0)(entropy=e, importance=labels)
    # 10 -> 8 (nearest of 8 and 16), 10-7 -> 4 (a tie of 2 and 4 goes up), 10 -> 8, 10+7 -> 16.
    assert out.lengths.tolist() == [[[8, 4, 8, 16]]]
    assert out.target_met.tolist() == [True]


def test_rounding_is_to_the_nearest_and_ties_go_up():
    values = torch.tensor(V)
    wishes = torch.linspace(-5, 200, 4001)
    chosen = values[quantize(wishes, values)]
    distance = (wishes[:, None] - values).abs()
    assert torch.equal((wishes - chosen).abs(), distance.min(1).values)
    middles = (values[1:] + values[:-1]) / 2
    assert torch.equal(values[quantize(middles, values)], values[1:])


def test_the_papers_set_counts_real_dimensions():
    assert [2 * v for v in RATE_SETS["paper"]] == list(range(16, 257, 16))
    assert len(V) == 8


@pytest.mark.parametrize("target", [0.01, 0.0201, 1 / 24, 1 / 12])
@pytest.mark.parametrize("rate_set", ["default", "paper"])
@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_target_cbr_is_met_from_below(target, rate_set, smoothing):
    e = entropy(32, 32)
    out = RateAllocator(target_cbr=target, rate_set=rate_set, map_smoothing=smoothing)(entropy=e, size=size_of(32, 32))
    cbr = float(out.lengths.sum()) / (768 * 32 * 32)
    if rate_set == "paper" and target < 8 / 768:
        assert not out.target_met.item()
        assert cbr == 8 / 768
    else:
        assert out.target_met.item()
        assert 0.99 * target <= cbr <= target


def test_nothing_more_would_fit():
    e, size = entropy(), size_of(12, 16)
    out = RateAllocator(target_cbr=0.03)(entropy=e, size=size)
    more = RateAllocator(eta=float(out.eta) * 1.0001)(entropy=e)
    assert out.lengths.sum() <= 0.03 * 768 * 12 * 16 < more.lengths.sum() + 64


def test_targets_out_of_reach_say_so():
    e, size = entropy(), size_of(12, 16)
    low = RateAllocator(target_cbr=0.001)(entropy=e, size=size)
    assert not low.target_met.item()
    assert set(low.lengths.flatten().tolist()) == {V[0]}
    high = RateAllocator(target_cbr=0.5)(entropy=e, size=size)
    assert not high.target_met.item()
    assert set(high.lengths.flatten().tolist()) == {V[-1]}


def test_each_picture_of_a_batch_is_solved_alone():
    e = torch.cat([entropy(seed=1), entropy(seed=2) * 30])
    both = RateAllocator(target_cbr=0.02)(entropy=e, size=size_of(12, 16, 2))
    for i in range(2):
        alone = RateAllocator(target_cbr=0.02)(entropy=e[i : i + 1], size=size_of(12, 16))
        assert torch.equal(both.lengths[i : i + 1], alone.lengths)


@pytest.mark.parametrize("target", [0.02, 0.05])
def test_target_cbr_total_bills_the_header(target):
    e, size = entropy(24, 40), size_of(24, 40)
    out = RateAllocator(target_cbr_total=target, header_fields=("power_loading",))(entropy=e, size=size)
    power_loading = torch.zeros(1, len(V), 2)
    header = HeaderEncoder()(lengths=out.lengths, size=size, power=torch.ones(1), power_loading=power_loading)
    total = (float(out.lengths.sum()) + float(header.length)) / (768 * 24 * 40)
    assert out.target_met.item()
    assert 0.99 * target <= total <= target


def test_more_entropy_never_gets_less():
    e = entropy()
    k = RateAllocator(target_cbr=0.03)(entropy=e, size=size_of(12, 16)).lengths.flatten()
    assert bool((k[e.flatten().argsort()].diff() >= 0).all())


def test_flat_pictures_and_one_patch():
    out = RateAllocator(target_cbr=0.05)(entropy=torch.zeros(1, 4, 4), size=size_of(4, 4))
    assert set(out.lengths.flatten().tolist()) == {2}
    assert not out.target_met.item()
    one = RateAllocator(target_cbr=0.07)(entropy=torch.full((1, 1, 1), 9.0), size=size_of(1, 1))
    assert one.lengths.item() == 48


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.floats(0.0, 1.0),
    st.integers(0, 10_000),
    st.sampled_from(["default", "paper"]),
)
@settings(max_examples=60, deadline=None)
def test_smoothing_moves_a_level_by_one_step_at_most(rows, cols, strength, seed, name):
    values = torch.tensor(rate_values(name))
    raw = torch.rand(rows, cols, generator=torch.Generator().manual_seed(seed)) * 150
    plain, smooth = quantize(raw, values), quantize_smoothly(raw, values, strength)
    assert int((plain - smooth).abs().max()) <= 1
    assert torch.equal(quantize_smoothly(raw, values, 0.0), plain)
    changed = (plain != smooth).nonzero().tolist()
    assert all(col > 0 and smooth[row, col] == smooth[row, col - 1] for row, col in changed)


def test_levels_and_sets():
    values = torch.tensor(V)
    assert levels_of(torch.tensor([[2, 128, 0]]), values).tolist() == [[0, 7, 0]]
    with pytest.raises(ParameterError, match="'lengths' must hold values of V"):
        levels_of(torch.tensor([[3]]), values)
    ids = [rate_set_id(rate_values(s)) for s in ("default", "paper", (2, 4), (2, 5), (2, 4, 6))]
    assert ids[:2] == [0, 1]
    assert len(set(ids)) == 5


@pytest.mark.parametrize(
    "parameters",
    [
        {"eta": 0.1, "target_cbr": 0.1},
        {"eta": 0.1, "header_code_rate": 0.95},
        {"eta": 0.1, "header_fields": ("colour",)},
        {"eta": -1.0},
        {"target_cbr": 0.0},
        {"target_cbr": 1e9},
        {"target_psnr": 1e9},
        {"eta": 1.0, "alpha": -1.0},
        {"eta": 1.0, "map_smoothing": 2.0},
        {"eta": 1.0, "rate_set": "nonsense"},
        {"eta": 1.0, "rate_set": (4, 2)},
        {"eta": 1.0, "rate_set": (0, 2)},
        {"eta": 1.0, "rate_set": (2, 1000)},
        {"eta": 1.0, "rate_set": (2,)},
    ],
)
def test_bad_parameters(parameters):
    with pytest.raises(ParameterError, match="must be"):
        RateAllocator(**parameters)


def test_targets_name_the_port_that_they_need():
    with pytest.raises(LinksimError, match="needs the port 'size'"):
        RateAllocator(target_cbr=0.02)(entropy=entropy())
    with pytest.raises(LinksimError, match="'distortion' and 'snr_db'"):
        RateAllocator(target_psnr=30.0)(entropy=entropy())


def test_the_given_eta_is_linear_in_entropy():
    k = RateAllocator(eta=0.5)(entropy=torch.tensor([[[0.0, 8.0, 32.0, 96.0, 1e6]]])).lengths
    assert k.tolist() == [[[2, 4, 16, 48, 128]]]


def test_labels_beyond_three_are_refused():
    with pytest.raises(ParameterError, match="labels 0 to 3"):
        RateAllocator(eta=1.0)(entropy=torch.ones(1, 1, 1), importance=torch.full((1, 1, 1), 7))


# -- equal slopes


TEN_DB = torch.tensor([10.0])


def predicting(errors, **settings):
    """An allocator whose table of distortion predicts these errors."""
    rate = LagrangianRateAllocator(**settings)
    rate.predicted.forward = lambda **_: errors
    return rate


def falling_errors(rows, cols, levels=3, seed=3):
    steps = torch.rand(1, rows, cols, levels, generator=torch.Generator().manual_seed(seed)) + 0.1
    return steps.flip(-1).cumsum(-1).flip(-1) * 1e-3


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (1.0, 2.0, 4.0, 8.0)])
def test_equal_slopes_are_the_best_of_all_allocations(weights):
    """Of all allocations, tried one by one, none with as few uses has a smaller weighted error."""
    values, patches = (2, 4, 8), 6
    errors, labels = falling_errors(1, patches), torch.tensor([[[0, 3, 1, 2, 0, 3]]])
    weight = torch.tensor(weights)[labels[0, 0]]
    levels = torch.cartesian_prod(*[torch.arange(3)] * patches)
    cost = torch.tensor(values)[levels].sum(1)
    lost = (errors[0, 0][torch.arange(patches), levels] * weight).sum(1)
    for eta in (100.0, 700.0, 2000.0, 8000.0):
        rate = predicting(errors, eta=eta, importance_weights=weights, rate_set=values)
        out = rate(entropy=torch.ones(1, 1, patches), importance=labels, snr_db=TEN_DB)
        chosen = torch.searchsorted(torch.tensor(values), out.lengths[0, 0])
        mine = (errors[0, 0][torch.arange(patches), chosen] * weight).sum()
        assert mine <= lost[cost <= out.lengths.sum()].min() * (1 + 1e-6)


def test_equal_slopes_meet_a_target_and_tell_content_apart():
    errors, labels = falling_errors(12, 16, 8), torch.zeros(1, 12, 16, dtype=torch.int64)
    labels[:, 4:8, 4:8] = 3
    out = predicting(errors, target_cbr=0.03)(
        entropy=torch.ones(1, 12, 16), importance=labels, size=size_of(12, 16), snr_db=TEN_DB
    )
    assert out.target_met.item()
    assert 0.99 * 0.03 <= float(out.lengths.sum()) / (768 * 12 * 16) <= 0.03
    assert torch.equal(out.base_rate[labels == 0], out.lengths[labels == 0])
    assert bool((out.lengths[labels == 3] >= out.base_rate[labels == 3]).all())
    assert out.lengths[labels == 3].sum() > out.base_rate[labels == 3].sum()


@pytest.mark.parametrize("target", ["target_cbr", "target_cbr_total"])
def test_patches_alike_are_raised_one_by_one(target):
    """As in noise, where a single slope would raise all patches together."""
    labels = torch.zeros(1, 16, 20, dtype=torch.int64)
    labels[:, :3, :3] = 3
    known = {"entropy": torch.full((1, 16, 20), 300.0), "size": size_of(16, 20), "snr_db": TEN_DB}
    for cbr in (0.013, 0.02, 0.0331, 0.04):
        rate = LagrangianRateAllocator(**{target: cbr}, importance_weights=(1.0, 2.0, 4.0, 8.0))
        for beside in ({}, {"importance": labels}):
            out = rate(**known, **beside)
            payload = int(out.lengths.sum())
            maps = [levels_of(each, torch.tensor(V))[0] for each in (out.lengths, out.base_rate)]
            header = rate.header_cost.uses(*maps, len(V), 10.0) if target == "target_cbr_total" else 0
            met, uses = (payload + header) / (768 * 16 * 20) / cbr, cbr * 768 * 16 * 20
            # The header grows in steps of 64 uses.
            assert 0.99 - (64 / uses if header else 0) <= met <= 1
            assert out.target_met.item() == (met >= 0.99)
            if not beside:
                assert torch.equal(out.lengths, out.base_rate)
            else:
                assert out.lengths[labels == 3].min() >= out.lengths[labels == 0].max()


def test_equal_slopes_name_what_is_wrong():
    for wrong in ((1.0, 2.0, 4.0), (1.0, 2.0, 4.0, 0.0)):
        with pytest.raises(ParameterError, match="four positive numbers"):
            LagrangianRateAllocator(importance_weights=wrong)
    with pytest.raises(ParameterError, match="a table for each of the 16 lengths of V"):
        LagrangianRateAllocator(rate_set="paper")(entropy=torch.ones(1, 2, 2), size=size_of(2, 2), snr_db=TEN_DB)
    with pytest.raises(LinksimError, match="target_cbr needs the port 'size'"):
        LagrangianRateAllocator()(entropy=torch.ones(1, 2, 2), snr_db=TEN_DB)


# -- measured distortion


def test_measured_distortion_gives_its_knots_back_and_falls_with_k_and_snr():
    table = MeasuredDistortion()
    entropies = table.log_entropies.exp()
    for place, snr in enumerate(table.snrs_db):
        found = table(entropy=entropies[None, None], snr_db=snr[None])
        torch.testing.assert_close(found[0, 0], table.log_errors[place].exp(), rtol=1e-4, atol=0)
    e = torch.linspace(0.0, 2000.0, 60)[None, None].expand(4, -1, -1)
    found = table(entropy=e, snr_db=torch.tensor([-5.0, 5.0, 12.0, 40.0]))
    assert found.isfinite().all()
    assert bool((found.diff(dim=-1) <= 0).all())
    assert bool((found.diff(dim=0)[:, :, 5:50] < 0).all())


def test_a_broken_table_of_distortion_is_named(tmp_path):
    head = "snr_db,entropy,k2,k4\n"
    for number, text in enumerate(("", f"{head}0,5,0.1,0.05\n", f"{head}0,5,0.1,a\n", "nonsense")):
        path = tmp_path / f"{number}_mine.csv"
        path.write_text(text)
        with pytest.raises(FileError, match=r"mine\.csv' is no table of measured distortion"):
            MeasuredDistortion(table=str(path))
    with pytest.raises(ParameterError, match="did you mean 'small'"):
        MeasuredDistortion(table="smal")


# -- one rate for all patches


@pytest.mark.parametrize(("target", "uses"), [(0.0201, 15), (1 / 48, 16), (1 / 16, 48), (1.0, 64)])
def test_a_fixed_rate_is_the_largest_that_stays_within(target, uses):
    rate = FixedRate(target_cbr=target, rate_set=(15, 16, 32, 48, 64))
    out = rate(size=torch.tensor([[100, 50]]))
    # 7x4 patches of a picture of 100x50 pixels: the padded edge is paid for.
    allowed = [v for v in (15, 16, 32, 48, 64) if v * 28 <= target * 15000 + 1e-6]
    assert out.lengths.unique().tolist() == [max(allowed, default=15)]
    assert out.target_met.item() == bool(allowed)
    whole = rate(size=torch.tensor([[512, 768]]))
    assert whole.lengths.unique().tolist() == [uses]


def test_a_fixed_rate_leaves_room_for_the_header():
    size = torch.tensor([[512, 768]])
    out = FixedRate(target_cbr_total=0.0201, rate_set=tuple(range(1, 65)))(size=size)
    k, patches = int(out.lengths[0, 0, 0]), 32 * 48
    spent = [v * patches + header_uses(torch.full((32, 48), v - 1).numpy(), 64, loaded=False, code_rate=0.5)
             for v in (k, k + 1)]  # fmt: skip
    assert spent[0] <= 0.0201 * 3 * 512 * 768 < spent[1]
    with pytest.raises(ParameterError, match="only one"):
        FixedRate(target_cbr=0.1, target_cbr_total=0.1)


# -- the contract of all rate blocks

RATES = [kind for kind in catalogue().values() if issubclass(kind, RateBlock)]


def test_the_rate_blocks_are_found():
    assert set(RATES) == {
        RateAllocator, LagrangianRateAllocator, FixedRate, RandomRateAllocator, RandomFixedRate, MaskedRate,
        RandomMaskedRate, ForegroundRate, RandomForegroundRate, EntropyRate,
    }  # fmt: skip


@pytest.mark.parametrize("kind", RATES)
def test_every_rate_block_is_a_drop_in_for_every_other(kind):
    rate = kind()
    wanted = {name: parse_spec(port) for name, port in RATE_INPUTS.items()}
    assert {name: rate.input_ports[name].spec for name in wanted} == wanted
    assert all(port.optional for name, port in rate.input_ports.items() if name not in wanted)
    assert set(Allocation._fields) <= set(rate.output_ports)
    out = rate.seed(1)(entropy=entropy(4, 6, 2), importance=torch.zeros(2, 4, 6, dtype=torch.int64),
                       size=size_of(4, 6, 2), snr_db=torch.tensor([3.0, 12.0]))  # fmt: skip
    assert out.lengths.shape == out.base_rate.shape == (2, 4, 6)
    assert out.target_met.dtype == torch.bool
    # Without importance nothing is gained by it.
    assert torch.equal(out.lengths, out.base_rate)


@pytest.mark.parametrize("kind", [RateAllocator, LagrangianRateAllocator, FixedRate])
def test_without_a_goal_the_papers_rate_is_aimed_at(kind):
    known = {"entropy": entropy(32, 32), "size": size_of(32, 32), "snr_db": TEN_DB}
    assert torch.equal(kind()(**known).lengths, kind(target_cbr=PAPER_CBR)(**known).lengths)


def test_a_link_fills_in_what_is_left_open():
    rate = FixedRate(target_cbr=0.1, header_code_rate=0.5)
    fitted = rate.fitted(header_code_rate=0.9, rate_set=(2, 4), distortion="small", fading=True)
    assert fitted.settings == {**rate.settings, "rate_set": (2, 4), "fading": True}
    assert rate.settings["rate_set"] is None
    assert fitted.fitted(rate_set="default", fading=False) is fitted


def test_random_fixed_rates_stay_in_their_range_and_cover_it():
    rate = RandomFixedRate(least_cbr=1 / 48, most_cbr=1 / 12, rate_set=tuple(range(8, 71))).seed(2)
    k = rate(size=size_of(1, 2, 4000)).lengths[:, 0, 0].double()
    assert 16 <= int(k.min()) <= 17
    assert 63 <= int(k.max()) <= 64
    # Log-uniform: the mean of the logarithm is its middle, sqrt(16*64) = 32; the standard error is 0.4/sqrt(4000).
    assert k.log().mean().item() == pytest.approx(math.log(32), abs=5 * 0.4 / 4000**0.5)
    one = RandomFixedRate(one_per_batch=True, rate_set=(15, 16, 32)).seed(3)
    drawn = [one(size=size_of(1, 1, 3)).lengths for _ in range(40)]
    assert all(len(each.unique()) == 1 for each in drawn)
    assert {int(each[0, 0, 0]) for each in drawn} == {15, 16, 32}


# -- NTSCC's rule as published


def test_the_smallest_rate_that_is_at_least_eta_times_the_bits():
    values, eta = (3, 8, 20, 33), 0.37
    edges = torch.tensor([6.001, 15.999, 40.001]) / eta
    bits = torch.cat([torch.linspace(0, 300, 997), edges]).reshape(1, 1, -1)
    found = EntropyRate(eta=eta, rate_set=values)(entropy=bits).lengths.flatten().tolist()
    for bit, length in zip(bits.flatten().tolist(), found, strict=True):
        enough = [value for value in values if 2 * value >= eta * bit]
        assert length == (enough[0] if enough else values[-1])
    with pytest.raises(ParameterError, match="eta"):
        EntropyRate(eta=0.0)
