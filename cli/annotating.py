"""The steps of `linksim annotate`: copy, find objects, label them."""

import shutil
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from linksim import Detections
from linksim.blocks import ObjectDetector
from linksim.blocks.semantics.annotator import Annotator
from linksim.blocks.semantics.detection_files import detection_list, read_detections, write_json
from linksim.blocks.sources import read_picture
from linksim.cli.importance import DETECTOR, JUDGES, judged
from linksim.errors import ParameterError, nearest
from linksim.files import check_folder, file_digest

WAYS = ("mllm", *JUDGES)


@dataclass(frozen=True)
class Annotating:
    """What the user asked for."""

    pictures: Path
    out: Path
    by: str
    model: str | None
    scenario: str | None
    detector: str | None
    detections: Path | None
    workers: int | None
    price: tuple[float, float] | None

    def check(self) -> None:
        """Refuse a way that there is not, options without use, and a folder that cannot be written.

        Raises `ParameterError`.
        """
        if self.by not in WAYS:
            raise ParameterError(f"no way '{self.by}' to label; {nearest(self.by, WAYS)}")
        for name in ("model", "scenario", "workers", "price"):
            if self.by != "mllm" and getattr(self, name) is not None:
                raise ParameterError(f"--{name} is for --by mllm; '{self.by}' makes no use of it")
        if self.detector is not None and self.detections is not None:
            raise ParameterError("--detections has the objects already; leave out --detector")
        check_folder("--out", self.out, (), [])


def prepare(asked: Annotating, path: Path) -> None:
    """The picture and its detections, where they are not there yet."""
    picture = asked.out / "images" / path.name
    if not picture.is_file():
        picture.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, picture)
    elif file_digest(picture) != file_digest(path):
        warnings.warn(f"'{path}' has changed since '{picture}' was made of it; the old one and its labels are kept",
                      stacklevel=2)  # fmt: skip
    target = asked.out / "detections" / f"{path.stem}.json"
    if target.is_file():
        return
    if asked.detections is not None:
        found = read_detections(asked.detections / f"{path.stem}.json")
    else:
        found = ObjectDetector(model=asked.detector or DETECTOR)(image=read_picture(path)[None])
    write_json(target, detection_list(found))


def labels_path(asked: Annotating, path: Path) -> Path:
    """Where the labels of a picture stand."""
    return asked.out / f"importance_{asked.by}" / f"{path.stem}.json"


def _by_rule_path(asked: Annotating, path: Path) -> Path:
    """Which objects the rule labelled in the model's place: there, the next run tries again."""
    return asked.out / "by_rule" / f"{path.stem}.json"


def is_unsettled(asked: Annotating, path: Path) -> bool:
    """Whether the rule labelled objects of the picture in the model's place."""
    return asked.by == "mllm" and _by_rule_path(asked, path).is_file()


def label(asked: Annotating, annotator: Annotator, path: Path) -> tuple[str, list[int]]:
    """Write the labels of one picture; its name, and the ids that the rule had to label."""
    image = read_picture(path)
    found = read_detections(asked.out / "detections" / f"{path.stem}.json")
    if asked.by == "mllm":
        annotation = annotator.annotate(image, detection_list(found), partial(_labels, "rules", image, found))
        labels, by_rule = annotation.labels, annotation.by_rule
    else:
        labels, by_rule = dict(enumerate(_labels(asked.by, image, found), 1)), []
    # The note first: a run that is killed between the two asks again.
    if by_rule:
        write_json(_by_rule_path(asked, path), by_rule)
    write_json(labels_path(asked, path), {str(i): label for i, label in labels.items()})
    if not by_rule and asked.by == "mllm":
        _by_rule_path(asked, path).unlink(missing_ok=True)
    return path.stem, by_rule


def _labels(way: str, image: Tensor, found: Detections) -> list[int]:
    return judged(way, image[None], found).importance[0].tolist()
