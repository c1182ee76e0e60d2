"""The one client of OpenAI-compatible endpoints: attempts, waits, a count of what was used, answers that are kept."""

import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor

from linksim.errors import FileError, LinksimError
from linksim.files import read_json, write_whole

LONGEST_WAIT_SECONDS = 60.0
Value = TypeVar("Value")


def picture_key(about: str, image: Tensor) -> str:
    """Under which an answer about a picture [3, height, width] is kept: SHA-256 of the question and of the pixels."""
    pixels = (image.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
    return hashlib.sha256(f"{about} {pixels.shape}".encode() + pixels.tobytes()).hexdigest()


@dataclass
class Usage:
    """What the questions to one endpoint have taken so far."""

    questions: int = 0
    kept: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    problems: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Asked(Generic[Value]):
    """What a question came to: a value, or None and the last problem in words; and the tokens that it took."""

    value: Value | None
    problem: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class Endpoint:
    """Asks an OpenAI-compatible endpoint, from several threads if need be.

    Args:
        model: the endpoint's name for it.
        cache: a folder for answers, by the content of the question; None keeps none.
        base_url: the endpoint's address; None takes OPENAI_BASE_URL, or OpenAI's own.
        attempts: how often a question is asked at the most.
        timeout_seconds: how long one attempt may take.
        first_wait_seconds: before the second attempt; doubles each time, unless the server says how long.

    The key comes from OPENAI_API_KEY, and is neither kept nor written anywhere.
    """

    def __init__(
        self,
        *,
        model: str,
        cache: Path | None = None,
        base_url: str | None = None,
        attempts: int = 4,
        timeout_seconds: float = 120.0,
        first_wait_seconds: float = 1.0,
    ) -> None:
        self.model, self.cache = model, cache
        self.usage = Usage()
        self._base_url, self._attempts = base_url, attempts
        self._timeout_seconds, self._first_wait = timeout_seconds, first_wait_seconds
        self._lock = threading.Lock()
        self._client: Any = None

    def check(self) -> None:
        """Raise `LinksimError` where no question can be asked: no package, or no key."""
        self._open()

    def ask(self, call: Callable[[Any], Any], read: Callable[[Any], Value]) -> Asked[Value]:
        """Ask by `call`, given the client of openai, until `read` finds a value in the answer.

        `read` raises ValueError, or another error of bad content, where the answer is of no use.
        Raises `LinksimError` where the endpoint refuses the key or the model: every further question would fail alike.
        """
        problem, tokens = "", [0, 0]
        for attempt in range(self._attempts):
            if attempt:
                self.count(retries=1)
            wait = self._first_wait * 2**attempt
            try:
                self.count(questions=1)
                answer = call(self._open())
                tokens = self._tokens(answer, tokens)
                return Asked(read(answer), "", *tokens)
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
        return Asked(None, problem, *tokens)

    def count(self, *, questions: int = 0, kept: int = 0, retries: int = 0, problem: str = "") -> None:
        """Add to what was used."""
        with self._lock:
            self.usage.questions += questions
            self.usage.kept += kept
            self.usage.retries += retries
            if problem:
                self.usage.problems.append(problem)

    def kept(self, key: str, read: Callable[[Mapping[str, Any]], Value]) -> Value | None:
        """An answer that was kept, as `read` makes it; None where there is none, or somebody has broken its file."""
        path = None if self.cache is None else self.cache / f"{key}.json"
        if path is None or not path.is_file():
            return None
        try:
            found = read(read_json(path))
        except (FileError, TypeError, KeyError, ValueError, AttributeError):
            return None
        self.count(kept=1)
        return found

    def keep(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer, where there is a folder for them."""
        if self.cache is not None:
            self.cache.mkdir(parents=True, exist_ok=True)
            write_whole(self.cache / f"{key}.json", json.dumps(answer).encode())

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
