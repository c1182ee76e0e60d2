"""A multimodal model as annotator: asked once per picture, answers kept."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from linksim.blocks.semantics.endpoint import Endpoint
from linksim.blocks.semantics.question import SCHEMA, instructions, messages, read_answer


@dataclass(frozen=True)
class Annotation:
    """Labels 1 to 3 by id, and how they came about.

    `by_rule` has the ids that the model did not label; `problem` says why, where all of them are.
    """

    labels: dict[int, int]
    by_rule: list[int]
    problem: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class Annotator(Endpoint):
    """Asks an endpoint how important the objects of pictures are; a rule labels what it does not.

    Args:
        scenario: "driving", "surveillance", or words of one's own.
        settings: see `Endpoint`.
    """

    def __init__(self, *, scenario: str = "driving", **settings: Any) -> None:
        super().__init__(**settings)
        self.scenario = scenario

    def annotate(
        self, image: Tensor, detections: Sequence[dict[str, Any]], rule: Callable[[], list[int]]
    ) -> Annotation:
        """Labels for the objects of one picture [3, height, width]; `rule` labels what the model does not.

        Raises `LinksimError` where the endpoint refuses the key or the model: every further question would fail alike.
        """
        ids = [int(entry["track_id"]) for entry in detections]
        if not ids:
            return Annotation({}, [])
        key = self._key(image, detections)
        kept = self.kept(key, _read_kept)
        if kept is None:
            kept = self._annotated(image, detections, ids)
            if not kept.problem:
                self.keep(key, asdict(kept))
        missing = [i for i in ids if i not in kept.labels]
        ruled = dict(zip(ids, rule(), strict=True)) if missing else {}
        labels = {i: kept.labels.get(i, ruled.get(i, 1)) for i in ids}
        if missing:
            self.count(problem=kept.problem or f"objects {missing} were not labelled")
        return Annotation(labels, missing, kept.problem, kept.input_tokens, kept.output_tokens)

    def _annotated(self, image: Tensor, detections: Sequence[dict[str, Any]], ids: list[int]) -> Annotation:
        asked = self.ask(
            lambda client: client.chat.completions.create(
                model=self.model, messages=messages(image, detections, self.scenario), response_format=SCHEMA
            ),
            lambda answer: read_answer(answer.choices[0].message.content, ids),
        )
        return Annotation(asked.value or {}, [], asked.problem, asked.input_tokens, asked.output_tokens)

    def _key(self, image: Tensor, detections: Sequence[dict[str, Any]]) -> str:
        pixels = (image.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
        digest = hashlib.sha256(pixels.tobytes())
        about = [self.model, instructions(self.scenario), list(pixels.shape), detections]
        digest.update(json.dumps(about, sort_keys=True).encode())
        return digest.hexdigest()


def _read_kept(content: Mapping[str, Any]) -> Annotation:
    labels = {int(i): int(v) for i, v in content["labels"].items()}
    return Annotation(labels, [], "", int(content["input_tokens"]), int(content["output_tokens"]))
