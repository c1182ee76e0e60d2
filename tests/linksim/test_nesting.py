"""A flowgraph as a block, blocks that work in two places, and edits that reach the plans that they concern."""

import copy
import pickle
from dataclasses import dataclass

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from linksim import Block, Decibels, Flowgraph, Score, Tied
from linksim.blocks import AWGN, BPSKDemapper, BPSKMapper
from linksim.errors import FlowgraphFileError, OwnershipError, ParameterError
from linksim.flowgraphs import bpsk
from linksim.montecarlo import Sweep
from linksim.plan import PlanBuilder
from linksim.types import Bundle

Row = Float[Tensor, "batch n"]


class Scale(Block):
    """One weight."""

    def __init__(self, *, start: float = 2.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start))

    def forward(self, x: Row) -> Row:
        return self.weight * x


class Noise(Block):
    """Adds random numbers."""

    def forward(self, x: Row) -> Row:
        return x + torch.rand(x.shape, generator=self.rng)


def twice(original, **_):
    fg = Flowgraph("twice", inputs={"x": Row})
    fg.first = original
    fg.second = Tied(block=fg.first)
    fg.connect(fg["x"], fg.first, fg.second, fg["out"])
    return fg


def nested():
    outer, inner = Flowgraph("outer", inputs={"x": Row}), Flowgraph("inner", inputs={"x": Row})
    inner.scale = Scale()
    inner.connect(inner["x"], inner.scale, inner["y"])
    outer.inner = inner
    outer.connect(outer["x"], outer.inner, outer["out"])
    return outer


@pytest.fixture
def plans_made(monkeypatch):
    made = []
    build = PlanBuilder.build
    monkeypatch.setattr(
        PlanBuilder, "build", lambda self, graph, *rest: made.append(graph) or build(self, graph, *rest)
    )
    return made


def test_a_flowgraph_is_a_block_and_works_where_blocks_do():
    inner = bpsk(length=8)
    assert isinstance(inner, Block)
    assert inner.is_source
    assert inner.settings == {}
    assert inner.seed(1).rng.initial_seed() >= 0
    assert inner.input_ports["snr_db"].name == "snr_db"
    assert inner.default_name == "bpsk"
    outer = Flowgraph("outer", inputs={"snr_db": Decibels})
    outer.connect(outer["snr_db"], inner, outer["ber"])
    assert list(outer.blocks) == ["bpsk_1"]
    assert outer.run(batch=3, snr_db=4.0)["ber"].errors.shape == (3,)


def test_an_edit_throws_away_the_plans_of_the_graphs_around_it_and_no_others(plans_made):
    outer, other = nested(), nested()
    x = torch.ones(1, 2)
    for graph in (outer, other, outer.inner):
        graph.run(x=x)
    plans_made.clear()
    outer.inner.scale = Scale(start=5.0)
    assert outer.run(x=x)["out"].tolist() == [[5.0, 5.0]]
    assert outer.inner.run(x=x)["y"].tolist() == [[5.0, 5.0]]
    assert other.run(x=x)["out"].tolist() == [[2.0, 2.0]]
    assert plans_made == [outer, outer.inner]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
def test_an_edit_deep_in_a_copy_reaches_the_copy_and_not_the_original(copied):
    outer, x = nested(), torch.ones(1, 1)
    outer.run(x=x)
    twin = copied(outer)
    twin.inner.scale = Scale(start=7.0)
    assert twin.run(x=x)["out"].item() == 7.0
    assert outer.run(x=x)["out"].item() == 2.0
    with pytest.raises(OwnershipError, match="already 'inner' in flowgraph 'outer'"):
        Flowgraph("third").inner = twin.inner


def test_a_graph_taken_out_no_longer_reaches_the_one_it_stood_in(plans_made):
    outer, x = nested(), torch.ones(1, 1)
    inner = outer.inner
    twin = nested().inner
    outer.inner = copy.deepcopy(twin)
    outer.run(x=x)
    plans_made.clear()
    inner.scale = Scale(start=3.0)
    outer.run(x=x)
    assert plans_made == []


def test_a_tied_block_is_the_same_network_twice():
    fg = twice(Scale(start=3.0))
    x = torch.tensor([[1.0]])
    out = fg(x=x)["out"]
    assert out.item() == 9.0
    out.sum().backward()
    # d(w*w)/dw = 2w.
    assert fg.first.weight.grad.item() == 6.0
    assert list(fg.state_dict()) == ["first.weight"]
    assert len(list(fg.parameters())) == 1
    fg.double()
    assert fg(x=x.double())["out"].item() == 9.0


def test_a_tied_block_draws_on_in_its_own_stream():
    fg, x = twice(Noise()), torch.zeros(1, 3)
    run = fg.run(x=x, seed=4, probe=["first.out"])
    alone = Flowgraph("alone", inputs={"x": Row})
    alone.first = Noise()
    alone.connect(alone["x"], alone.first)
    first = alone.run(x=x, seed=4)["first.out"]
    assert torch.equal(run["first.out"], first)
    second = alone(x=x)["first.out"]
    assert torch.equal(run["out"], first + second)
    assert torch.equal(fg.run(x=x, seed=4)["out"], run["out"])


def test_a_tied_block_in_copies_files_and_diagrams(tmp_path):
    fg, x = twice(Scale()), torch.ones(1, 1)
    twin = copy.deepcopy(fg)
    twin.first.weight.data.fill_(4.0)
    assert twin.run(x=x)["out"].item() == 16.0
    assert fg.run(x=x)["out"].item() == 4.0
    fg.save(tmp_path / "twice.yaml")
    loaded = Flowgraph.load(tmp_path / "twice.yaml", blocks=[Scale])
    assert loaded.second.original is loaded.first
    assert loaded.run(x=x)["out"].item() == 4.0
    assert "Tied to first" in fg.diagram()
    assert "Tied to first" in fg._repr_svg_()
    assert "Tied(block=first)" in repr(fg)


def test_a_tied_block_across_nested_graphs(tmp_path):
    outer = nested()
    outer.again = Tied(block=outer.inner.scale)
    outer.connect(outer["x"], outer.again, outer["again"])
    outer.save(tmp_path / "nested.yaml")
    loaded = Flowgraph.load(tmp_path / "nested.yaml", blocks=[Scale])
    assert loaded.again.original is loaded.inner.scale
    assert loaded.run(x=torch.ones(1, 1))["again"].item() == 2.0


def test_what_cannot_be_tied_says_so(tmp_path):
    with pytest.raises(ParameterError, match=r"neither a flowgraph nor tied itself \(got Flowgraph\)"):
        Tied(block=bpsk())
    with pytest.raises(ParameterError, match=r"got Tied"):
        Tied(block=Tied(block=AWGN()))
    with pytest.raises(ParameterError, match=r"got str"):
        Tied(block="channel")
    fg = Flowgraph("lonely", inputs={"x": Row})
    fg.second = Tied(block=Scale())
    fg.connect(fg["x"], fg.second)
    with pytest.raises(OwnershipError, match="'second' is tied to a Scale that does not stand in 'lonely'"):
        fg.run(x=torch.ones(1, 1))
    with pytest.raises(FlowgraphFileError, match="'second' is tied to a block that does not stand"):
        fg.save(tmp_path / "lonely.yaml")
    text = "linksim: 1\nname: a\ninputs: {}\nblocks:\n  a: {tied: b}\nconnections: []\n"
    (tmp_path / "early.yaml").write_text(text)
    with pytest.raises(FlowgraphFileError, match="'a' is tied to 'b', which does not stand before it"):
        Flowgraph.load(tmp_path / "early.yaml")


def test_the_second_place_of_a_block_is_hinted_at():
    fg = Flowgraph("twice")
    fg.mapper = BPSKMapper()
    with pytest.raises(OwnershipError, match=r"Tied\(block=\.\.\.\) lets it work in a second place"):
        fg.other = fg.mapper
    fg.demapper = BPSKDemapper()


@dataclass(frozen=True)
class Sentence(Bundle):
    """A bundle that linksim does not know."""

    words: Int[Tensor, "batch n"]
    count: Int[Tensor, "batch"]


class Longer(Block):
    """Words beyond the third."""

    def forward(self, sentence: Sentence) -> Score:
        return Score((sentence.count - 3).clamp_min(0).float())


def test_a_bundle_of_ones_own_is_swept_saved_and_loaded(tmp_path):
    fg = Flowgraph("words", inputs={"sentence": Sentence})
    fg.longer = Longer()
    fg.connect(fg["sentence"], fg.longer, fg["excess"])
    sentence = Sentence(torch.zeros(1, 7, dtype=torch.int64), torch.tensor([5]))
    table = Sweep(fg, grid=[{}], cases=[{"sentence": sentence}]).run()
    assert table["estimate"].tolist() == [2.0]
    fg.save(tmp_path / "words.yaml")
    loaded = Flowgraph.load(tmp_path / "words.yaml", blocks=[Longer])
    assert loaded.run(sentence=sentence)["excess"].value.item() == 2.0
    with pytest.raises(FlowgraphFileError, match="input 'sentence' has the unknown type 'Sentence'"):
        Flowgraph.load(tmp_path / "words.yaml")
