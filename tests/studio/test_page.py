"""The page in a real browser: what a user does on it, from an empty page to the results."""

import base64
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from linksim import Flowgraph
from linksim.blocks.metrics.psnr import eight_bits
from linksim.blocks.sources import read_picture
from linksim.errors import PortError
from linksim.flowgraphs import bpsk, sa_oosc
from linksim.studio.samples import sample_picture

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, served):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # What the server refuses is a message of the page, and the browser notes it as well.
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "status of 4" not in said.text
            else None)  # fmt: skip
    page.goto(served.address)
    page.wait_for_selector(".palette li button")
    yield page
    context.close()
    assert wrong == []


def start(page, name):
    page.select_option("select[aria-label='start from a ready flowgraph']", name)
    page.wait_for_selector(".react-flow__node.react-flow__node-shown")
    expect(page.locator(".title")).to_have_value(name)


def run(page):
    count = page.locator(".runs button").count()
    page.click(".run button.main")
    expect(page.locator(".runs button")).to_have_count(count + 1)
    expect(page.locator(".run button.main")).to_be_enabled(timeout=60_000)


def add(page, block):
    page.keyboard.press("/")
    page.fill("#search", block)
    page.keyboard.press("Enter")
    page.wait_for_selector(".inspector .name")
    page.keyboard.press("Escape")


def wire(page, source, block, port):
    """By the keyboard's way: the list of sources of a port."""
    page.locator(f".react-flow__node[data-id='{block}'] header").click()
    page.select_option(f"select[aria-label='source of {port}']", source)
    page.wait_for_selector(f".react-flow__edge[aria-label^='{source} to {block}.{port}']", state="attached")


def save(page, button="Save"):
    with page.expect_download() as waiting:
        page.click(f"text={button}")
    return Path(waiting.value.path()).read_text()


def look(page, edge):
    """Choose a wire by its name."""
    found = page.locator(f".react-flow__edge[aria-label^='{edge}'] .react-flow__edge-interaction").first
    found.dispatch_event("click", {"bubbles": True})
    page.wait_for_selector(".look .view")


def received_picture(page):
    """The pixels that the page shows as received."""
    page.keyboard.press("Escape")
    data = page.locator(".curtain img:not(.over)").get_attribute("src").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_bpsk_over_awgn_from_an_empty_page(page):
    for block in ("BitSource", "BPSKMapper", "AWGN", "BPSKDemapper", "BitErrors"):
        add(page, block)
    page.fill("input[aria-label='name of a new input']", "snr_db")
    page.click("button:text-is('Add')")
    page.click("button:text-is('Arrange')")
    assert page.locator(".problems").inner_text()
    for source, block, port in (("bit_source.out", "bpsk_mapper", "bits"), ("bpsk_mapper.out", "awgn", "symbols"),
                                (".snr_db", "awgn", "snr_db"), ("awgn.out", "bpsk_demapper", "received"),
                                ("bpsk_demapper.out", "bit_errors", "received"),
                                ("bit_source.out", "bit_errors", "sent")):  # fmt: skip
        wire(page, source, block, port)
    page.wait_for_selector(".problems", state="detached")
    run(page)
    look(page, "awgn.out")
    assert page.locator(".look canvas").count() >= 1
    text = save(page)
    mine = Flowgraph.from_yaml(text)
    assert list(mine.blocks) == ["bit_source", "bpsk_mapper", "awgn", "bpsk_demapper", "bit_errors"]
    mine.run(snr_db=4.0, batch=2)


def test_a_wrong_wire_is_refused_in_the_engines_words(page):
    start(page, "bpsk")
    fg = bpsk()
    with pytest.raises(PortError) as refused:
        fg.connect(fg.bits, fg.channel["symbols"])
    page.locator(".react-flow__node[data-id='channel'] header").click()
    page.select_option("select[aria-label='source of symbols']", "bits.out")
    said = page.locator(".said")
    said.wait_for()
    assert str(refused.value) in said.inner_text()
    assert "channel.symbols" in said.inner_text()


def test_a_wire_drawn_by_the_mouse(page):
    start(page, "bpsk")
    page.click("button:text-is('Arrange')")
    source = page.locator(".react-flow__node[data-id='demapper'] .port.out .react-flow__handle")
    pane = page.locator("main").bounding_box()
    source.hover()
    page.mouse.down()
    page.mouse.move(pane["x"] + pane["width"] / 2, pane["y"] + 60, steps=8)
    page.mouse.up()
    # Over the bare drawing it becomes an output.
    page.wait_for_selector(".react-flow__node[data-id='out.']")
    page.keyboard.press("Control+z")
    page.wait_for_selector(".react-flow__node[data-id='out.']", state="detached")
    page.keyboard.press("Control+y")
    page.wait_for_selector(".react-flow__node[data-id='out.']")


def test_chosen_blocks_become_a_nested_flowgraph_that_computes_the_same(page):
    start(page, "bpsk")
    page.locator(".react-flow__node[data-id='mapper'] header").click()
    for name in ("channel", "demapper"):
        page.locator(f".react-flow__node[data-id='{name}'] header").click(modifiers=["Shift"])
    page.click("button:text-is('Group')")
    page.wait_for_selector(".react-flow__node[data-id='group']")
    page.wait_for_selector(".problems", state="detached")
    grouped = Flowgraph.from_yaml(save(page))
    assert list(grouped.blocks) == ["bits", "group", "errors"]
    assert set(grouped.group.input_ports) == {"bits", "snr_db"}
    own = grouped.run(snr_db=4.0, batch=4, seed=1)["ber"]
    assert own.trials.tolist() == bpsk().run(snr_db=4.0, batch=4, seed=1)["ber"].trials.tolist()
    page.locator(".react-flow__node[data-id='group'] header").dblclick()
    page.wait_for_selector(".react-flow__node[data-id='group.channel']")
    page.keyboard.press("Control+z")
    page.wait_for_selector(".react-flow__node[data-id='channel']")


def test_wires_and_outputs_can_be_removed(page):
    start(page, "bpsk")
    edge = page.locator(".react-flow__edge[aria-label^='demapper.out to errors.received']")
    edge.locator(".react-flow__edge-interaction").dispatch_event("click", {"bubbles": True})
    page.wait_for_selector(".react-flow__edge.selected")
    page.keyboard.press("Delete")
    expect(edge).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(edge).to_have_count(1)
    page.locator(".react-flow__node[data-id='ber.'] header").click()
    page.keyboard.press("Delete")
    expect(page.locator(".react-flow__node[data-id='ber.']")).to_have_count(0)
    page.locator(".react-flow__node[data-id='.snr_db'] header").click()
    page.locator(".react-flow__node[data-id='channel'] header").click()
    expect(page.locator(".inspector .name")).to_have_value("channel")


def test_a_refused_source_leaves_the_wire_that_was_there(page):
    start(page, "bpsk")
    page.locator(".react-flow__node[data-id='channel'] header").click()
    page.select_option("select[aria-label='source of symbols']", "bits.out")
    page.locator(".said").wait_for()
    assert page.locator(".react-flow__edge[aria-label^='mapper.out to channel.symbols']").count() == 1


def test_two_quick_presses_begin_one_run(page):
    start(page, "bpsk")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".outputs")
    page.wait_for_timeout(1000)
    expect(page.locator(".runs button")).to_have_count(1)


def test_edits_can_be_taken_back_and_blocks_copied(page):
    start(page, "bpsk")
    before = save(page)
    page.locator(".react-flow__node[data-id='channel'] header").click()
    page.keyboard.press("Control+c")
    page.keyboard.press("Control+v")
    page.wait_for_selector(".react-flow__node[data-id='channel_2']")
    page.keyboard.press("Delete")
    page.wait_for_selector(".react-flow__node[data-id='channel_2']", state="detached")
    page.locator(".react-flow__node[data-id='channel'] header").click()
    page.keyboard.press("Delete")
    page.wait_for_selector(".react-flow__node[data-id='channel']", state="detached")
    for _ in range(3):
        page.keyboard.press("Control+z")
    page.wait_for_selector(".react-flow__node[data-id='channel']")
    assert save(page) == before


def test_sa_oosc_over_ofdm_is_looked_into_saved_and_gives_the_same_bits(page, tmp_path):
    start(page, "sa_oosc")
    page.locator(".react-flow__node[data-id='channel'] header").click()
    page.select_option("select[aria-label='put in its place']", "OFDMChannel")
    page.wait_for_selector(".react-flow__node[data-id='channel'] small:text('OFDMChannel')")
    page.select_option("select[aria-label='picture that ships for image']", "astronaut")
    page.wait_for_selector("small:text-is('astronaut')")
    run(page)
    page.keyboard.press("Escape")
    page.wait_for_selector(".curtain")
    page.locator(".react-flow__node[data-id='transmitter'] header").dblclick()
    page.wait_for_selector(".react-flow__node[data-id='transmitter.rate']")
    look(page, "rate.lengths")
    expect(page.locator(".look .layers img")).to_have_count(2)
    page.click(".crumbs button >> nth=0")
    look(page, "cbr_ledger.ledger")
    assert page.locator(".look .ledger i").count() >= 2
    ratio = page.locator("tr:has(button:text-is('cbr_total')) td").text_content()
    shown = received_picture(page)

    saved, picture = tmp_path / "saved.yaml", tmp_path / "astronaut.png"
    saved.write_text(save(page))
    picture.write_bytes(sample_picture("astronaut"))
    result = Flowgraph.load(saved).run(image=read_picture(picture)[None], snr_db=10.0, seed=0)
    assert type(Flowgraph.load(saved).channel).__name__ == "OFDMChannel"
    assert float(ratio) == pytest.approx(float(result["cbr_total"].value), rel=1e-4)
    expected = (255 * eight_bits(result["image"][0])).round().to(torch.uint8).movedim(0, -1)
    assert np.array_equal(shown, expected.numpy())
    command = [Path(sys.executable).with_name("linksim"), "check", saved]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.endswith("nothing is wrong\n")


def test_parameters_rates_and_the_drift_mark(page):
    start(page, "klt")
    page.select_option("select[aria-label='picture that ships for image']", "cat")
    page.wait_for_selector("small:text-is('cat')")
    run(page)
    assert page.locator(".drift").count() == 0
    slider = page.locator("input[aria-label^='target_cbr of']")
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_selector(".drift")
    first = page.locator(".outputs").inner_text()
    run(page)
    page.wait_for_selector(".drift", state="detached")
    assert page.locator(".outputs").inner_text() != first
    page.select_option("select[aria-label='run to compare with']", "1")
    page.wait_for_selector(".beside figcaption:text('difference')")


def test_a_parameter_out_of_range_is_told_at_its_block(page):
    start(page, "bpsk")
    page.locator(".react-flow__node[data-id='bits'] header").click()
    page.fill("input[aria-label='length']", "-3")
    page.keyboard.press("Enter")
    page.wait_for_selector(".react-flow__node[data-id='bits'] .block.faulty")
    assert "length" in page.locator(".problems").inner_text()


def test_stop_while_it_runs(page):
    start(page, "bpsk")
    page.fill("input[aria-label='frames']", "40000")
    page.click(".run button.main")
    page.wait_for_selector("button:text-is('Stop'):not([disabled])")
    page.click("button:text-is('Stop')")
    page.wait_for_selector("p.fault:text('stopped')")
    page.fill("input[aria-label='frames']", "4")
    run(page)
    page.wait_for_selector(".outputs")


def test_a_reload_opens_the_same_flowgraph_and_run(page):
    start(page, "bpsk")
    page.fill("input[aria-label='seed']", "7")
    run(page)
    shown = page.locator(".outputs").inner_text()
    expect(page).to_have_url(re.compile("#.{100,}"))
    page.wait_for_timeout(500)
    for _ in range(2):
        page.reload()
        page.wait_for_selector(".outputs")
        page.wait_for_timeout(500)
    assert page.locator(".outputs").inner_text() == shown
    assert page.locator(".drift").count() == 0
    assert page.locator(".react-flow__node").count() == 7
    assert page.input_value("input[aria-label='seed']") == "7"


def test_a_reload_in_the_middle_of_a_run_hears_its_end(page):
    start(page, "bpsk")
    page.fill("input[aria-label='frames']", "12000")
    page.click(".run button.main")
    page.wait_for_selector("button:text-is('Stop'):not([disabled])")
    page.wait_for_timeout(600)
    page.reload()
    page.wait_for_selector(".outputs", timeout=60_000)


HOSTILE = {
    "linksim: 1\na: &a [x]\nb: *a\n": "aliases",
    "<script>alert(1)</script>": "mapping",
    "linksim: 1\nblocks: {a: 3}\nconnections: []\n": "block 'a' must be a mapping",
    "linksim: 1\nblocks: {}\nconnections: [[1, 2]]\n": "must be a list of [source.port, target.port]",
    "linksim: 1\nblocks: {a: {block: PictureSource, parameters: {folder: /etc}}}\nconnections: []\n": "reads no files",
}


def test_a_file_is_opened_and_a_hostile_one_is_refused(page, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(sa_oosc().to_yaml())
    page.set_input_files("input[aria-label='flowgraph file']", own)
    page.wait_for_selector(".react-flow__node[data-id='transmitter']")
    for text, said in HOSTILE.items():
        hostile = tmp_path / "hostile.yaml"
        hostile.write_text(text)
        page.set_input_files("input[aria-label='flowgraph file']", hostile)
        page.wait_for_selector(f':is(.said, .problems):has-text("{said}")')


def test_names_that_are_markup_stay_text(page, tmp_path):
    odd = tmp_path / "odd.yaml"
    odd.write_text(
        "linksim: 1\nname: '<img src=x onerror=alert(1)>'\nblocks: {a: {block: '<script>alert(1)</script>'}, "
        "constructor: {block: AWGN}}\n"
        "connections: []\n"
    )
    page.set_input_files("input[aria-label='flowgraph file']", odd)
    page.wait_for_selector(".problems")
    assert page.locator("main script, main img[src=x]").count() == 0


def test_a_sweep_shows_a_waterfall_that_grows(page, served):
    start(page, "bpsk")
    page.click(".tabs >> text=Sweep")
    page.fill("input[aria-label='store']", "grown")
    page.fill("input[aria-label='values of snr_db']", "0:8:2")
    page.fill("input[aria-label='value of the rule']", "20000")
    page.click(".sweep button.main")
    expect(page.locator(".sweep [role=status]")).to_contain_text("points are done")
    page.wait_for_selector(".chart canvas")
    expect(page.locator(".sweep [role=status]")).to_have_text("done", timeout=60_000)
    assert "BPSK on AWGN, theory" in page.locator(".chart").inner_text()
    assert (
        "linksim sweep grown.yaml --grid snr_db=0:8:2 --stop ber:errors=20000" in page.locator(".command").inner_text()
    )
    assert (served.folder / "grown.db").is_file()
    page.select_option("select[aria-label='compare with']", index=1)
    page.click("button:text-is('Replay the worst chunk')")
    page.wait_for_selector("p.note:text('; the same as stored')")
    look(page, "channel.out")


def test_exports(page):
    start(page, "bpsk")
    built = {}
    exec(save(page, "Python"), built)
    assert list(built["build"]().blocks) == ["bits", "mapper", "channel", "demapper", "errors"]
    assert save(page, "SVG").startswith("<svg")


@pytest.mark.parametrize("width", [1280, 1920])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_fits_on_the_screen(page, width, theme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    page.reload()
    page.wait_for_selector(".palette li button")
    start(page, "sa_oosc")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    cut = page.evaluate(
        "[...document.querySelectorAll('.bar button')].filter(b => b.scrollWidth > b.clientWidth + 1).length"
    )
    assert cut == 0
    assert page.evaluate("document.documentElement.dataset.theme") == theme
