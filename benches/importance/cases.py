"""Street scenes labelled by one source, and judged by people."""

import hashlib
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim import Boxes, Detections
from linksim.benches.agreement import DRIVERS, MODEL
from linksim.benches.judged import GIVEN
from linksim.blocks import ClassImportance, ImportanceStudent, PatchImportance, RuleImportance
from linksim.blocks.semantics import read_detections
from linksim.blocks.sources import LabelledObjects, PictureCases, labelled_objects
from linksim.blocks.sources.street_scenes import detections_folder, scene_json, scene_picture

GPT = "GPT"
SOURCES = ("people", GPT, "student, with detections", "student, picture alone", "rules", "class table", "none")


class LabelledCases:
    """Street scenes with what people call important as `boxes`, and one source's labels as `given_importance`.

    Raises `FileError` where a file is missing or cannot be read.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._folder, self._source = folder, source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._scenes = labelled_objects(folder, "val", (MODEL, *DRIVERS))
        self._pictures = PictureCases([scene_picture(folder, scene.name) for scene in self._scenes])

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that every case gives."""
        return ("image", "boxes", GIVEN)

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> dict[str, Any]:
        scene, case = self._scenes[index], self._pictures[index]
        detections = read_detections(scene_json(detections_folder(self._folder), scene.name))
        people = Boxes(detections.corners, labels_of(scene, DRIVERS))
        return {**case, "boxes": people, GIVEN: patch_labels(self._source, scene, case["image"], detections)}

    def digest(self) -> str:
        """SHA-256 over the pictures, people's labels and the source's labels of the patches."""
        digest = hashlib.sha256(self._pictures.digest().encode())
        for index in range(len(self)):
            case = self[index]
            digest.update(repr(case["boxes"]).encode())
            digest.update(case[GIVEN].numpy().tobytes())
        return digest.hexdigest()


def patch_labels(source: str, scene: LabelledObjects, image: Tensor, detections: Detections) -> Tensor:
    """The label of every patch by the source, [1, rows, cols]."""
    if source == "student, with detections":
        return _student()(image=image, detections=detections).importance
    if source == "student, picture alone":
        return _student()(image=image).importance
    boxes = {
        "people": lambda: Boxes(detections.corners, labels_of(scene, DRIVERS)),
        GPT: lambda: Boxes(detections.corners, labels_of(scene, [MODEL])),
        "rules": lambda: RuleImportance()(image=image, detections=detections),
        "class table": lambda: ClassImportance()(detections=detections),
        "none": lambda: None,
    }
    return PatchImportance()(image=image, boxes=boxes[source]())


@cache
def _student() -> ImportanceStudent:
    return ImportanceStudent()


def labels_of(scene: LabelledObjects, annotators: Sequence[str]) -> Tensor:
    """The middle label of the annotators for every object, 0 where none has one, [1, objects]."""
    votes = [[scene.labels[a][i] for a in annotators if i in scene.labels[a]] for i in scene.detections]
    return torch.tensor([[sorted(each)[len(each) // 2] if each else 0 for each in votes]])
