"""Pictures of the page of `linksim studio` for the documentation, made by Chromium without a screen.

    .venv/bin/python scripts/draw_studio.py --out docs/how_to

Writes studio_run.png, studio_wire.png and studio_sweep.png. Needs playwright and Debian's package chromium.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
WIDTH, HEIGHT = 1440, 860


def main() -> None:
    """Draw all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out.resolve()
    with tempfile.TemporaryDirectory() as folder, opened_page(folder) as page:
        start(page, "sa_oosc")
        page.select_option("select[aria-label='picture that ships for image']", "astronaut")
        page.wait_for_selector("small:text-is('astronaut')")
        page.click(".run button.main")
        page.wait_for_selector(".curtain")
        page.wait_for_timeout(800)
        page.screenshot(path=out / "studio_run.png")
        page.locator(".react-flow__node[data-id='transmitter'] header").dblclick()
        edge = page.locator(".react-flow__edge[aria-label^='rate.lengths'] .react-flow__edge-interaction").first
        edge.dispatch_event("click", {"bubbles": True})
        page.wait_for_selector(".look .layers")
        page.wait_for_timeout(800)
        page.screenshot(path=out / "studio_wire.png")
        page.click("button:text-is('Light / dark')")
        start(page, "bpsk")
        page.click(".tabs >> text=Sweep")
        page.fill("input[aria-label='values of snr_db']", "0:9:1")
        page.click(".sweep button.main")
        page.wait_for_selector(".command")
        page.wait_for_timeout(800)
        page.screenshot(path=out / "studio_sweep.png")
    print(f"three pictures are in {out}")


@contextmanager
def opened_page(folder: str) -> Generator[Page]:
    """The page of a studio of its own, which keeps its sweeps in the folder."""
    command = [Path(sys.executable).with_name("linksim"), "studio", "--no-browser"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found is not None
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                page.goto(found.group())
                page.wait_for_selector(".palette li button")
                yield page
                browser.close()
        finally:
            server.terminate()


def start(page: Page, name: str) -> None:
    """Begin with a ready flowgraph."""
    page.select_option("select[aria-label='start from a ready flowgraph']", name)
    page.wait_for_selector(f".crumbs button:text-is('{name}')")
    page.wait_for_timeout(700)


if __name__ == "__main__":
    main()
