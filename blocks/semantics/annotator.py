"""A multimodal model as annotator: asked once per picture, answers kept."""

import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from linksim.blocks.semantics.question import SCHEMA, instructions, messages, read_answer
from linksim.errors import FileError, LinksimError
from linksim.files import read_json, write_whole

LONGEST_WAIT_SECONDS = 60.0


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


@dataclass
class Usage:
    """What the questions of one annotator have taken so far."""

    questions: int = 0
    kept: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    problems: list[str] = field(default_factory=list[str])


class Annotator:
    """Asks an OpenAI-compatible endpoint about pictures, from several threads if need be.

    Args:
        model: the endpoint's name for it.
        scenario: "driving", "surveillance", or words of one's own.
        cache: a folder for answers, by the content of the question; None keeps none.
        base_url: the endpoint's address; None takes OPENAI_BASE_URL, or OpenAI's own.
        attempts: how often a question is asked before the rule labels all objects.
        timeout_seconds: how long one attempt may take.
        first_wait_seconds: before the second attempt; doubles each time, unless the server says how long.

    The key comes from OPENAI_API_KEY, and is neither kept nor written anywhere.
    """

    def __init__(
        self,
        *,
        model: str,
        scenario: str = "driving",
        cache: Path | None = None,
        base_url: str | None = None,
        attempts: int = 4,
        timeout_seconds: float = 120.0,
        first_wait_seconds: float = 1.0,
    ) -> None:
        self.model, self.scenario, self.cache = model, scenario, cache
        self.usage = Usage()
        self._base_url, self._attempts = base_url, attempts
        self._timeout_seconds, self._first_wait = timeout_seconds, first_wait_seconds
        self._lock = threading.Lock()
        self._client: Any = None

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
        kept = self._kept(key)
        if kept is None:
            kept = self._ask(image, detections, ids)
            if not kept.problem:
                self._keep(key, kept)
        else:
            self._count(kept=1)
        missing = [i for i in ids if i not in kept.labels]
        ruled = dict(zip(ids, rule(), strict=True)) if missing else {}
        labels = {i: kept.labels.get(i, ruled.get(i, 1)) for i in ids}
        if missing:
            self._count(problem=kept.problem or f"objects {missing} were not labelled")
        return Annotation(labels, missing, kept.problem, kept.input_tokens, kept.output_tokens)

    def check(self) -> None:
        """Raise `LinksimError` where no question can be asked: no package, or no key."""
        self._open()

    # -- asking

    def _ask(self, image: Tensor, detections: Sequence[dict[str, Any]], ids: list[int]) -> Annotation:
        problem, tokens = "", [0, 0]
        for attempt in range(self._attempts):
            if attempt:
                self._count(retries=1)
            wait = self._first_wait * 2**attempt
            try:
                self._count(questions=1)
                answer = self._open().chat.completions.create(
                    model=self.model, messages=messages(image, detections, self.scenario), response_format=SCHEMA
                )
                tokens = self._tokens(answer, tokens)
                labels = read_answer(answer.choices[0].message.content, ids)
                return Annotation(labels, [], "", *tokens)
            except LinksimError:
                raise
            except (ValueError, IndexError, AttributeError, TypeError) as error:
                problem = f"a bad answer: {error}"
            except Exception as error:
                problem, told = self._explain(error)
                wait = told or wait
            if attempt + 1 < self._attempts:
                # Spread out, so that threads refused together do not come back together.
                time.sleep(min(wait, LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1.0))
        return Annotation({}, [], problem, *tokens)

    def _explain(self, error: Exception) -> tuple[str, float | None]:
        """What went wrong in words without the key, and how long the server asks to wait. Raises what will not pass."""
        import openai

        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError | openai.NotFoundError):
            raise LinksimError(
                f"the endpoint refuses the key or the model '{self.model}' (status {error.status_code}); set "
                "OPENAI_API_KEY and OPENAI_BASE_URL, and give a model that it has"
            ) from None
        if isinstance(error, openai.APIStatusError):
            told = error.response.headers.get("retry-after", "")
            return f"status {error.status_code}", float(told) if told.replace(".", "", 1).isdigit() else None
        if isinstance(error, openai.OpenAIError):
            return type(error).__name__, None
        raise error

    def _open(self) -> Any:
        with self._lock:
            if self._client is None:
                try:
                    import openai
                except ImportError:
                    raise LinksimError(
                        "the package openai is not installed; install it with: pip install 'linksim[mllm]'"
                    ) from None
                if not os.environ.get("OPENAI_API_KEY"):
                    raise LinksimError("no key for the endpoint: set OPENAI_API_KEY (any text, where none is needed)")
                self._client = openai.OpenAI(base_url=self._base_url, timeout=self._timeout_seconds, max_retries=0)
            return self._client

    def _tokens(self, answer: Any, before: list[int]) -> list[int]:
        used = getattr(answer, "usage", None)
        counts = [int(getattr(used, name, 0) or 0) for name in ("prompt_tokens", "completion_tokens")]
        with self._lock:
            self.usage.input_tokens += counts[0]
            self.usage.output_tokens += counts[1]
        return [old + new for old, new in zip(before, counts, strict=True)]

    def _count(self, *, questions: int = 0, kept: int = 0, retries: int = 0, problem: str = "") -> None:
        with self._lock:
            self.usage.questions += questions
            self.usage.kept += kept
            self.usage.retries += retries
            if problem:
                self.usage.problems.append(problem)

    # -- keeping

    def _key(self, image: Tensor, detections: Sequence[dict[str, Any]]) -> str:
        pixels = (image.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
        digest = hashlib.sha256(pixels.tobytes())
        about = [self.model, instructions(self.scenario), list(pixels.shape), detections]
        digest.update(json.dumps(about, sort_keys=True).encode())
        return digest.hexdigest()

    def _kept(self, key: str) -> Annotation | None:
        path = None if self.cache is None else self.cache / f"{key}.json"
        if path is None or not path.is_file():
            return None
        try:
            content = read_json(path)
            labels = {int(i): int(v) for i, v in content["labels"].items()}
            return Annotation(labels, [], "", int(content["input_tokens"]), int(content["output_tokens"]))
        except (FileError, TypeError, KeyError, ValueError, AttributeError):
            # A file that somebody has broken is asked anew.
            return None

    def _keep(self, key: str, annotation: Annotation) -> None:
        if self.cache is not None:
            self.cache.mkdir(parents=True, exist_ok=True)
            write_whole(self.cache / f"{key}.json", json.dumps(asdict(annotation)).encode())
