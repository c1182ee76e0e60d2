"""`linksim annotate`: a benchmark of labelled objects from any folder of pictures."""

import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict

from linksim.blocks.semantics.annotator import Annotator
from linksim.blocks.sources import readable_pictures
from linksim.cli.annotating import Annotating, is_unsettled, label, labels_path, prepare
from linksim.cli.console import PlainConsole, noting
from linksim.cli.importance import MODEL
from linksim.cli.progress import tracked
from linksim.errors import FileError, LinksimError

SCENARIO, WORKERS = "driving", 8


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
            prepare(asked, path)
    todo = [path for path in paths if not labels_path(asked, path).is_file() or is_unsettled(asked, path)]
    with ThreadPoolExecutor(asked.workers or WORKERS if asked.by == "mllm" else 1) as pool:
        jobs = [pool.submit(label, asked, annotator, path) for path in todo]
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
