"""A flowgraph as Python source: what it makes is the same, and nothing that a name holds is run."""

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from linksim import Block, Decibels, Flowgraph, Received, Tied
from linksim.blocks import FixedRate
from linksim.errors import FlowgraphFileError
from linksim.faces.yaml_file import describe
from linksim.flowgraphs import bpsk
from linksim.types import Size


def made_of(code: str) -> Flowgraph:
    space: dict = {}
    exec(code, space)
    return space["build"]()


def test_the_same_bits_come_out():
    fg = bpsk(length=64)
    again = made_of(fg.to_python())
    found = [each.run(batch=2, snr_db=3.0, seed=4, probe=["channel.out"])["channel.out"] for each in (fg, again)]
    assert torch.equal(*(each.symbols.samples for each in found))


def test_nested_and_tied_blocks_and_types_without_a_name():
    fg = Flowgraph("outer", inputs={"symbols": Float[Tensor, "batch 2 uses"], "snr_db": Decibels, "heard": Received})
    fg.inner = Flowgraph("inner", inputs={"snr_db": Decibels})
    fg.inner.bits = bpsk(length=8)
    fg.inner.connect(fg.inner["snr_db"], fg.inner.bits["snr_db"])
    fg.inner.connect(fg.inner.bits["ber"], fg.inner["ber"])
    fg.Inner = Flowgraph("fg", inputs={"snr_db": Decibels})
    fg.Inner.inner = single(Own(gain=2.0))
    fg.Inner.inner_ = Tied(block=fg.Inner.inner.own)
    fg.Inner.connect(fg.Inner["snr_db"], fg.Inner.inner["snr_db"])
    fg.Inner.connect(fg.Inner.inner["out"], fg.Inner.inner_["snr_db"])
    fg.connect(fg["snr_db"], fg.inner["snr_db"])
    fg.connect(fg["snr_db"], fg.Inner["snr_db"])
    fg.connect(fg.inner["ber"], fg["ber"])
    again = made_of(fg.to_python())
    assert describe(again) == describe(fg)
    assert again.Inner.inner_.original is again.Inner.inner.own


def test_names_are_text_and_nothing_else():
    evil = '"""\nraise SystemExit("run") #\' \\'
    fg = single(Own())
    fg.name = evil
    assert describe(made_of(fg.to_python())) == describe(fg)


class Own(Block):
    """A block of this module."""

    def __init__(self, *, words: tuple[str, ...] = (), gain: float = 1.0) -> None:
        super().__init__()
        self.words, self.gain = words, gain

    def forward(self, snr_db: Decibels) -> Decibels:
        return self.gain * snr_db


def single(block: Block, name: str = "own") -> Flowgraph:
    fg = Flowgraph("single", inputs={"snr_db": Decibels})
    setattr(fg, name, block)
    fg.connect(fg["snr_db"], fg.blocks[name])
    fg.connect(fg.blocks[name], fg["out"])
    return fg


def test_blocks_of_ones_own_are_imported_from_their_module():
    fg = single(Own(words=("it's", 'a "word"', "x" * 100, "y" * 60), gain=1e-9))
    code = fg.to_python()
    assert "from tests.linksim.test_python_code import Own" in code
    assert describe(made_of(code)) == describe(fg)


def test_lines_are_not_too_long_and_a_rate_set_stands_in_rows():
    fg = Flowgraph("rates", inputs={"size": Size})
    fg.rate = FixedRate(rate_set=tuple(range(1, 65)))
    fg.connect(fg["size"], fg.rate["size"])
    fg.connect(fg.rate["lengths"], fg["lengths"])
    lines = fg.to_python().splitlines()
    assert max(map(len, lines)) <= 120
    assert len(lines) < 25
    assert describe(made_of("\n".join(lines))) == describe(fg)


@pytest.mark.parametrize("block", [
    Own(words=("x" * 200,)),
    Own(words=("a (b" + "y" * 120, "it's \\", "\n" * 60)),
    FixedRate(rate_set=tuple(range(1, 65))),
])  # fmt: skip
def test_long_values_are_broken_where_python_allows_it(block):
    fg = Flowgraph("long", inputs={"size": Size, "snr_db": Decibels})
    fg.block = block
    for name in [name for name in ("size", "snr_db") if name in block.input_ports]:
        fg.connect(fg[name], fg.block[name])
    for name in block.output_ports:
        fg.connect(fg.block[name], fg[name])
    again = made_of(fg.to_python())
    assert again.block.settings == fg.block.settings
    assert describe(again) == describe(fg)


def test_a_variable_does_not_hide_a_class():
    class_like = Flowgraph("outer", inputs={"snr_db": Decibels})
    class_like.Own = single(Own())
    class_like.connect(class_like["snr_db"], class_like.Own["snr_db"])
    class_like.connect(class_like.Own["out"], class_like["out"])
    assert describe(made_of(class_like.to_python())) == describe(class_like)


def test_two_classes_of_one_name_are_refused():
    other = type("Own", (Own,), {"__module__": "elsewhere"})
    fg = Flowgraph("two", inputs={"snr_db": Decibels})
    fg.first, fg.second = Own(), other()
    fg.connect(fg["snr_db"], fg.first, fg.second, fg["out"])
    with pytest.raises(FlowgraphFileError, match=r"two classes Own, of tests.* and of elsewhere"):
        fg.to_python()


def test_what_python_cannot_name_is_refused():
    class Local(Own):
        pass

    with pytest.raises(FlowgraphFileError, match="Local is in no module"):
        single(Local()).to_python()
    for name in ("class", "\ufb01"):
        with pytest.raises(FlowgraphFileError, match=f"'{name}' cannot be written in Python"):
            single(Own(), name).to_python()
    with pytest.raises(FlowgraphFileError, match="plain values"):
        single(Own(gain=float("nan"))).to_python()
