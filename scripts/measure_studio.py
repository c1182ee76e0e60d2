"""How fast the page of `linksim studio` is, measured in Chromium without a screen.

    .venv/bin/python scripts/measure_studio.py

Prints the time of the first paint, the time until the catalogue can be used, the size of the bundle, and the frames per
second while a flowgraph of 100 blocks and 150 wires is panned and a block of it is dragged. Needs playwright and
Debian's package chromium.
"""

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from draw_studio import HEIGHT, WIDTH, opened_page
from playwright.sync_api import Page

import linksim.studio.app as studio

BLOCKS, WIRES, STEPS = 100, 150, 120
COUNT_FRAMES = """() => { window.frames_seen = []; const note = (now) => { window.frames_seen.push(now);
window.counting = requestAnimationFrame(note); }; window.counting = requestAnimationFrame(note); }"""
FRAMES = "() => { cancelAnimationFrame(window.counting); return window.frames_seen; }"


def main() -> None:
    """Measure and print."""
    files = [path for path in studio.STATIC.iterdir() if path.suffix in (".js", ".css", ".html")]
    print(f"bundle: {sum(len(gzip.compress(path.read_bytes())) for path in files) / 1e3:.0f} kB gzipped")
    with tempfile.TemporaryDirectory() as folder, opened_page(folder) as page:
        print(f"just started, first paint: {paint(page):.0f} ms")
        page.reload()
        page.wait_for_selector(".palette li button")
        usable = page.evaluate("performance.now()")
        print(f"later, first paint: {paint(page):.0f} ms; the catalogue can be used after {usable:.0f} ms")
        (Path(folder) / "large.yaml").write_text(large())
        page.set_input_files("input[aria-label='flowgraph file']", Path(folder) / "large.yaml")
        page.wait_for_selector(".react-flow__node")
        page.wait_for_timeout(3000)
        counted = page.locator(".react-flow__node").count(), page.locator(".react-flow__edge").count()
        print(f"{counted[0]} nodes and {counted[1]} wires on the screen")
        middle = (WIDTH / 2, HEIGHT / 2)
        print(f"pan: {rate(page, lambda: drag(page, (middle[0], HEIGHT - 40))):.0f} frames a second")
        box = page.locator(".react-flow__node header").nth(50).bounding_box()
        assert box is not None
        print(f"drag of a block: {rate(page, lambda: drag(page, (box['x'] + 5, box['y'] + 3))):.0f} frames a second")


def paint(page: Page) -> float:
    """Milliseconds from the request to the first paint of the page."""
    found: float = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return found


def large() -> str:
    """A flowgraph of 100 blocks and 150 wires: chains, and bits that are compared across them."""
    chains = BLOCKS // 4
    blocks, wires = [], []
    for i in range(chains):
        blocks += [f"  bits_{i}: {{block: BitSource}}", f"  mapper_{i}: {{block: BPSKMapper}}",
                   f"  channel_{i}: {{block: AWGN}}", f"  demapper_{i}: {{block: BPSKDemapper}}"]  # fmt: skip
        wires += [f"bits_{i}.out, mapper_{i}.bits", f"mapper_{i}.out, channel_{i}.symbols",
                  f".snr_db, channel_{i}.snr_db", f"channel_{i}.out, demapper_{i}.received",
                  f"demapper_{i}.out, .llrs_{i}", f"bits_{i}.out, .sent_{i}"]  # fmt: skip
    lines = [f"- [{wire}]" for wire in wires[:WIRES]]
    return "\n".join(
        ["linksim: 1", "name: large", "inputs: {snr_db: Decibels}", "blocks:", *blocks, "connections:", *lines]
    )


def drag(page: Page, start: tuple[float, float]) -> None:
    """To the right and back, in small steps."""
    page.mouse.move(*start)
    page.mouse.down()
    for step in range(STEPS):
        page.mouse.move(start[0] + 2 * min(step, STEPS - step), start[1])
    page.mouse.up()


def rate(page: Page, work: Callable[[], Any]) -> float:
    """Frames a second while something is done."""
    page.evaluate(COUNT_FRAMES)
    work()
    seen: list[float] = page.evaluate(FRAMES)
    return 1000 * (len(seen) - 1) / (seen[-1] - seen[0])


if __name__ == "__main__":
    main()
