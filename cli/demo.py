"""`linksim demo`: real photographs over two channels at four SNRs."""

import json
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table
from torch import Tensor

from linksim import Boxes, Flowgraph, Result
from linksim.blocks.sources import read_picture
from linksim.cli.console import PlainConsole
from linksim.cli.links import CHANNELS as ALL_CHANNELS
from linksim.cli.links import make_link
from linksim.cli.progress import tracked
from linksim.files import check_folder
from linksim.plot import contact_sheet, report, save_figure

CBR = 1 / 24
NAMES = {"klt": "KLT", "sa_oosc": "SA-OOSC"}
CHANNELS = {name: ALL_CHANNELS[name] for name in ("awgn", "rayleigh")}
Case = tuple[str, str]
"""A link and a channel by their names."""
SNRS_DB = (0.0, 5.0, 10.0, 15.0)
FADES = 8
"""Runs per picture and SNR on Rayleigh: one fade says little."""

PHOTOGRAPHS: dict[str, list[tuple[tuple[int, int, int, int], int]]] = {
    "astronaut.png": [((175, 65, 275, 210), 3), ((90, 190, 370, 512), 2), ((380, 40, 512, 380), 1)],
    "chelsea.png": [((125, 35, 345, 235), 3), ((40, 180, 440, 300), 1)],
    "coffee.png": [((165, 40, 440, 330), 3), ((460, 40, 560, 330), 2)],
}
"""Photographs that ship with scikit-image, and boxes (x1, y1, x2, y2) drawn on them with an importance each."""


def photographs() -> dict[str, tuple[Tensor, Boxes]]:
    """The pictures [3, height, width] with their boxes, by name."""
    from skimage import data

    found: dict[str, tuple[Tensor, Boxes]] = {}
    for name, drawn in PHOTOGRAPHS.items():
        corners = torch.tensor([[list(map(float, box)) for box, _ in drawn]])
        labels = torch.tensor([[importance for _, importance in drawn]])
        found[name] = read_picture(Path(data.data_dir) / name), Boxes(corners, labels)
    return found


def run_demo(out: Path, seed: int, as_json: bool) -> None:
    """The command."""
    stems = [Path(name).stem for name in PHOTOGRAPHS]
    check_folder("--out", out, [f"{stem}{ending}.png" for stem in stems for ending in ("", "_report")], [])
    out.mkdir(parents=True, exist_ok=True)
    # The pictures are small: on busy cores several threads wait for each other longer than they work.
    torch.set_num_threads(1)
    links = {
        (link, channel): make_link(link, CHANNELS[channel](), {"target_cbr": CBR})
        for channel in CHANNELS
        for link in NAMES
    }
    pictures = photographs()
    work = [(name, case, snr) for name in pictures for case in links for snr in SNRS_DB]
    runs: dict[tuple[str, Case, float], Result] = {}
    for name, case, snr in tracked(work, len(work), "sending photographs"):
        runs[name, case, snr] = _send(links[case], *pictures[name], snr, seed, FADES if case[1] == "rayleigh" else 1)
    for name, (original, _) in pictures.items():
        _write_pictures(out / Path(name).stem, original, {key[1:]: run for key, run in runs.items() if key[0] == name})
    rows = [_row(case, snr, [runs[name, case, snr] for name in pictures]) for case in links for snr in SNRS_DB]
    if as_json:
        print(json.dumps(rows))
        return
    _show(rows, out)


def _send(link: Flowgraph, picture: Tensor, boxes: Boxes, snr_db: float, seed: int, runs: int) -> Result:
    """One batch: the same picture `runs` times, each with a fade and noise of its own."""
    batch = Boxes(boxes.corners.expand(runs, -1, -1), boxes.importance.expand(runs, -1))
    probe = ("importance.out", "rate.lengths", "equalizer.out")
    return link.run(image=picture.expand(runs, -1, -1, -1), boxes=batch, snr_db=snr_db, seed=seed, probe=probe)


def _write_pictures(stem: Path, original: Tensor, runs: dict[tuple[Case, float], Result]) -> None:
    rows: dict[str, dict[str, tuple[Tensor, str]]] = {}
    for ((link, channel), snr), run in runs.items():
        caption = "lost" if bool(run["erased"][0]) else f"{float(run['psnr'].value[0]):.1f} dB"
        rows.setdefault(f"{NAMES[link]}, {channel}", {})[f"{snr:g} dB"] = run["image"][0], caption
    save_figure(contact_sheet(rows, f"{stem.name}: CBR {CBR:.4f}, by SNR"), stem.with_suffix(".png"))
    run = runs[("sa_oosc", "awgn"), 10.0]
    symbols = run["equalizer.out"].symbols
    psnr = float(run["psnr"].value[0])
    titles = {
        "figure": f"{stem.name}: SA-OOSC link over AWGN, 10 dB, CBR {float(run['cbr'].value[0]):.4f} payload, "
        f"{float(run['cbr_total'].value[0]):.4f} in all",
        "image": f"reconstruction, {psnr:.2f} dB",
    }
    received = symbols.samples[0, : int(symbols.length[0])]
    figure = report(original, run["importance.out"][0], run["rate.lengths"][0], received, run["image"][0], titles)
    save_figure(figure, stem.with_name(f"{stem.name}_report.png"))


def _row(case: Case, snr_db: float, runs: list[Result]) -> dict[str, Any]:
    """Figures of one link, channel and SNR: the mean over pictures of each picture's mean over its runs."""

    def mean(values: list[Tensor]) -> float:
        return float(torch.stack([value.mean() for value in values]).mean())

    delivered = [run["psnr"].value[~run["erased"]] for run in runs]
    return {
        "link": case[0],
        "channel": case[1],
        "snr_db": snr_db,
        "psnr_db": round(mean([run["psnr"].value for run in runs]), 2),
        "psnr_delivered_db": round(mean([p for p in delivered if len(p)]), 2) if any(map(len, delivered)) else None,
        "erasure_rate": round(mean([run["erased"].float() for run in runs]), 4),
        "patch_psnr_high_db": round(mean([run["patch_psnr.high"].value for run in runs]), 2),
        "patch_psnr_background_db": round(mean([run["patch_psnr.background"].value for run in runs]), 2),
        "cbr": round(mean([run["cbr"].value for run in runs]), 5),
        "cbr_total": round(mean([run["cbr_total"].value for run in runs]), 5),
    }


def _show(rows: list[dict[str, Any]], out: Path) -> None:
    title = f"mean over {len(PHOTOGRAPHS)} photographs (Rayleigh: {FADES} fades each)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in ("link", "channel", "SNR", "PSNR", "delivered", "erased", "high", "background"):
        table.add_column(column, justify="left" if column in ("link", "channel") else "right", no_wrap=True)
    for row in rows:
        if row is not rows[0] and row["snr_db"] == SNRS_DB[0]:
            table.add_section()
        delivered = "-" if row["psnr_delivered_db"] is None else f"{row['psnr_delivered_db']:.2f}"
        table.add_row(NAMES[row["link"]], row["channel"], f"{row['snr_db']:g}", f"{row['psnr_db']:.2f}", delivered,
                      f"{row['erasure_rate']:.1%}", f"{row['patch_psnr_high_db']:.2f}",
                      f"{row['patch_psnr_background_db']:.2f}")  # fmt: skip
    console = PlainConsole()
    console.print(table)
    console.print("PSNR in dB, lost pictures counted as mid-grey; delivered: without the lost ones;")
    console.print(f"CBR {CBR:.4f} for the payload, {max(row['cbr_total'] for row in rows):.4f} with the header.")
    console.print("high, background: patch PSNR by importance. header: robust; csi: perfect.")
    console.print(f"Pictures: {out}", soft_wrap=True)
