"""How `linksim transmit` learns what matters in a picture."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from linksim import Boxes
from linksim.blocks import ClassImportance, ImportanceAnnotator, ObjectDetector, RuleImportance
from linksim.blocks.importance import read_boxes
from linksim.blocks.semantics import read_detections
from linksim.errors import ParameterError, nearest

WAYS = ("file", "rule", "class", "mllm", "none")


@dataclass(frozen=True)
class ImportanceSource:
    """What the user asked for: a way, files, and the detector's and the model's names.

    `way` None is "file" where there are boxes, and "none" where there are not.
    """

    way: str | None
    boxes: Path | None
    labels: Path | None
    detector: str
    model: str

    def find(self, image: Tensor) -> Boxes | None:
        """The labelled boxes of one picture [1, 3, height, width], on the CPU; None where nothing matters more.

        Raises `ParameterError` where the options do not fit together, and what files, detector and model raise.
        """
        if self.labels is not None and self.boxes is None:
            raise ParameterError("--labels needs --boxes: labels name boxes by their ids")
        way = self.way or ("none" if self.boxes is None else "file")
        if way not in WAYS:
            raise ParameterError(f"no --importance '{way}'; {nearest(way, WAYS)}")
        if way == "none":
            return None
        if way == "file":
            if self.boxes is None:
                raise ParameterError("--importance file needs --boxes, a file of boxes with labels")
            return read_boxes(self.boxes, self.labels)
        if self.labels is not None:
            raise ParameterError(f"--importance {way} makes labels of its own; leave out --labels")
        found = ObjectDetector(model=self.detector)(image=image) if self.boxes is None else read_detections(self.boxes)
        if way == "class":
            return ClassImportance()(detections=found)
        judge = RuleImportance() if way == "rule" else ImportanceAnnotator(model=self.model)
        return judge(image=image, detections=found)
