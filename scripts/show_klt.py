"""The KLT link's quality: Kodak beside the closed-form floor, street scenes, and what importance does.

usage: python scripts/show_klt.py KODAK STREET_SCENES

The floor is a fixed-length KLT and LMMSE codec worked out in closed form with Kodak's own statistics.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim import Result
from linksim.blocks.sources import StreetScene, list_pictures, read_picture, street_scenes
from linksim.flowgraphs import klt

SNRS_DB = (1.0, 4.0, 7.0, 10.0, 13.0)
FLOOR_DB = {
    "1/48": (20.99, 22.31, 23.66, 24.82, 25.67),
    "1/16": (23.12, 24.67, 26.42, 28.06, 29.40),
}
CLASSES = ("high", "medium", "low", "background", "nonbackground")


def mean_psnr(pictures: list[Tensor], **settings: Any) -> Callable[[float], tuple[float, float, float]]:
    """A function from SNR to (mean PSNR, mean CBR, erasure rate) of the link with these settings."""
    link = klt(**settings)

    def at(snr_db: float) -> tuple[float, float, float]:
        runs = [link.run(image=picture, snr_db=snr_db, seed=1) for picture in pictures]
        return _mean(runs, "psnr"), _mean(runs, "cbr"), sum(bool(run["erased"][0]) for run in runs) / len(runs)

    return at


def _mean(runs: list[Result], name: str) -> float:
    values = torch.stack([run[name].value[0] for run in runs])
    return float(values.nanmean())


def show_kodak(folder: Path) -> None:
    """PSNR against SNR at two rates, beside the floor; lost pictures are in the mean as mid-grey."""
    pictures = [read_picture(path)[None] for path in list_pictures(folder)]
    print(f"Kodak, {len(pictures)} pictures, AWGN, real header, mean PSNR in dB over all pictures")
    print(f"{'CBR':>6}{'SNR dB':>8}{'PSNR':>8}{'floor':>8}{'above':>8}{'cbr':>9}{'erased':>8}")
    for name, floors in FLOOR_DB.items():
        at = mean_psnr(pictures, target_cbr=eval_fraction(name))
        before = 0.0
        for snr_db, floor in zip(SNRS_DB, floors, strict=True):
            psnr, cbr, erased = at(snr_db)
            falls = "  FALLS" if psnr <= before else ""
            print(f"{name:>6}{snr_db:>8g}{psnr:>8.2f}{floor:>8.2f}{psnr - floor:>8.2f}{cbr:>9.5f}{erased:>8.1%}{falls}")
            before = psnr


def eval_fraction(text: str) -> float:
    """The value of "1/48"."""
    numerator, denominator = text.split("/")
    return int(numerator) / int(denominator)


def send_scenes(scenes: list[StreetScene], **settings: Any) -> dict[str, float]:
    """Means over the scenes at 10 dB, CBR 0.0201, GPT labels: patch PSNR per class, PSNR, header CBR, high minus
    others."""
    link = klt(target_cbr=0.0201, **settings)
    runs: list[Result] = []
    others: list[float] = []
    for scene in scenes:
        probe = ["importance.out"]
        run = link.run(image=read_picture(scene.picture)[None], boxes=scene.boxes(), snr_db=10.0, seed=1, probe=probe)
        runs.append(run)
        counts = torch.bincount(run["importance.out"].flatten(), minlength=4).double()
        parts = [float(run[f"patch_psnr.{name}"].value[0]) for name in ("background", "low", "medium")]
        kept = [(part, float(n)) for part, n in zip(parts, counts[:3], strict=True) if n > 0]
        others.append(sum(part * n for part, n in kept) / sum(n for _, n in kept))
    high = [float(run["patch_psnr.high"].value[0]) for run in runs]
    gaps = torch.tensor([h - o for h, o in zip(high, others, strict=True)])
    found = {name: _mean(runs, f"patch_psnr.{name}") for name in CLASSES}
    header = [float(run["ledger"].header[0] / run["ledger"].source_dimensions[0]) for run in runs]
    return {**found, "PSNR": _mean(runs, "psnr"), "gap": float(gaps.nanmean()), "header": sum(header) / len(header)}


def show_scenes(folder: Path) -> None:
    """What alpha and the weights do, apart and together, and what map smoothing costs."""
    scenes = street_scenes(folder)
    cases: dict[str, dict[str, Any]] = {
        "alpha 0, equal weights": {"alpha": 0.0, "importance_exponent": 0.0},
        "alpha 8, equal weights": {"alpha": 8.0, "importance_exponent": 0.0},
        "alpha 0, weights": {"alpha": 0.0},
        "alpha 4, weights": {"alpha": 4.0},
        "alpha 8, weights": {},
        "alpha 16, weights": {"alpha": 16.0},
        "alpha 0, equal, smoothing 0.25": {"alpha": 0.0, "importance_exponent": 0.0, "map_smoothing": 0.25},
        "alpha 0, equal, smoothing 0.5": {"alpha": 0.0, "importance_exponent": 0.0, "map_smoothing": 0.5},
        "alpha 0, equal, smoothing 1": {"alpha": 0.0, "importance_exponent": 0.0, "map_smoothing": 1.0},
    }
    print(f"street scenes, {len(scenes)} of val, AWGN 10 dB, CBR 0.0201, patch PSNR in dB; gap: high minus all others")
    columns = (*CLASSES, "PSNR", "gap", "header")
    print(f"{'':<32}" + "".join(f"{name:>14}" for name in columns))
    for name, settings in cases.items():
        found = send_scenes(scenes, **settings)
        print(f"{name:<32}" + "".join(f"{found[c]:>14.5f}" if c == "header" else f"{found[c]:>14.2f}" for c in columns))


if __name__ == "__main__":
    torch.set_num_threads(1)
    show_kodak(Path(sys.argv[1]))
    show_scenes(Path(sys.argv[2]))
