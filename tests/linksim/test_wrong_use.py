"""Every wrong use has its own error, and its message names what was wrong."""

import pytest
import torch

from linksim import Bits, Block, Decibels, Flowgraph, Image, Importance, Lengths, LLRs, Score, Symbols
from linksim.blocks import AWGN, SAD, BitErrors, BitSource, BPSKDemapper, BPSKMapper
from linksim.errors import (
    AlreadyFedError,
    ChainError,
    DimensionError,
    DirectionError,
    DTypeError,
    FlowgraphError,
    LoopError,
    OwnershipError,
    ParameterError,
    PortError,
    RangeError,
    RankError,
    UnconnectedBlockError,
    UnfedInputError,
    UnknownPortError,
)
from linksim.flowgraphs import bpsk


def graph(**inputs):
    fg = Flowgraph("wrong", inputs=inputs or {"bits": Bits, "snr_db": Decibels})
    fg.mapper, fg.channel, fg.demapper, fg.errors = BPSKMapper(), AWGN(), BPSKDemapper(), BitErrors()
    return fg


def test_wrong_dtype_family():
    fg = graph(llrs=LLRs)
    with pytest.raises(DTypeError, match=r"mapper\.bits expects Bits \(uint8 \[batch, n\]\).*gives LLRs \(float"):
        fg.connect(fg["llrs"], fg.mapper)


def test_a_bundle_is_no_tensor():
    fg = graph()
    with pytest.raises(DTypeError, match="bundle Symbols"):
        fg.connect(fg.mapper, fg.errors["sent"])


def test_wrong_rank():
    fg = graph(snr_db=Decibels)
    with pytest.raises(RankError, match=r"errors\.received expects LLRs \(float \[batch, n\]\)"):
        fg.connect(fg["snr_db"], fg.errors["received"])


def test_wrong_named_dimension_when_data_flow():
    fg = graph(received=LLRs, sent=Bits)
    del fg.mapper, fg.channel, fg.demapper
    fg.connect(fg["received"], fg.errors["received"])
    fg.connect(fg["sent"], fg.errors["sent"])
    fg.run(received=torch.zeros(2, 5), sent=torch.zeros(2, 5, dtype=torch.uint8))
    with pytest.raises(
        DimensionError, match=r"errors\.sent: expected n = 5 \(as in errors\.received\), got 4.*input 'sent'"
    ):
        fg.run(received=torch.zeros(2, 5), sent=torch.zeros(2, 4, dtype=torch.uint8))


def test_wrong_fixed_dimension():
    fg = Flowgraph("grey", inputs={"image": Image, "importance": Importance})
    fg.sad = SAD()
    fg.connect(fg["image"], fg.sad["image"])
    fg.connect(fg["image"], fg.sad["original"])
    fg.connect(fg["importance"], fg.sad["importance"])
    with pytest.raises(DimensionError, match=r"sad\.image: expected 3 = 3"):
        fg.run(image=torch.zeros(1, 1, 16, 16), importance=torch.zeros(1, 1, 1, dtype=torch.int64))


def test_wrong_dtype_and_rank_when_data_flow():
    fg = bpsk()
    with pytest.raises(DTypeError, match=r"channel\.snr_db: expected Decibels"):
        fg.run(snr_db=torch.zeros(2, dtype=torch.int64))
    with pytest.raises(RankError, match=r"channel\.snr_db: expected 1 dimensions"):
        fg.run(snr_db=torch.zeros(2, 1))
    with pytest.raises(DimensionError, match="expected batch = 3"):
        fg.run(batch=3, snr_db=torch.zeros(2))


def test_unfed_input():
    fg = graph()
    fg.connect(fg["bits"], fg.mapper, fg.channel, fg.demapper, fg.errors["received"])
    fg.connect(fg["bits"], fg.errors["sent"])
    with pytest.raises(UnfedInputError, match=r"channel\.snr_db: Decibels has no source"):
        fg.run(bits=torch.zeros(1, 4, dtype=torch.uint8), snr_db=1.0)


def test_port_fed_twice_and_nothing_of_the_chain_is_kept():
    fg = graph()
    fg.connect(fg["bits"], fg.mapper, fg.channel)
    before = list(fg.connections)
    with pytest.raises(AlreadyFedError, match=r"channel\.symbols is already fed"):
        fg.connect(fg["bits"], fg.errors["sent"])
        fg.connect(BitSource(length=4), BPSKMapper(), fg.channel)
    assert fg.connections[: len(before)] == before
    assert set(fg.blocks) == {"mapper", "channel", "demapper", "errors"}


def test_output_declared_twice():
    fg = graph()
    fg.connect(fg["bits"], fg.mapper, fg["out"])
    with pytest.raises(AlreadyFedError, match="the flowgraph's out"):
        fg.connect(fg["bits"], fg["out"])


def test_unknown_port_gives_the_nearest_name():
    fg = graph()
    with pytest.raises(UnknownPortError, match="errors has no port 'recieved'; did you mean 'received'"):
        fg.errors["recieved"]
    with pytest.raises(UnknownPortError, match="no input 'snr'; did you mean 'snr_db'"):
        fg.connect(fg["snr"], fg.channel["snr_db"])
    with pytest.raises(UnknownPortError, match="has no output port"):
        fg.channel.outputs["symbols"]


def test_wrong_direction():
    fg = graph()
    with pytest.raises(DirectionError, match="is no output"):
        fg.connect(fg.errors["sent"], fg.mapper)
    with pytest.raises(DirectionError, match="is no input"):
        fg.connect(fg["bits"], fg.mapper["out"])


def test_loop():
    class Echo(Block):
        """Hands on."""

        def forward(self, bits: Bits) -> Bits:
            return bits

    fg = Flowgraph("loop")
    fg.a, fg.b = Echo(), Echo()
    fg.connect(fg.a, fg.b, fg.a)
    with pytest.raises(LoopError, match="a -> b -> a|b -> a -> b"):
        fg.run(batch=1)


def test_a_block_in_two_flowgraphs():
    fg, other = graph(), graph()
    with pytest.raises(OwnershipError, match="already 'mapper' in flowgraph 'wrong'"):
        other.mine = fg.mapper
    with pytest.raises(OwnershipError):
        other.connect(other["bits"], fg.mapper)
    with pytest.raises(OwnershipError, match="already 'mapper'"):
        fg.again = fg.mapper


def test_a_chain_through_a_port_in_its_middle():
    fg = graph()
    with pytest.raises(ChainError, match=r"channel\.symbols stands in the middle of a chain"):
        fg.connect(fg["bits"], fg.mapper, fg.channel["symbols"], fg.demapper)


def test_other_bad_chains():
    fg = graph()
    with pytest.raises(ChainError, match="two elements"):
        fg.connect(fg.mapper)
    with pytest.raises(ChainError, match="joins blocks"):
        fg.connect(fg["bits"], torch.nn.ReLU())
    with pytest.raises(ChainError, match="its own chain"):
        fg.connect(fg, fg.mapper)
    with pytest.raises(ChainError, match="it is a source"):
        fg.connect(fg.mapper, BitSource(length=4))


def test_a_block_tied_to_nothing():
    fg = bpsk()
    fg.forgotten = AWGN()
    with pytest.raises(UnconnectedBlockError, match="'forgotten' in 'bpsk' is tied to nothing"):
        fg.run(batch=1, snr_db=1.0)


def test_an_empty_flowgraph():
    with pytest.raises(FlowgraphError, match="has no blocks"):
        Flowgraph("empty").run(batch=1)


def test_names_that_a_flowgraph_uses_itself():
    fg = graph()
    with pytest.raises(FlowgraphError, match="cannot name a block"):
        fg.run = AWGN()
    with pytest.raises(FlowgraphError, match="must be a Block"):
        fg.layer = torch.nn.Linear(1, 1)
    with pytest.raises(FlowgraphError, match="cannot name an input"):
        Flowgraph("reserved", inputs={"seed": Decibels})


def test_swapping_for_a_block_that_does_not_fit():
    fg = bpsk()
    with pytest.raises((DTypeError, UnknownPortError)):
        fg.channel = BPSKMapper()
    assert isinstance(fg.channel, AWGN)
    assert fg.run(batch=1, snr_db=1.0)["ber"].trials.item() == 1024


def test_ports_must_be_declared():
    class NoReturn(Block):
        """No output."""

        def forward(self, bits: Bits):
            return bits

    class PassThrough(Block):
        """Anything goes."""

        def forward(self, **anything: Bits) -> Bits:
            return anything["bits"]

    class Plain(Block):
        """Not a tensor type."""

        def forward(self, number: float) -> Bits:
            return torch.zeros(1, 1)

    for kind, message in ((NoReturn, "return type"), (PassThrough, "one by one"), (Plain, "tensor type")):
        with pytest.raises(PortError, match=message):
            _ = kind().input_ports


def test_a_block_that_returns_something_else_than_it_declares():
    class Liar(Block):
        """Says bits, gives None."""

        def forward(self, bits: Bits) -> Bits:
            return None

    class Ragged(Block):
        """Says the same n, gives one more."""

        def forward(self, bits: Bits) -> Bits:
            return torch.cat([bits, bits], 1)

    for kind, error, message in ((Liar, PortError, "must return"), (Ragged, DimensionError, r"block\.out: expected n")):
        fg = Flowgraph("lie", inputs={"bits": Bits})
        fg.block = kind()
        fg.connect(fg["bits"], fg.block)
        with pytest.raises(error, match=message):
            fg.run(bits=torch.zeros(1, 2, dtype=torch.uint8))


def test_errors_inside_a_block_name_its_path():
    class Broken(Block):
        """Divides by zero."""

        def forward(self, bits: Bits) -> Score:
            raise ZeroDivisionError("oops")

    fg = Flowgraph("broken", inputs={"bits": Bits})
    fg.culprit = Broken()
    fg.connect(fg["bits"], fg.culprit)
    with pytest.raises(ZeroDivisionError) as caught:
        fg.run(bits=torch.zeros(1, 2, dtype=torch.uint8))
    assert caught.value.__notes__ == ["in block 'culprit' (Broken)"]


@pytest.mark.parametrize("length", [0, -3, 10**9, 2.5, "ten"])
def test_parameters_out_of_range(length):
    with pytest.raises(ParameterError, match=r"'length' must be an integer in 1\.\.67108864 \(got"):
        BitSource(length=length)


def test_lengths_type_is_an_integer_type():
    fg = Flowgraph("ints", inputs={"lengths": Lengths})
    fg.errors = BitErrors()
    with pytest.raises(DTypeError):
        fg.connect(fg["lengths"], fg.errors["sent"])


def test_values_are_looked_at_again_where_something_has_changed():
    snr_db, length = torch.zeros(1), torch.tensor([8])
    channel = AWGN().seed(1)
    channel(symbols=Symbols(torch.ones(1, 8, dtype=torch.complex64), length), snr_db=snr_db)
    with pytest.raises(RangeError, match=r"'symbols.length' must be in 0..4"):
        channel(symbols=Symbols(torch.ones(1, 4, dtype=torch.complex64), length), snr_db=snr_db)
    snr_db[0] = float("nan")
    with pytest.raises(RangeError, match=r"snr_db must be a number everywhere \(got NaN\)"):
        channel(symbols=Symbols(torch.ones(1, 8, dtype=torch.complex64), length), snr_db=snr_db)
