"""What a sentence asks for of one picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from linksim.blocks import IntentMask, ObjectDetector
from linksim.blocks.intent.intent_mask import BACKENDS, WORDS
from linksim.blocks.semantics import read_detections
from linksim.blocks.sources.segmented_pictures import read_numbers
from linksim.errors import ParameterError, nearest
from linksim.types import Text


@dataclass(frozen=True)
class AskedRegion:
    """A sentence and how it is understood: `by` a back-end of `IntentMask`, with a `model`.

    For the rules of words the objects come from `boxes` or by a `detector`, their pixels from `masks`; with none of
    them `IntentMask` looks for them itself.
    """

    intent: str
    by: str | None = None
    model: str | None = None
    boxes: Path | None = None
    masks: Path | None = None
    detector: str | None = None

    @property
    def backend(self) -> str:
        """The way of understanding."""
        return self.by or WORDS

    def check(self) -> None:
        """Raise `ParameterError` where the options do not fit together."""
        if self.backend not in BACKENDS:
            raise ParameterError(f"no --intent-by '{self.backend}'; {nearest(self.backend, BACKENDS)}")
        if self.boxes is not None and self.detector is not None:
            raise ParameterError("--boxes has the objects already; leave out --detector")
        if self.masks is not None and self.boxes is None:
            raise ParameterError("--masks has the pixels of the objects in --boxes; give both")
        if self.backend == WORDS and self.model is not None:
            raise ParameterError("--model names the network of --intent-by; the rules of words have none")
        given = next((name for name in ("boxes", "detector") if getattr(self, name) is not None), None)
        if self.backend != WORDS and given is not None:
            raise ParameterError(f"--intent-by {self.backend} finds objects itself; leave out --{given}")
        if self.backend == "endpoint" and self.model is None:
            raise ParameterError("--intent-by endpoint needs --model, a name that the endpoint has")

    def block(self) -> IntentMask:
        """What understands the sentence. Raises `ParameterError` as `check` does."""
        self.check()
        return IntentMask(backend=self.backend, model=self.model or "")

    def find(self, image: Tensor) -> dict[str, Any]:
        """The block's inputs beside the picture [1, 3, height, width]. Raises what files and detector raise."""
        given: dict[str, Any] = {"intent": Text.of([self.intent])}
        if self.detector is not None:
            given["detections"] = ObjectDetector(model=self.detector)(image=image)
        if self.boxes is not None:
            given["detections"] = read_detections(self.boxes)
        if self.masks is not None:
            given["instances"] = read_numbers(self.masks)[None].long()
        return given
