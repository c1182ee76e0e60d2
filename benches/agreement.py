"""How far annotators agree on what matters, with intervals over pictures."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from linksim import Boxes
from linksim.blocks.importance import PatchImportance
from linksim.blocks.sources import LabelledObjects, labelled_objects
from linksim.blocks.sources.picture_file import picture_size
from linksim.blocks.sources.street_scenes import scene_picture
from linksim.errors import ParameterError

LEVELS = ("background", "low", "medium", "high")
MODEL = "importance_mllm"
DRIVERS = ("importance_human_a", "importance_human_b", "importance_human_c")
MAJORITY = "majority"
RESAMPLES = 2000

Counts = NDArray[np.float64]
"""A confusion matrix: rows are the reference's levels, columns the other's."""


@dataclass(frozen=True)
class Agreement:
    """What the user asked for."""

    dataset: Path
    part: str | None
    seed: int
    model: str = MODEL
    drivers: tuple[str, ...] = DRIVERS

    def __post_init__(self) -> None:
        if len(self.drivers) < 3:
            raise ParameterError(f"a majority needs at least three --driver folders (got {len(self.drivers)})")
        if len({self.model, *self.drivers, MAJORITY}) < len(self.drivers) + 2:
            raise ParameterError(
                f"--model and each --driver must be folders of their own, none called '{MAJORITY}' (got {self.model}, "
                f"{', '.join(self.drivers)})"
            )


def majority(votes: Sequence[int]) -> int | None:
    """The label that more than half of the votes have; None where there is none."""
    label, count = Counter(votes).most_common(1)[0]
    return label if 2 * count > len(votes) else None


def with_majority(scene: LabelledObjects, drivers: tuple[str, ...] = DRIVERS) -> LabelledObjects:
    """The scene with the drivers' majority as an annotator of its own, over the objects that all of them labelled."""
    labels = scene.labels
    common = [i for i in scene.detections if all(i in labels[driver] for driver in drivers)]
    votes = {i: majority([labels[driver][i] for driver in drivers]) for i in common}
    agreed = {i: label for i, label in votes.items() if label is not None}
    return LabelledObjects(scene.name, scene.detections, {**labels, MAJORITY: agreed})


def object_counts(scene: LabelledObjects, reference: str, other: str) -> Counts:
    """Confusion over the objects of one scene that both have labelled, [4, 4]."""
    counts = np.zeros((4, 4))
    first, second = scene.labels[reference], scene.labels[other]
    for i in scene.detections:
        if i in first and i in second:
            counts[first[i], second[i]] += 1
    return counts


def patch_counts(scene: LabelledObjects, reference: str, other: str, size: tuple[int, int]) -> Counts:
    """Confusion over the 16x16 patches of one scene, by the objects that both have labelled, [4, 4]."""
    first, second = scene.labels[reference], scene.labels[other]
    common = [i for i in scene.detections if i in first and i in second]
    maps = [patch_map(scene, {i: labels[i] for i in common}, size) for labels in (first, second)]
    counts = np.zeros((4, 4))
    np.add.at(counts, tuple(maps), 1)
    return counts


def patch_map(scene: LabelledObjects, labels: Mapping[str, int], size: tuple[int, int]) -> NDArray[np.int64]:
    """The label of every patch, flat."""
    corners = [[float(scene.detections[i]["box"][k]) for k in ("x1", "y1", "x2", "y2")] for i in labels]
    boxes = Boxes(torch.tensor(corners).reshape(1, -1, 4), torch.tensor([list(labels.values())], dtype=torch.int64))
    return PatchImportance()(image=torch.empty(1, 3, *size, device="cpu"), boxes=boxes).flatten().numpy()


# -- figures of a confusion matrix


def accuracy(counts: Counts) -> float:
    """Share on the diagonal."""
    return float(np.trace(counts) / counts.sum())


def kappa(counts: Counts) -> float:
    """Cohen's kappa: agreement beyond what the two marginals give by chance (Cohen, 1960)."""
    total = counts.sum()
    chance = float(counts.sum(0) @ counts.sum(1)) / total**2
    return (accuracy(counts) - chance) / (1 - chance) if chance < 1 else float("nan")


def recall(counts: Counts, level: int) -> float:
    """Of those that the reference has at a level, the share that the other has there too."""
    return float(counts[level, level] / counts[level].sum()) if counts[level].any() else float("nan")


def precision(counts: Counts, level: int) -> float:
    """Of those that the other has at a level, the share that the reference has there too."""
    return recall(counts.T, level)


def macro_f1(counts: Counts) -> float:
    """Mean over the levels that occur of 2 TP / (2 TP + FP + FN)."""
    true, both = np.diag(counts), counts.sum(0) + counts.sum(1)
    return float((2 * true[both > 0] / both[both > 0]).mean())


def interval(per_scene: Sequence[Counts], figure: Callable[[Counts], float], seed: int) -> tuple[float, float, float]:
    """A figure of all scenes together, with the 2.5 and 97.5 % points of bootstrap over scenes (Efron, 1979)."""
    stacked = np.stack(per_scene)
    generator = np.random.default_rng(seed)
    picks = generator.integers(0, len(stacked), (RESAMPLES, len(stacked)))
    drawn = np.array([figure(stacked[pick].sum(0)) for pick in picks])
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return figure(stacked.sum(0)), float(low), float(high)


def measure(asked: Agreement) -> dict[str, Any]:
    """All figures, as plain values."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scenes = [
            with_majority(scene, asked.drivers)
            for scene in labelled_objects(asked.dataset, asked.part, (asked.model, *asked.drivers))
        ]
    if len(scenes) < 2:
        raise ParameterError(f"intervals over pictures need at least two of them (got {len(scenes)})")
    sizes = [picture_size(scene_picture(asked.dataset, scene.name)) for scene in scenes]
    if not any(scene.labels[asked.model].keys() & scene.labels[MAJORITY].keys() for scene in scenes):
        raise ParameterError(f"'{asked.model}' and the drivers have labelled no object in common")
    people = asked.drivers
    pairs = [(MAJORITY, asked.model), *((MAJORITY, d) for d in people), *((d, asked.model) for d in people),
             *combinations(people, 2)]  # fmt: skip
    rows = [_row(scenes, sizes, *pair, asked.seed) for pair in pairs]
    objects = sum(len(scene.detections) for scene in scenes)
    tied = sum(all(i in s.labels[d] for d in people) and i not in s.labels[MAJORITY]
               for s in scenes for i in s.detections)  # fmt: skip
    return {"pictures": len(scenes), "objects": objects, "without_majority": tied,
            "notes": [str(warning.message) for warning in caught], "pairs": rows}  # fmt: skip


def _row(
    scenes: Sequence[LabelledObjects], sizes: Sequence[tuple[int, int]], reference: str, other: str, seed: int
) -> dict[str, Any]:
    objects = [object_counts(scene, reference, other) for scene in scenes]
    patches = [patch_counts(scene, reference, other, size) for scene, size in zip(scenes, sizes, strict=True)]
    total = np.sum(objects, 0)
    row: dict[str, Any] = {"reference": reference, "other": other, "objects": int(total.sum()),
                           "confusion": total[1:, 1:].astype(int).tolist()}  # fmt: skip
    for name, per_scene in (("object", objects), ("patch", patches)):
        row[f"{name}_accuracy"] = interval(per_scene, accuracy, seed)
        row[f"{name}_kappa"] = interval(per_scene, kappa, seed)
    row["patch_macro_f1"] = interval(patches, macro_f1, seed)
    row["object_recall"] = {LEVELS[i]: recall(total, i) for i in (1, 2, 3)}
    row["object_precision"] = {LEVELS[i]: precision(total, i) for i in (1, 2, 3)}
    return row
