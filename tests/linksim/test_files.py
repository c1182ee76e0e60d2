import random

import pytest
import torch

from linksim import Bits, Block, Decibels, Flowgraph, LinksimError
from linksim.blocks import BitSource, RateAllocator, Rayleigh
from linksim.errors import FlowgraphFileError, ParameterError, UnknownBlockError
from linksim.flowgraphs import bpsk, klt
from linksim.flowgraphs.parts import KLTCodec

GOOD = """
linksim: 1
name: small
inputs: {snr_db: Decibels}
blocks:
  bits: {block: BitSource, parameters: {length: 64}}
  mapper: {block: BPSKMapper}
  channel: {block: AWGN}
  demapper: {block: BPSKDemapper}
connections:
- [bits.out, mapper.bits]
- [mapper.out, channel.symbols]
- [.snr_db, channel.snr_db]
- [channel.out, demapper.received]
- [demapper.out, .llrs]
"""


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "link.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_text


def test_a_file_written_by_hand_runs(write):
    run = Flowgraph.load(write(GOOD)).run(batch=2, snr_db=3.0)
    assert run["llrs"].shape == (2, 64)


@pytest.mark.parametrize("make", [bpsk, lambda: bpsk(length=7, channel=Rayleigh(coherence="symbol"))])
def test_loading_what_was_saved_gives_the_same_bits(make, tmp_path):
    fg = make()
    fg.save(tmp_path / "a.yaml")
    twin = Flowgraph.load(tmp_path / "a.yaml")
    a, b = (graph.run(batch=3, snr_db=2.0, seed=9, probe=["demapper.out"]) for graph in (fg, twin))
    assert torch.equal(a["demapper.out"], b["demapper.out"])
    twin.save(tmp_path / "b.yaml")
    assert (tmp_path / "a.yaml").read_text() == (tmp_path / "b.yaml").read_text()


def test_the_klt_link_survives_the_file_with_its_weights(tmp_path, photograph):
    fg = klt(codec=KLTCodec(rate_set=(2, 8, 32)), rate=RateAllocator(target_cbr=0.04))
    fg.save(tmp_path / "klt.yaml")
    text = (tmp_path / "klt.yaml").read_text()
    assert "weights: {name: built-in, digest:" in text
    small = photograph[:, :, :64, :80]
    a, b = (g.run(image=small, snr_db=8.0, seed=2)["image"] for g in (fg, Flowgraph.load(tmp_path / "klt.yaml")))
    assert torch.equal(a, b)
    digest = text.split("digest: ")[1][:8]
    (tmp_path / "klt.yaml").write_text(text.replace(digest, "00000000"))
    with pytest.raises(FlowgraphFileError, match="not those of the blocks"):
        Flowgraph.load(tmp_path / "klt.yaml")


def test_nested_flowgraphs_are_saved(tmp_path):
    inner = Flowgraph("inner", inputs={"snr_db": Decibels})
    inner.bits = BitSource(length=8)
    inner.link = bpsk()
    inner.connect(inner["snr_db"], inner.link["snr_db"])
    inner.connect(inner.bits, inner["bits"])
    inner.connect(inner.link["ber"], inner["ber"])
    outer = Flowgraph("outer", inputs={"snr_db": Decibels})
    outer.inner = inner
    outer.connect(outer["snr_db"], outer.inner["snr_db"])
    outer.save(tmp_path / "n.yaml")
    a, b = (g.run(batch=2, snr_db=1.0, seed=4) for g in (outer, Flowgraph.load(tmp_path / "n.yaml")))
    assert torch.equal(a["inner.ber"].errors, b["inner.ber"].errors)
    assert torch.equal(a["inner.bits"], b["inner.bits"])


def test_own_blocks_come_in_by_argument(tmp_path):
    class Flip(Block):
        """Inverts bits."""

        def forward(self, bits: Bits) -> Bits:
            return 1 - bits

    fg = Flowgraph("own")
    fg.connect(BitSource(length=4), Flip())
    fg.save(tmp_path / "own.yaml")
    with pytest.raises(UnknownBlockError, match="no block 'Flip'"):
        Flowgraph.load(tmp_path / "own.yaml")
    assert "flip_1" in Flowgraph.load(tmp_path / "own.yaml", blocks=[Flip]).blocks


def nest(levels: int) -> str:
    text = "{name: x, blocks: {bits: {block: BitSource}}, connections: [[bits.out, .o]]}"
    for _ in range(levels):
        text = "{name: x, blocks: {f: {flowgraph: " + text + "}}, connections: [[f.o, .o]]}"
    return "{linksim: 1, " + text[1:]


BILLION_LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (GOOD.replace("AWGN", "AWNG"), UnknownBlockError, "no block 'AWNG' in the catalogue; did you mean 'AWGN'"),
        (GOOD.replace("length:", "lenght:"), ParameterError, "no parameter 'lenght'; did you mean 'length'"),
        (GOOD.replace("64", "sixty"), ParameterError, "'length' must be int .got 'sixty'"),
        (GOOD.replace("64", "6.5"), ParameterError, "'length' must be int .got 6.5"),
        (GOOD.replace("64", "true"), ParameterError, "'length' must be int .got True"),
        (GOOD.replace("64", "1000000000"), ParameterError, "'length' must be an integer in 1..67108864"),
        (GOOD.replace("64", "1" + "0" * 5000), FlowgraphFileError, "cannot read the value"),
        (GOOD.replace("{length: 64}", "[64]"), FlowgraphFileError, "must be a mapping"),
        (GOOD.replace("Decibels", "Decibel"), FlowgraphFileError, "unknown type 'Decibel'; did you mean 'Decibels'"),
        (GOOD.replace("mapper.bits", "maper.bits"), FlowgraphFileError, "unknown block 'maper'"),
        (GOOD.replace("mapper.bits", "mapper.bit"), LinksimError, "no input port 'bit'; did you mean 'bits'"),
        (GOOD.replace("[bits.out, mapper.bits]", "bits to mapper"), FlowgraphFileError, "a connection must be"),
        (GOOD.replace("linksim: 1", "linksim: 2"), FlowgraphFileError, "version 1"),
        (GOOD.replace("name: small", "nome: small"), FlowgraphFileError, "unknown key 'nome'; did you mean 'name'"),
        (GOOD[: len(GOOD) // 2], LinksimError, "'demapper' must be a mapping"),
        (GOOD[:-4], FlowgraphFileError, "no valid YAML"),
        ("just words", FlowgraphFileError, "must be a mapping"),
        ("", FlowgraphFileError, "must be a mapping"),
        ("{unclosed: [", FlowgraphFileError, "no valid YAML"),
        (b"\x00\x01\x02\xff\xfe", FlowgraphFileError, "no text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", FlowgraphFileError, "no text in UTF-8"),
        (nest(9), FlowgraphFileError, "nested deeper than 8"),
        ("[" * 5000, FlowgraphFileError, "nested deeper than 64"),
        (BILLION_LAUGHS, FlowgraphFileError, "aliases and anchors are not allowed .line 1"),
        ("a: !!python/object/apply:os.system ['echo']", FlowgraphFileError, "tags are not allowed"),
        ("linksim: 1\nlinksim: 1", FlowgraphFileError, "appears twice .line 2"),
        ("1: 2", FlowgraphFileError, "is no text"),
        ("linksim: 2001-12-14", FlowgraphFileError, "no plain value"),
        ("a: " + "x" * (1 << 20), FlowgraphFileError, "larger than 1048576 bytes"),
        ("[" + "1," * 100_001 + "]", FlowgraphFileError, "more than 100000 values"),
        (GOOD.replace("bits: {block: BitSource", "run: {block: BitSource"), LinksimError, "cannot name a block"),
    ],
)
def test_bad_files_are_named_and_explained(write, text, error, message):
    path = write(text)
    with pytest.raises(error, match=message) as caught:
        Flowgraph.load(path)
    assert str(path) in str(caught.value)


def test_a_thousand_blocks_and_no_more(write):
    blocks = ", ".join(f"b{i}: {{block: BitSource}}" for i in range(1001))
    with pytest.raises(FlowgraphFileError, match="more than 1000 blocks"):
        Flowgraph.load(write(f"linksim: 1\nblocks: {{{blocks}}}\nconnections: []"))


def test_weights_beyond_memory_are_refused_before_they_are_made(write):
    class Huge(Block):
        """Four bytes times `width` squared."""

        def __init__(self, *, width: int = 8) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.empty(width, width))

        def forward(self, bits: Bits) -> Bits:
            return bits

    text = "linksim: 1\nblocks: {b: {block: BitSource}, h: {block: Huge, parameters: {width: 1000000}}}\n"
    with pytest.raises(ParameterError, match=r"weights would take 4000000002048 bytes; at most 2147483648"):
        Flowgraph.load(write(text + "connections: [[b.out, h.bits]]"), blocks=[Huge])


def test_a_missing_file():
    with pytest.raises(FlowgraphFileError, match="cannot read 'nowhere.yaml': No such file"):
        Flowgraph.load("nowhere.yaml")


def test_a_parameter_that_is_no_plain_value_cannot_be_saved(tmp_path):
    class Odd(Block):
        """Takes anything."""

        def __init__(self, *, thing: object = None) -> None:
            super().__init__()

        def forward(self, bits: Bits) -> Bits:
            return bits

    fg = Flowgraph("odd")
    fg.connect(BitSource(length=4), Odd(thing=random.Random()))
    with pytest.raises(FlowgraphFileError, match="plain values"):
        fg.save(tmp_path / "odd.yaml")
    assert not (tmp_path / "odd.yaml").exists()
