"""The KLT link's quality: Kodak beside the closed-form floor, street scenes, and what importance does.

usage: python scripts/show_klt.py KODAK STREET_SCENES

The floor is a closed-form KLT and LMMSE codec of fixed length.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim import Result
from linksim.blocks import RateAllocator
from linksim.blocks.sources import StreetScene, list_pictures, read_picture, street_scenes
from linksim.flowgraphs import klt
from linksim.flowgraphs.parts import KLTCodec, RobustHeader

SNRS_DB = (1.0, 4.0, 7.0, 10.0, 13.0)
FLOOR_DB = {
    "1/48": (20.99, 22.31, 23.66, 24.82, 25.67),
    "1/16": (23.12, 24.67, 26.42, 28.06, 29.40),
}
CLASSES = ("high", "medium", "low", "background", "nonbackground")


def send_all(pictures: list[Tensor], target_cbr: float) -> Callable[[float], list[Result]]:
    """A function from SNR to the runs of all pictures over the link at this rate."""
    link = klt(rate=RateAllocator(target_cbr=target_cbr), header=RobustHeader(code_rate=0.5))
    return lambda snr_db: [link.run(image=picture, snr_db=snr_db, seed=1) for picture in pictures]


def delivery(runs: list[Result]) -> tuple[float, float]:
    """(mean PSNR over the delivered pictures, erasure rate)."""
    delivered = [run for run in runs if not bool(run["erased"][0])]
    return _mean(delivered, "psnr") if delivered else float("nan"), 1 - len(delivered) / len(runs)


def _mean(runs: list[Result], name: str) -> float:
    values = torch.stack([run[name].value[0] for run in runs])
    return float(values.nanmean())


def show_kodak(folder: Path) -> None:
    """PSNR against SNR at two rates, beside the floor; lost pictures are in the mean over all as mid-grey."""
    pictures = [read_picture(path)[None] for path in list_pictures(folder)]
    print(f"Kodak, {len(pictures)} pictures, AWGN, real header, mean PSNR in dB over all pictures")
    columns = ("CBR", "SNR dB", "PSNR", "deliv.", "floor", "above", "cbr", "total", "erased")
    print("".join(f"{name:>9}" for name in columns))
    for name, floors in FLOOR_DB.items():
        at = send_all(pictures, target_cbr=eval_fraction(name))
        before = 0.0
        for snr_db, floor in zip(SNRS_DB, floors, strict=True):
            runs = at(snr_db)
            psnr, (delivered, erased) = _mean(runs, "psnr"), delivery(runs)
            cost = f"{_mean(runs, 'cbr'):>9.5f}{_mean(runs, 'cbr_total'):>9.5f}{erased:>9.1%}"
            falls = "  FALLS" if psnr <= before else ""
            print(f"{name:>9}{snr_db:>9g}{psnr:>9.2f}{delivered:>9.2f}{floor:>9.2f}{psnr - floor:>9.2f}{cost}{falls}")
            before = psnr


def eval_fraction(text: str) -> float:
    """The value of "1/48"."""
    numerator, denominator = text.split("/")
    return int(numerator) / int(denominator)


def send_scenes(
    scenes: list[StreetScene], *, importance_exponent: float = 2.0, **rate_settings: Any
) -> dict[str, float]:
    """Means over the scenes at 10 dB, CBR 0.0201, GPT labels: patch PSNR per class, PSNR, header CBR, high minus
    others."""
    codec, rate = KLTCodec(importance_exponent=importance_exponent), RateAllocator(target_cbr=0.0201, **rate_settings)
    link = klt(codec=codec, rate=rate, header=RobustHeader(code_rate=0.5))
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
    delivered, erased = delivery(runs)
    quality = {"PSNR": _mean(runs, "psnr"), "delivered": delivered, "gap": float(gaps.nanmean())}
    return {**found, **quality, "cbr": _mean(runs, "cbr"), "total": _mean(runs, "cbr_total"), "erased": erased}


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
    columns = (*CLASSES, "PSNR", "delivered", "gap", "cbr", "total", "erased")
    print(f"{'':<32}" + "".join(f"{name:>14}" for name in columns))
    for name, settings in cases.items():
        found = send_scenes(scenes, **settings)
        digits = {"cbr": 5, "total": 5}
        print(f"{name:<32}" + "".join(f"{found[c]:>14.{digits.get(c, 2)}f}" for c in columns))


if __name__ == "__main__":
    torch.set_num_threads(1)
    show_kodak(Path(sys.argv[1]))
    show_scenes(Path(sys.argv[2]))
