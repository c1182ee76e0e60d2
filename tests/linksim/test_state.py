"""Blocks that keep something, write where others read, or draw from everyone's generator."""

import pandas as pd
import pytest
import torch
from torch import nn

from linksim import Block, Flowgraph
from linksim.blocks import BitErrors, BitSource
from linksim.errors import FileError, FlowgraphFileError, ParameterError, PortError, SweepError
from linksim.montecarlo import Sweep
from linksim.types import Bits, Counts, Decibels, LLRs, Received, Score, Symbols


def llrs_of(bits):
    return 2.0 * bits - 1


class Counter(Block):
    """Bits with as many errors as calls before, kept in a buffer that is written or replaced."""

    def __init__(self, *, replaced: bool = False) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64), persistent=False)
        self.replaced = replaced

    def forward(self, bits: Bits) -> LLRs:
        out = bits.clone()
        out[:, : int(self.calls)] ^= 1
        if self.replaced:
            self.calls = self.calls + 1
        else:
            self.calls += 1
        return llrs_of(out)


class GlobalNoise(Block):
    """Errors from torch's own generator."""

    def forward(self, bits: Bits) -> LLRs:
        return llrs_of(bits ^ (torch.rand(bits.shape) < 0.2).to(bits.dtype))


class InPlace(Block):
    """Writes into what it is given."""

    def forward(self, bits: Bits) -> LLRs:
        bits ^= 1
        return llrs_of(bits)


def counted(block):
    fg = Flowgraph("counted", inputs={"snr_db": Decibels})
    fg.source, fg.changed, fg.errors = BitSource(length=64), block, BitErrors()
    fg.seen = Unused()
    fg.connect(fg["snr_db"], fg.seen)
    fg.connect(fg.source, fg.changed, fg.errors["received"])
    fg.connect(fg.source, fg.errors["sent"])
    fg.connect(fg.errors, fg["ber"])
    return fg


class Unused(Block):
    """Makes an axis of the grid."""

    def forward(self, snr_db: Decibels) -> Score:
        return Score(snr_db)


@pytest.mark.parametrize("block", [Counter(), Counter(replaced=True), GlobalNoise()])
def test_chunks_do_not_know_of_each_other(block):
    """Whichever process runs a chunk, and whatever it ran before, the chunk gives the same."""
    fg, torch_state = counted(block), torch.get_rng_state()
    sweep = Sweep(fg, grid={"snr_db": [0, 1]}, stop="ber:frames=40", seed=3, chunk=4)
    alone, beside = sweep.run(), sweep.run(workers=2)
    columns = ["snr_db", "metric", "estimate", "errors", "trials"]
    pd.testing.assert_frame_equal(alone[columns], beside[columns], check_exact=True)
    assert torch.equal(torch.get_rng_state(), torch_state)
    replayed = [sweep.replay({"snr_db": 1}, chunk)[0]["ber"].errors.tolist() for chunk in (5, 2, 5)]
    assert replayed[0] == replayed[2]


@pytest.mark.parametrize("mode", ["run", "call", "inference"])
def test_a_block_that_writes_into_its_input_is_named(mode):
    fg = counted(InPlace())
    if mode == "inference":
        # Nobody counts there, and nothing else is hindered.
        with torch.inference_mode():
            assert counted(GlobalNoise()).run(batch=2, snr_db=0.0)["ber"].trials.tolist() == [64, 64]
        return
    with pytest.raises(PortError, match=r"changed\.bits: the block writes into its input.*bits\.clone\(\)"):
        fg.run(batch=2, snr_db=0.0) if mode == "run" else fg(batch=2, snr_db=torch.zeros(2))


def test_a_block_that_writes_into_a_part_of_a_bundle_is_named():
    class Louder(Block):
        """Doubles samples where they are."""

        def forward(self, received: Received) -> Symbols:
            received.symbols.samples.mul_(2)
            return received.symbols

    fg = Flowgraph("bundle", inputs={"received": Received})
    fg.louder = Louder()
    fg.connect(fg["received"], fg.louder)
    samples, length = torch.ones(2, 4, dtype=torch.complex64), torch.tensor([4, 4])
    received = Received(Symbols(samples, length), samples.clone(), samples.real.clone(), length * 0, "perfect")
    with pytest.raises(PortError, match=r"louder\.received: the block writes"):
        fg.run(received=received)


class Weighing(Block):
    """Weights that no file gives back."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, snr_db: Decibels) -> Score:
        return Score(snr_db * self.weight.sum())


def test_a_file_that_would_lose_weights_is_not_written(tmp_path):
    fg = Flowgraph("weighing", inputs={"snr_db": Decibels})
    fg.scale = Weighing()
    fg.connect(fg["snr_db"], fg.scale)
    fg.save(tmp_path / "a.yaml")
    before = (tmp_path / "a.yaml").read_text()
    with torch.no_grad():
        fg.scale.weight += 1
    for write in (lambda: fg.save(tmp_path / "a.yaml"), fg.to_yaml, fg.to_python):
        with pytest.raises(FlowgraphFileError, match=r"'scale\.weight' would be lost.*save_pretrained keeps them"):
            write()
    assert (tmp_path / "a.yaml").read_text() == before
    assert Flowgraph.faults_in(tmp_path / "a.yaml", blocks=[Weighing]) == []
    (tmp_path / "b.yaml").write_text(before.replace("digest: ", "digest: f"))
    (fault,) = Flowgraph.faults_in(tmp_path / "b.yaml", blocks=[Weighing])
    assert "not those of the blocks" in fault.message


def test_a_file_in_no_folder_is_refused_by_its_own_name(tmp_path):
    with pytest.raises(FileError, match=r"fg\.yaml' cannot be written: there is no folder"):
        counted(GlobalNoise()).save(tmp_path / "nowhere" / "fg.yaml")


def test_a_block_that_does_not_begin_is_named():
    class Late(Block):
        """Forgets its base."""

        def __init__(self, *, value: float = 1.0) -> None:
            self.value = value

        def forward(self, snr_db: Decibels) -> Score:
            return Score(snr_db)

    class Early(Late):
        """Forgets it with a part."""

        def __init__(self) -> None:
            self.part = nn.Linear(1, 1)

    for kind in (Late, Early):
        with pytest.raises(ParameterError, match=rf"{kind.__name__}: its __init__ must begin with super\(\)"):
            kind()


@pytest.mark.parametrize(("errors", "trials"), [(-1, 4), (1, -4)])
def test_counts_that_cannot_be_are_no_metric(errors, trials):
    class Wrong(Block):
        """Counts what cannot be."""

        def forward(self, bits: Bits) -> Counts:
            return Counts(torch.full((len(bits),), errors), torch.full((len(bits),), trials))

    fg = Flowgraph("wrong", inputs={"snr_db": Decibels})
    fg.source, fg.count, fg.seen = BitSource(length=4), Wrong(), Unused()
    fg.connect(fg.source, fg.count, fg["ber"])
    fg.connect(fg["snr_db"], fg.seen)
    message = rf"must not be negative \(got {errors} errors, {trials} trials\)"
    with pytest.raises(SweepError, match=message):
        Sweep(fg, grid={"snr_db": [0]}, stop="ber:frames=4", seed=1, chunk=4).run()
