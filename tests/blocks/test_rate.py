import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linksim.blocks import RateAllocator
from linksim.blocks.rate import RATE_SETS, levels_of, rate_values
from linksim.blocks.rate.rate_set import rate_set_id
from linksim.blocks.rate.smoothing import quantize, quantize_smoothly
from linksim.errors import LinksimError, ParameterError

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
    assert out.met.tolist() == [True]


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
        assert not out.met.item()
        assert cbr == 8 / 768
    else:
        assert out.met.item()
        assert 0.99 * target <= cbr <= target


def test_nothing_more_would_fit():
    e, size = entropy(), size_of(12, 16)
    out = RateAllocator(target_cbr=0.03)(entropy=e, size=size)
    more = RateAllocator(eta=float(out.eta) * 1.0001)(entropy=e)
    assert out.lengths.sum() <= 0.03 * 768 * 12 * 16 < more.lengths.sum() + 64


def test_targets_out_of_reach_say_so():
    e, size = entropy(), size_of(12, 16)
    low = RateAllocator(target_cbr=0.001)(entropy=e, size=size)
    assert not low.met.item()
    assert set(low.lengths.flatten().tolist()) == {V[0]}
    high = RateAllocator(target_cbr=0.5)(entropy=e, size=size)
    assert not high.met.item()
    assert set(high.lengths.flatten().tolist()) == {V[-1]}


def test_each_picture_of_a_batch_is_solved_alone():
    e = torch.cat([entropy(seed=1), entropy(seed=2) * 30])
    both = RateAllocator(target_cbr=0.02)(entropy=e, size=size_of(12, 16, 2))
    for i in range(2):
        alone = RateAllocator(target_cbr=0.02)(entropy=e[i : i + 1], size=size_of(12, 16))
        assert torch.equal(both.lengths[i : i + 1], alone.lengths)


@pytest.mark.parametrize("target", [0.02, 0.05])
def test_target_cbr_total_bills_the_header(target):
    from linksim.blocks import HeaderEncoder

    e, size = entropy(24, 40), size_of(24, 40)
    out = RateAllocator(target_cbr_total=target)(entropy=e, size=size)
    loading = torch.zeros(1, len(V), 2)
    header = HeaderEncoder()(lengths=out.lengths, size=size, power=torch.ones(1), loading=loading)
    total = (float(out.lengths.sum()) + float(header.length)) / (768 * 24 * 40)
    assert out.met.item()
    assert 0.99 * target <= total <= target


def test_more_entropy_never_gets_less():
    e = entropy()
    k = RateAllocator(target_cbr=0.03)(entropy=e, size=size_of(12, 16)).lengths.flatten()
    assert bool((k[e.flatten().argsort()].diff() >= 0).all())


def test_flat_pictures_and_one_patch():
    out = RateAllocator(target_cbr=0.05)(entropy=torch.zeros(1, 4, 4), size=size_of(4, 4))
    assert set(out.lengths.flatten().tolist()) == {2}
    assert not out.met.item()
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
        {},
        {"eta": 0.1, "target_cbr": 0.1},
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
