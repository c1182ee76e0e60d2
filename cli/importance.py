"""How `linksim transmit` learns what matters in a picture."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from linksim import Boxes, Detections
from linksim.blocks import (
    ClassImportance,
    ImportanceAnnotator,
    ImportanceStudent,
    MaskImportance,
    ObjectDetector,
    RuleImportance,
)
from linksim.blocks.importance import read_boxes
from linksim.blocks.semantics import read_detections
from linksim.cli.scene import AskedRegion
from linksim.errors import ParameterError, nearest

DETECTOR, MODEL = "yolo11x.pt", "gpt-4o"
INTENT = "intent"
JUDGES = ("student", "rules", "class")
"""Those that label detections here, without asking anyone."""
WAYS = ("student", "file", "rules", "class", "mllm", "none")


@dataclass(frozen=True)
class ImportanceSource:
    """What the user asked for: a way, files, and the detector's and the model's names.

    `way` None is "file" where there are boxes, else the student, where the link makes use of importance. `detector`
    None is `DETECTOR` for the ways that need objects; the student takes objects only where one is named. With `intent`
    what it asks for is of high importance; `masks` has the pixels of its objects.
    """

    way: str | None
    boxes: Path | None
    labels: Path | None
    detector: str | None
    model: str | None
    of_use: bool = True
    intent: str | None = None
    intent_by: str | None = None
    masks: Path | None = None

    @property
    def chosen(self) -> str:
        """The way. Raises `ParameterError` where there is none of that name."""
        if self.intent is not None:
            return INTENT
        way = self.way or ("file" if self.boxes is not None else "student" if self.of_use else "none")
        if way not in WAYS:
            raise ParameterError(f"no --importance '{way}'; {nearest(way, WAYS)}")
        return way

    def find(self, image: Tensor) -> tuple[dict[str, Boxes | Tensor], str]:
        """What matters in one picture [1, 3, height, width], and which way it was found. The first as inputs of a link,
        on the CPU: labelled boxes, or labels per patch; nothing where nothing matters more.

        Raises `ParameterError` where the options do not fit together, and what files, detector and model raise.
        """
        way = self.chosen
        self._check(way)
        if way == INTENT:
            return {"known_importance": self._by_intent(image)}, way
        if way == "none":
            return {}, way
        if way == "file" and self.boxes is not None:
            return {"boxes": read_boxes(self.boxes, self.labels)}, way
        if way == "student" and self.boxes is None and self.detector is None:
            return self._by_student(image)
        found = (
            ObjectDetector(model=self.detector or DETECTOR)(image=image)
            if self.boxes is None
            else read_detections(self.boxes)
        )
        if way == "mllm":
            return {"boxes": ImportanceAnnotator(model=self.model or MODEL)(image=image, detections=found)}, way
        return {"boxes": judged(way, image, found)}, way

    def _by_intent(self, image: Tensor) -> Tensor:
        asked = self._region()
        return MaskImportance()(mask=asked.block()(image=image, **asked.find(image)).mask)

    def _region(self) -> AskedRegion:
        assert self.intent is not None
        return AskedRegion(self.intent, self.intent_by, self.model, self.boxes, self.masks, self.detector)

    def _by_student(self, image: Tensor) -> tuple[dict[str, Boxes | Tensor], str]:
        """The student's judgement; where nobody asked for it, only of pictures that it knows."""
        student = ImportanceStudent()
        if not bool(student.knows(image).all()):
            strange = "this picture does not look like the street scenes that the student of importance knows"
            if self.way is None:
                warnings.warn(
                    f"{strange}: no importance is used. --boxes gives objects that matter; --importance student takes "
                    "its judgement all the same",
                    stacklevel=3,
                )
                return {}, "none"
            warnings.warn(f"{strange}: it may find importance where there is none", stacklevel=3)
        elif self.way is None:
            warnings.warn("what matters is judged by the student of street scenes; --importance none goes without",
                          stacklevel=3)  # fmt: skip
        return {"known_importance": student(image=image).importance}, "student"

    def _check(self, way: str) -> None:
        """Refuse options that the way has no use for. Raises `ParameterError`."""
        if way == INTENT:
            self._region().check()
            if not self.of_use:
                raise ParameterError("--intent says what matters, but this link makes no use of it; take --link "
                                     "sa_oosc, klt or uidsc")  # fmt: skip
            if self.way is not None:
                raise ParameterError("--intent says what matters; leave out --importance")
        elif self.masks is not None or self.intent_by is not None:
            given = "masks" if self.intent_by is None else "intent-by"
            raise ParameterError(f"--{given} is about what --intent asks for; give both")
        if self.labels is not None and self.boxes is None:
            raise ParameterError("--labels needs --boxes: labels name boxes by their ids")
        if way == "file" and self.boxes is None:
            raise ParameterError("--importance file needs --boxes, a file of boxes with labels")
        if way not in ("file", "none") and self.labels is not None:
            raise ParameterError(f"--importance {way} makes labels of its own; leave out --labels")
        if self.model is not None and way not in ("mllm", INTENT):
            raise ParameterError(f"--model is for --importance mllm; '{way}' asks none")
        if way == "none" and (self.boxes or self.labels or self.detector):
            given = next(n for n in ("boxes", "labels", "detector") if getattr(self, n) is not None)
            warnings.warn(f"--importance none makes no use of --{given}", stacklevel=3)
        if self.detector is not None and self.boxes is not None:
            raise ParameterError("--boxes has the objects already; leave out --detector")


def judged(way: str, image: Tensor, found: Detections) -> Boxes:
    """The objects of one picture [1, 3, height, width], labelled by one of `JUDGES`."""
    if way == "class":
        return ClassImportance()(detections=found)
    if way == "student":
        return ImportanceStudent()(image=image, detections=found).boxes
    return RuleImportance()(image=image, detections=found)
