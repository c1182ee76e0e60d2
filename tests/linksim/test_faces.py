"""How a flowgraph shows itself: diagrams, profiles, repr."""

import re
from xml.etree import ElementTree

from linksim import Block, Decibels, Flowgraph
from linksim.blocks import RateAllocator
from linksim.flowgraphs import bpsk, klt


def test_mermaid_names_every_block_and_connection():
    text = bpsk().diagram()
    assert text.startswith("flowchart TB")
    for name in ("bits", "mapper", "channel", "demapper", "errors"):
        assert f'{name}["{name}<br/>' in text
    assert len(re.findall("-->", text)) == len(bpsk().connections)
    assert "in_snr_db -->|snr_db| channel" in text
    assert "errors -->|ber| out_ber" in text


def test_mermaid_frames_nested_flowgraphs():
    outer = Flowgraph("outer", inputs={"snr_db": Decibels})
    outer.inner = bpsk()
    outer.connect(outer["snr_db"], outer.inner["snr_db"])
    text = outer.diagram()
    assert 'subgraph inner["inner"]' in text
    assert "in_snr_db -->|snr_db| inner__in_snr_db" in text


def test_the_picture_is_well_formed_and_shows_every_block():
    for fg in (bpsk(), klt()):
        root = ElementTree.fromstring(fg._repr_svg_())
        shown = {element.text for element in root.iter() if element.tag.endswith("text")}
        assert set(fg.blocks) <= shown
        boxes = [element for element in root.iter() if element.tag.endswith("rect") and "rx" in element.attrib]
        places = [tuple(float(b.attrib[k]) for k in ("x", "y", "width", "height")) for b in boxes]
        for i, (x, y, w, h) in enumerate(places):
            assert all(x + w <= u or u + v <= x or y + h <= s or s + t <= y for u, s, v, t in places[:i])


def test_a_profile_accounts_for_the_time():
    fg = klt(rate=RateAllocator(target_cbr=0.05))
    import torch

    profile = fg.profile(image=torch.rand(1, 3, 64, 64), snr_db=10.0, repeat=2)
    blocks = {path for path, part in fg.named_modules() if isinstance(part, Block) and not isinstance(part, Flowgraph)}
    inner = {f"{end}.{part}" for end in ("transmitter.header", "receiver.header_decoder") for part in ("front", "rest")}
    assert {block.path for block in profile.blocks} == blocks - inner
    assert 0 < sum(block.seconds for block in profile.blocks) < profile.seconds
    assert next(b for b in profile.blocks if b.path == "transmitter.tokenizer").output_bytes >= 3 * 64 * 64 * 4
    assert "header_decoder" in str(profile)
    assert not any(part._forward_hooks for part in fg.modules())


def test_repr_lists_blocks_and_connections():
    text = repr(bpsk(length=8))
    assert "bits: BitSource(length=8)" in text
    assert "mapper.out -> channel.symbols" in text
