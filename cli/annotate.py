"""`linksim annotate`: a benchmark of labelled objects from any folder of pictures."""

import json
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from linksim import Detections
from linksim.blocks import ObjectDetector
from linksim.blocks.semantics.annotator import Annotator
from linksim.blocks.semantics.detection_files import detection_list, read_detections, write_json
from linksim.blocks.sources import read_picture, readable_pictures
from linksim.cli.console import PlainConsole, noting
from linksim.cli.importance import DETECTOR, JUDGES, MODEL, judged
from linksim.cli.progress import tracked
from linksim.errors import FileError, LinksimError, ParameterError, nearest
from linksim.files import check_folder, file_digest

WAYS = ("mllm", *JUDGES)
SCENARIO, WORKERS = "driving", 8


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


def run_annotate(asked: Annotating, as_json: bool) -> None:
    """The command."""
    asked.check()
    annotator = Annotator(model=asked.model or MODEL, scenario=asked.scenario or SCENARIO, cache=asked.out / "answers")
    with noting():
        paths = [path for path, _ in readable_pictures(asked.pictures)]
    if asked.by == "mllm":
        # What would end every question ends the command before it copies a picture.
        annotator.check()
    names = [path.stem for path in paths]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FileError(f"two pictures in '{asked.pictures}' are called '{twice}'; give each a name of its own")
    if asked.detections is not None:
        lacking = next((p for p in (asked.detections / f"{name}.json" for name in names) if not p.is_file()), None)
        if lacking is not None:
            raise FileError(f"cannot read '{lacking}': there are no detections of that picture")
    with noting():
        for path in tracked(paths, len(paths), "finding objects"):
            _prepare(asked, path)
    todo = [path for path in paths if not _labels_path(asked, path).is_file() or _unsettled(asked, path)]
    with ThreadPoolExecutor(asked.workers or WORKERS if asked.by == "mllm" else 1) as pool:
        jobs = [pool.submit(_label, asked, annotator, path) for path in todo]
        try:
            found = [job.result() for job in tracked(as_completed(jobs), len(jobs), "labelling")]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    by_rule = {name: ids for name, ids in sorted(found) if ids}
    _report(asked, annotator, len(paths), len(todo), by_rule, as_json)
    if (
        asked.by == "mllm"
        and annotator.usage.questions
        and not annotator.usage.output_tokens
        and len(by_rule) == len(todo)
    ):
        raise LinksimError("the endpoint answered no question: all objects are labelled by the rule; the same command "
                           "asks again")  # fmt: skip


def _prepare(asked: Annotating, path: Path) -> None:
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


def _labels_path(asked: Annotating, path: Path) -> Path:
    return asked.out / f"importance_{asked.by}" / f"{path.stem}.json"


def _by_rule_path(asked: Annotating, path: Path) -> Path:
    """Which objects the rule labelled in the model's place: there, the next run tries again."""
    return asked.out / "by_rule" / f"{path.stem}.json"


def _unsettled(asked: Annotating, path: Path) -> bool:
    return asked.by == "mllm" and _by_rule_path(asked, path).is_file()


def _label(asked: Annotating, annotator: Annotator, path: Path) -> tuple[str, list[int]]:
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
    write_json(_labels_path(asked, path), {str(i): label for i, label in labels.items()})
    if not by_rule and asked.by == "mllm":
        _by_rule_path(asked, path).unlink(missing_ok=True)
    return path.stem, by_rule


def _labels(way: str, image: Tensor, found: Detections) -> list[int]:
    return judged(way, image[None], found).importance[0].tolist()


def _report(
    asked: Annotating, annotator: Annotator, pictures: int, new: int, by_rule: dict[str, list[int]], as_json: bool
) -> None:
    usage = asdict(annotator.usage)
    cost = None
    if asked.price is not None:
        tokens = (annotator.usage.input_tokens, annotator.usage.output_tokens)
        cost = sum(price * count / 1e6 for price, count in zip(asked.price, tokens, strict=True))
    if as_json:
        print(json.dumps({"pictures": pictures, "labelled_now": new, "by_rule": by_rule, "cost": cost, **usage}))
        return
    console = PlainConsole()
    console.print(f"{pictures} pictures in {asked.out}, {new} labelled now by {asked.by}", soft_wrap=True)
    if asked.by == "mllm":
        spent = "" if cost is None else f", {cost:.4f} at the prices given"
        asked_for = f"{usage['questions']} questions, {usage['kept']} answers known before, {usage['retries']} retries"
        tokens = f"{usage['input_tokens']:,} + {usage['output_tokens']:,} tokens"
        console.print(f"{asked_for}, {tokens}{spent}", soft_wrap=True)
    for name, ids in by_rule.items():
        console.note(f"{name}: objects {ids} are labelled by the rule")
    for problem in sorted(set(annotator.usage.problems)):
        console.note(problem)
