"""A multimodal model's judgement as a block."""

from pathlib import Path

import torch

from linksim.block import Block
from linksim.blocks.semantics.annotator import Annotator
from linksim.blocks.semantics.detection_files import detection_list
from linksim.blocks.semantics.rule_importance import RuleImportance
from linksim.errors import require
from linksim.types import Boxes, Detections, Image


class ImportanceAnnotator(Block):
    """How important each object is, as a multimodal model judges it (extra `mllm`).

    The endpoint speaks OpenAI's protocol: OPENAI_BASE_URL and OPENAI_API_KEY name it and its key, which is kept
    nowhere. It gets the picture, the picture with numbered boxes, and the detections. What it does not label, because
    it fails or answers badly, `RuleImportance` does; `usage` says how often, and counts tokens.

    Args:
        model: the endpoint's name for it.
        scenario: "driving", "surveillance", or words of one's own.
        cache: a folder for answers, by content: nothing is asked twice. Empty keeps none.
        attempts: how often a question is asked at the most; waits double, or are what the server says.
        timeout_seconds: how long one attempt may take.

    Shapes: image [batch, 3, height, width]; detections [batch, objects]; out.importance [batch, objects]. No gradient.
    Source: SA-OOSC, section 2, for the idea; the words of the question are linksim's.

    Raises:
        ParameterError: a parameter is out of range.
        LinksimError: openai is not installed, or the endpoint refuses the key or the model.

    >>> ImportanceAnnotator(model="some-model", cache="answers").usage.questions
    0
    """

    def __init__(
        self,
        *,
        model: str = "gpt-4o",
        scenario: str = "driving",
        cache: str = "",
        attempts: int = 4,
        timeout_seconds: float = 120.0,
    ) -> None:
        super().__init__()
        require(attempts > 0, "attempts", "at least 1", attempts)
        require(timeout_seconds > 0, "timeout_seconds", "positive", timeout_seconds)
        require(bool(scenario.strip()), "scenario", "driving, surveillance, or words of your own", scenario)
        self._annotator = Annotator(
            model=model,
            scenario=scenario,
            cache=Path(cache) if cache else None,
            attempts=attempts,
            timeout_seconds=timeout_seconds,
        )
        self.usage = self._annotator.usage
        self.rule = RuleImportance()

    def forward(self, image: Image, detections: Detections) -> Boxes:
        ruled = self.rule(image=image, detections=detections).importance
        labels = torch.zeros_like(ruled)
        for i, picture in enumerate(image):
            entries = detection_list(detections, i)
            chosen = [int(entry["track_id"]) - 1 for entry in entries]
            by_rule = [int(ruled[i, place]) for place in chosen]
            found = self._annotator.annotate(picture, entries, lambda values=by_rule: values)
            for place in chosen:
                labels[i, place] = found.labels[place + 1]
        return Boxes(detections.corners, labels)
