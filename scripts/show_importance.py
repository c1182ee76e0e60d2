"""What the source of importance is worth on the link: a table and a figure.

    python scripts/show_importance.py SCENES --out docs

The part `val` of SA-OOSC's benchmark over AWGN at 10 dB, CBR 0.0201 payload, with importance from people, GPT, the
student, rules, the class table, or nobody. Quality is always counted on the patches as people labelled them: by the
majority of the three drivers, where each said something else by their middle label. Ten minutes on one core.
"""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from linksim import Boxes, Detections
from linksim.blocks import ClassImportance, ImportanceStudent, PatchImportance, RateAllocator, RuleImportance
from linksim.blocks.metrics.patch_psnr import patch_psnr
from linksim.blocks.semantics import read_detections
from linksim.blocks.sources import LabelledObjects, labelled_objects, read_picture
from linksim.blocks.sources.street_scenes import detections_folder, scene_json, scene_picture
from linksim.cli.agreement import DRIVERS, LEVELS, MODEL
from linksim.flowgraphs import sa_oosc
from linksim.flowgraphs.parts import Codec, RobustHeader

SNR_DB, CBR, ALPHAS = 10.0, 0.0201, (8.0, 16.0)
SOURCES = {
    "people": "people",
    "gpt": "GPT",
    "student": "student, with detections",
    "student_alone": "student, picture alone",
    "rules": "rules",
    "class": "class table",
    "none": "none",
}
RESAMPLES = 5000
Quality = dict[tuple[str, float], NDArray[np.float64]]
"""By source and alpha, per scene: PSNR in dB of the patches of each level, NaN where there are none, of the whole
picture, and everything that was sent as CBR, [scenes, levels + 2]."""


def labels_of(scene: LabelledObjects, annotators: Sequence[str]) -> Tensor:
    """The middle label of the annotators for every object, 0 where none has one, [1, objects]."""
    votes = [[scene.labels[a][i] for a in annotators if i in scene.labels[a]] for i in scene.detections]
    return torch.tensor([[sorted(each)[len(each) // 2] if each else 0 for each in votes]])


def maps_of(scene: LabelledObjects, image: Tensor, detections: Detections) -> dict[str, Tensor]:
    """The label of every patch by each source, [1, rows, cols]."""
    patches, student = PatchImportance(), ImportanceStudent()
    boxes = {
        "people": Boxes(detections.corners, labels_of(scene, DRIVERS)),
        "gpt": Boxes(detections.corners, labels_of(scene, [MODEL])),
        "rules": RuleImportance()(image=image, detections=detections),
        "class": ClassImportance()(detections=detections),
    }
    found = {name: patches(image=image, boxes=labelled) for name, labelled in boxes.items()}
    found["student"] = student(image=image, detections=detections).importance
    found["student_alone"] = student(image=image).importance
    found["none"] = torch.zeros_like(found["people"])
    return found


@torch.no_grad()
def measure(folder: Path, seed: int) -> Quality:
    """Sends every scene with the importance of every source."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scenes = labelled_objects(folder, "val", (MODEL, *DRIVERS))
    links = {
        alpha: sa_oosc(
            codec=Codec(importance_gain_db=0.0),
            rate=RateAllocator(target_cbr=CBR, alpha=alpha),
            header=RobustHeader(code_rate=0.5),
        )
        for alpha in ALPHAS
    }
    found: dict[tuple[str, float], list[list[float]]] = {}
    for number, scene in enumerate(scenes, 1):
        image = read_picture(scene_picture(folder, scene.name))[None]
        detections = read_detections(scene_json(detections_folder(folder), scene.name))
        maps = maps_of(scene, image, detections)
        for source, importance in maps.items():
            for alpha, link in links.items():
                if source == "none" and alpha != ALPHAS[0]:
                    continue
                run = link.run(image=image, known_importance=importance, snr_db=SNR_DB, seed=seed)
                per_patch = patch_psnr(run["image"], image)
                row = [float(per_patch[maps["people"] == level].mean()) for level in range(len(LEVELS))]
                row += [float(run["psnr"].value[0]), float(run["cbr_total"].value[0])]
                found.setdefault((source, alpha), []).append(row)
        print(f"{number} of {len(scenes)} scenes", flush=True)
    return {key: np.array(found[key]) for key in ((s, a) for s in SOURCES for a in ALPHAS) if key in found}


def interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean over the scenes that have a value, with 95 % by bootstrap over scenes."""
    known = values[~np.isnan(values)]
    picks = np.random.default_rng(1).integers(0, len(known), (RESAMPLES, len(known)))
    low, high = np.percentile(known[picks].mean(1), [2.5, 97.5])
    return float(known.mean()), float(low), float(high)


def table(quality: Quality) -> str:
    """Markdown: PSNR per level, and what high patches lose against GPT's labels."""
    lines = [
        "| importance from | alpha | high | against GPT | medium | low | background | whole picture | CBR in all |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (source, alpha), rows in quality.items():
        high, gpt = rows[:, 3], quality["gpt", alpha][:, 3]
        difference = "{:+.2f} ({:+.2f} to {:+.2f})".format(*interval(high - gpt)) if source != "gpt" else "-"
        others = " | ".join(f"{np.nanmean(rows[:, column]):.2f}" for column in (2, 1, 0, 4))
        name = f"{SOURCES[source]} | {alpha:g}" if source != "none" else f"{SOURCES[source]} (against GPT at 8) | -"
        lines.append(f"| {name} | {np.nanmean(high):.2f} | {difference} | {others} | {rows[:, 5].mean():.4f} |")
    return "\n".join(lines) + "\n"


def draw(quality: Quality, path: Path) -> None:
    """PSNR of the patches that people call highly important, by source: a dot per scene and the mean."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
    shown = [source for source in SOURCES if (source, ALPHAS[0]) in quality]
    base = quality["none", ALPHAS[0]][:, 3]
    for place, source in enumerate(shown):
        for shift, alpha, colour in zip((-0.15, 0.15), ALPHAS, ("tab:blue", "tab:orange"), strict=True):
            if (source, alpha) not in quality:
                continue
            gain = quality[source, alpha][:, 3] - base
            mean, low, high = interval(gain)
            axes.plot([place + shift] * len(gain), gain, ".", color=colour, alpha=0.35, markersize=5)
            axes.errorbar(
                place + shift, mean, [[mean - low], [high - mean]], fmt="D", color=colour, capsize=4, markersize=6,
                label=f"alpha {alpha:g}" if place == 0 else None,
            )  # fmt: skip
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.set_xticks(range(len(shown)), [SOURCES[source].replace(", ", ",\n") for source in shown])
    axes.set_ylabel("gain over no importance in dB")
    axes.set_title("Patches that people call highly important: SA-OOSC, AWGN 10 dB, CBR 0.0201")
    axes.legend(title="diamonds: mean, 95 %;\ndots: scenes", frameon=False)
    figure.savefig(path, dpi=120)


HEAD = """# Where importance comes from, and what it is worth

Made by `scripts/show_importance.py`. The 10 `val` street scenes over AWGN at 10 dB, CBR 0.0201 payload, weights
`small`. PSNR in dB of the patches as people labelled them, mean over the scenes that have such patches; in brackets
95 % by bootstrap over scenes.

"""


def main() -> None:
    """Measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    quality = measure(asked.scenes, asked.seed)
    asked.out.mkdir(parents=True, exist_ok=True)
    text = table(quality)
    (asked.out / "importance.md").write_text(HEAD + text)
    draw(quality, asked.out / "importance.png")
    print(text)


if __name__ == "__main__":
    main()
