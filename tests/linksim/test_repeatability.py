"""A run is a function of its seed and of what is in the batch, whatever was done in between."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from linksim import Bits, Block, Decibels, Flowgraph
from linksim.blocks import AWGN, BitSource, BPSKMapper, PictureSource, RateAllocator, Rayleigh
from linksim.errors import LinksimError, OwnershipError, ParameterError, RunError, UnfedInputError
from linksim.flowgraphs import bpsk, klt
from linksim.flowgraphs.parts import IdealHeader, RobustHeader


def errors(fg, **more):
    run = fg.run(batch=4, snr_db=0.0, seed=1, **more)
    return run["ber"].errors.tolist() if "ber" in run else run["link.ber"].errors.tolist()


def nested() -> Flowgraph:
    outer = Flowgraph("outer", inputs={"snr_db": Decibels})
    outer.link = bpsk()
    outer.connect(outer["snr_db"], outer.link["snr_db"])
    return outer


def test_running_an_inner_flowgraph_changes_nothing_outside():
    outer = nested()
    before = errors(outer)
    inner = errors(outer.link)
    assert errors(outer) == before
    assert errors(outer.link) == inner
    assert inner != before


def test_seeding_a_block_or_calling_changes_no_later_run():
    fg = bpsk()
    before = errors(fg)
    fg.channel.seed(1)
    fg(batch=2, snr_db=1.0)
    fg.seed(9)
    assert errors(fg) == before


def test_editing_an_inner_flowgraph_reaches_the_outer_one():
    outer = nested()
    before = errors(outer)
    outer.link.channel = Rayleigh()
    assert errors(outer) != before


def test_a_folder_of_pictures_starts_again_with_every_run(tmp_path):
    for i in range(3):
        PillowImage.fromarray(np.full((4, 4, 3), 60 * i, dtype=np.uint8)).save(tmp_path / f"{i}.png")
    fg = Flowgraph("folder")
    fg.source = PictureSource(path=str(tmp_path))
    fg.connect(fg.source, fg["image"])
    runs = [float(fg.run(batch=1, seed=1)["image"].mean()) for _ in range(3)]
    assert len(set(runs)) == 1
    calls = [float(fg(batch=1)["image"].mean()) for _ in range(2)]
    assert len({runs[0], *calls}) == 3


def test_removing_a_block_removes_its_connections(tmp_path):
    fg = bpsk()
    errors(fg)
    channel = fg.channel
    del fg.channel
    with pytest.raises(UnfedInputError, match=r"demapper\.received"):
        errors(fg)
    fg.channel = channel
    fg.connect(fg.mapper, fg.channel, fg.demapper)
    fg.connect(fg["snr_db"], fg.channel["snr_db"])
    fg.save(tmp_path / "again.yaml")
    assert errors(Flowgraph.load(tmp_path / "again.yaml")) == errors(fg)


@pytest.mark.parametrize("name", ["name", "connections", "training", "weights", "blocks", "run", "inputs"])
def test_no_block_takes_a_name_that_the_flowgraph_needs(name, tmp_path):
    fg = Flowgraph("names")
    with pytest.raises(LinksimError, match="cannot name a block"):
        setattr(fg, name, AWGN())
    text = f"linksim: 1\nblocks: {{{name}: {{block: BitSource}}}}\nconnections: [[{name}.out, .o]]"
    (tmp_path / "n.yaml").write_text(text)
    with pytest.raises(LinksimError, match="cannot name a block"):
        Flowgraph.load(tmp_path / "n.yaml")


def test_no_flowgraph_contains_itself():
    a, b = Flowgraph("a"), Flowgraph("b")
    a.b = b
    with pytest.raises(OwnershipError, match="would contain itself"):
        b.a = a
    with pytest.raises(OwnershipError, match="would contain itself"):
        a.a = a


def test_parameters_are_given_by_name():
    with pytest.raises(ParameterError, match="BitSource: give parameters by name"):
        BitSource(64)


@pytest.mark.parametrize("batch", [0, -1, 2.5])
def test_a_batch_is_a_whole_number(batch):
    with pytest.raises(RunError, match="batch must be a whole number of at least 1"):
        bpsk().run(batch=batch, snr_db=1.0)
    with pytest.raises(RunError, match="batch must be"):
        klt().run(image=torch.zeros(0, 3, 16, 16), snr_db=1.0)


def test_one_probe_needs_no_list_and_none_leaves_an_input_out(photograph):
    fg = bpsk()
    for probe in ("channel.out", fg.channel["out"], [fg.channel["out"]]):
        assert "channel.out" in fg.run(batch=1, snr_db=1.0, probe=probe)
    image = photograph[:, :, :32, :32]
    assert "psnr" in klt(rate=RateAllocator(target_cbr=0.1)).run(image=image, snr_db=9.0, boxes=None)


def test_a_layer_left_in_training_mode_is_noticed():
    class Dropping(Block):
        """Has a layer that behaves otherwise in training."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Dropout()

        def forward(self, bits: Bits) -> Bits:
            return bits

    fg = Flowgraph("drop", inputs={"bits": Bits})
    fg.block = Dropping()
    fg.connect(fg["bits"], fg.block)
    fg.block.layer.train()
    with pytest.raises(RunError, match="training mode"):
        fg.run(bits=torch.zeros(1, 4, dtype=torch.uint8))


def test_results_say_how_they_were_made(photograph):
    image = photograph[:, :, :32, :32]
    for header, kind in (("robust", RobustHeader()), ("ideal", IdealHeader())):
        run = klt(rate=RateAllocator(target_cbr=0.1), header=kind).run(image=image, snr_db=9.0)
        assert run.labels == {"header": header, "csi": "perfect"}
        assert f"header: {header}" in repr(run)


def test_a_copy_runs_alike_and_is_free(photograph):
    fg = klt(rate=RateAllocator(target_cbr=0.1))
    image = photograph[:, :, :32, :32]
    twin = copy.deepcopy(fg)
    assert torch.equal(fg.run(image=image, snr_db=9.0)["image"], twin.run(image=image, snr_db=9.0)["image"])
    other = Flowgraph("other", inputs={"bits": Bits})
    other.mapper = copy.deepcopy(bpsk().mapper)
    assert isinstance(other.mapper, BPSKMapper)
