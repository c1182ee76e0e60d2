import copy

import numpy as np
import pytest
import torch

from linksim import Bits, Block, Decibels, Flowgraph, Latent, Score, Symbols
from linksim.blocks import AWGN, BitErrors, BitSource, BPSKDemapper, BPSKMapper, Rayleigh
from linksim.errors import RunError, UnknownPortError
from linksim.flowgraphs import bpsk
from linksim.randomness import derive_seed


def test_the_flowgraph_of_the_readme_runs_and_probes():
    fg = Flowgraph("bpsk-over-awgn", inputs={"snr_db": Decibels})
    fg.bits, fg.mapper, fg.channel = BitSource(length=1024), BPSKMapper(), AWGN()
    fg.demapper, fg.errors = BPSKDemapper(), BitErrors()
    fg.connect(fg.bits, fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg.bits, fg.errors["sent"])
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.connect(fg.errors, fg["ber"])
    run = fg.run(batch=64, snr_db=6.0, seed=1, probe=[fg.channel["out"]])
    assert set(run) == {"ber", "channel.out"}
    assert run["ber"].trials.tolist() == [1024] * 64
    assert run[fg.channel["out"]].symbols.samples.shape == (64, 1024)


def test_a_run_repeats_and_another_seed_does_not():
    fg = bpsk()
    first, again, other = (fg.run(batch=8, snr_db=0.0, seed=s)["ber"].errors for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_calls_go_on_where_runs_start_again():
    fg = bpsk().seed(1)
    first, second = fg(batch=8, snr_db=0.0)["ber"].errors, fg(batch=8, snr_db=0.0)["ber"].errors
    assert not torch.equal(first, second)
    assert torch.equal(fg.run(batch=8, snr_db=0.0, seed=1)["ber"].errors, first)


def test_adding_a_block_changes_no_other_blocks_noise():
    plain, longer = bpsk(), bpsk()
    longer.second = AWGN()
    longer.connect(longer.mapper, longer.second)
    longer.connect(longer["snr_db"], longer.second["snr_db"])
    a, b = (fg.run(batch=4, snr_db=3.0, seed=5)["ber"].errors for fg in (plain, longer))
    assert torch.equal(a, b)


def test_no_global_generator_is_read_or_set():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    bpsk().run(batch=4, snr_db=3.0, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_seeds_depend_on_path_and_seed():
    assert len({derive_seed(s, p) for s in range(50) for p in ("a", "b", "a.b", "")}) == 200
    assert all(0 <= derive_seed(s, "x") < 2**63 for s in range(100))


def nested(depth: int) -> Flowgraph:
    fg = Flowgraph(f"level {depth}", inputs={"symbols": Symbols, "snr_db": Decibels})
    fg.inner = nested(depth - 1) if depth else AWGN()
    fg.connect(fg["symbols"], fg.inner["symbols"])
    fg.connect(fg["snr_db"], fg.inner["snr_db"])
    fg.connect(fg.inner, fg["out"])
    return fg


def test_flowgraphs_nest_and_probe_at_any_depth():
    flat, deep = bpsk(), bpsk(channel=nested(3))
    innermost = deep.channel.inner.inner.inner.inner
    run = deep.run(batch=4, snr_db=2.0, seed=1, probe=[innermost["out"]])
    assert run[innermost["out"]].symbols.samples.shape == (4, 1024)
    assert "channel.inner.inner.inner.inner.out" in run
    assert int(run["ber"].errors.sum()) > 0
    assert int(flat.run(batch=4, snr_db=2.0, seed=1)["ber"].errors.sum()) > 0


def test_a_nested_flowgraph_shows_only_what_it_declares():
    inner = Flowgraph("inner", inputs={"bits": Bits})
    inner.a, inner.b = BPSKMapper(), BPSKMapper()
    inner.connect(inner["bits"], inner.a, inner["symbols"])
    inner.connect(inner["bits"], inner.b)
    outer = Flowgraph("outer")
    outer.source, outer.inner = BitSource(length=4), inner
    outer.connect(outer.source, outer.inner)
    assert set(outer.run(batch=1)) == {"inner.symbols"}
    assert set(inner.run(bits=torch.zeros(1, 4, dtype=torch.uint8))) == {"symbols", "b.out"}


def test_assigning_to_a_name_swaps_the_block_and_keeps_the_connections():
    fg = bpsk()
    good = float(fg.run(batch=100, snr_db=10.0)["ber"].errors.float().mean())
    fg.channel = Rayleigh()
    assert float(fg.run(batch=100, snr_db=10.0)["ber"].errors.float().mean()) > good + 5


def test_anonymous_blocks_are_named_by_class_and_number():
    fg = Flowgraph("names", inputs={"bits": Bits, "snr_db": Decibels})
    first, second = AWGN(), AWGN()
    fg.connect(fg["bits"], BPSKMapper(), first)
    fg.connect(fg["snr_db"], first["snr_db"])
    fg.connect(fg.bpsk_mapper_1, second)
    assert list(fg.blocks) == ["bpsk_mapper_1", "awgn_1", "awgn_2"]


class Scale(Block):
    """A block with a weight, for gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, latent: Latent, bias: Latent | None = None) -> Score:
        total = (latent * self.weight).sum((1, 2, 3))
        return Score(total if bias is None else total + bias.sum((1, 2, 3)))


def scaling() -> Flowgraph:
    fg = Flowgraph("scaling", inputs={"latent": Latent, "bias": Latent})
    fg.scale = Scale()
    fg.connect(fg["latent"], fg.scale, fg["score"])
    fg.connect(fg["bias"], fg.scale["bias"])
    return fg


def test_calls_pass_gradients_and_runs_do_not():
    fg = scaling()
    x = torch.ones(1, 2, 3, 3)
    fg(latent=x)["score"].value.sum().backward()
    assert fg.scale.weight.grad.item() == 18.0
    assert not fg.run(latent=x)["score"].value.requires_grad


def test_an_input_that_feeds_optional_ports_only_may_be_left_out():
    fg, x = scaling(), torch.ones(1, 2, 3, 3)
    assert fg.input_ports["bias"].optional
    assert not fg.input_ports["latent"].optional
    assert fg.run(latent=x)["score"].value.item() == 36.0
    assert fg.run(latent=x, bias=x)["score"].value.item() == 54.0


def test_run_refuses_training_mode_and_says_what_to_do():
    fg = scaling()
    assert not fg.scale.training
    fg.train()
    with pytest.raises(RunError, match=r"call eval\(\)"):
        fg.run(latent=torch.ones(1, 1, 1, 1))
    fg.eval()
    fg.scale.train()
    with pytest.raises(RunError, match="training mode"):
        fg.run(latent=torch.ones(1, 1, 1, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs snr_db: Decibels"),
        ({"snr_db": 3.0}, "needs batch="),
        ({"snr_bd": 3.0, "batch": 1}, "did you mean 'snr_db'"),
        ({"snr_db": "three", "batch": 1}, r"'snr_db' must be a tensor, Decibels \(float \[batch\]\) \(got str\)"),
        ({"snr_db": [1.0, 2.0]}, r"'snr_db' must be a tensor, .* \(got list\)"),
        ({"snr_db": np.ones(2)}, r"must be a tensor, .* \(got ndarray\); torch.from_numpy makes one"),
    ],
)
def test_run_names_what_is_wrong_with_its_arguments(arguments, message):
    with pytest.raises(RunError, match=message):
        bpsk().run(**arguments)


def test_asking_for_what_was_not_kept_says_how_to_keep_it():
    fg = bpsk()
    run = fg.run(batch=1, snr_db=1.0)
    with pytest.raises(UnknownPortError, match=r"probe=\[...\]"):
        run[fg.channel["out"]]
    for probe, hint in (
        ("chanel.out", "did you mean 'channel.out'"),
        ("channel.symbols", "that is an input; probe the output that feeds it"),
        ("out", "it means one of bits.out, "),
    ):
        with pytest.raises(UnknownPortError, match=f"nothing to probe at '{probe}'; {hint}"):
            fg.run(batch=1, snr_db=1.0, probe=[probe])


def test_state_dict_round_trip_and_deepcopy():
    fg = scaling()
    assert list(fg.state_dict()) == ["scale.weight"]
    twin = copy.deepcopy(fg)
    with torch.no_grad():
        fg.scale.weight.fill_(5.0)
    x = torch.ones(1, 1, 1, 1)
    assert twin.run(latent=x)["score"].value.item() == 2.0
    twin.load_state_dict(fg.state_dict())
    assert twin.run(latent=x)["score"].value.item() == 5.0
    other = Flowgraph("other", inputs={"latent": Latent})
    other.scale = copy.deepcopy(fg.scale)
    other.connect(other["latent"], other.scale)
    assert other.run(latent=x)["scale.out"].value.item() == 5.0


def test_settings_and_repr_come_from_the_signature():
    block = BitSource(length=12)
    assert block.settings == {"length": 12}
    assert repr(block) == "BitSource(length=12)"
    assert BitSource().settings == {"length": 1024}


def test_double_precision_and_integers_expand():
    fg = bpsk(length=8)
    run = fg.run(batch=2, snr_db=torch.tensor([1.0, 2.0], dtype=torch.float64))
    assert run["ber"].errors.shape == (2,)
    assert fg.run(batch=2, snr_db=3)["ber"].errors.shape == (2,)


@pytest.mark.gpu
def test_a_flowgraph_moves_to_the_gpu():
    fg = bpsk().to("cuda")
    run = fg.run(batch=200, snr_db=0.0)
    assert run["ber"].errors.device.type == "cuda"
    assert abs(run["ber"].errors.float().mean().item() / 1024 - 0.0786) < 0.005
