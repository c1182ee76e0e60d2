"""How close two sentences are in meaning, by a published sentence model."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

from linksim.block import Block
from linksim.errors import LinksimError
from linksim.hub import hub_answers
from linksim.randomness import global_state
from linksim.types import Score, Text

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class SentenceSimilarity(Block):
    """The cosine of the vectors that a sentence model gives to the sent and the received sentence (extra `language`).

    DeepSC's sentence similarity is another one: of BERT's next to last layer, scaled by the largest values in the
    batch. The two must not stand in one table.

    Args:
        model: a folder with a model of sentence-transformers, or a name that the hub of Hugging Face knows; what is in
            the hub's cache is taken from there.

    Shapes: sent and received [batch, bytes]; out.value [batch] in -1..1, 0 where the received sentence is empty. No
    gradient.
    Source: Reimers and Gurevych, EMNLP 2019; Wang et al., MiniLM, NeurIPS 2020.

    Raises:
        LinksimError: sentence-transformers is not installed, or the model is not there and cannot be fetched.

    >>> SentenceSimilarity()
    SentenceSimilarity(model='sentence-transformers/all-MiniLM-L6-v2')
    """

    def __init__(self, *, model: str = DEFAULT_MODEL) -> None:
        super().__init__()
        self.model = model

    def forward(self, sent: Text, received: Text) -> Score:
        network = _load(self.model)
        sentences = [*sent.sentences, *received.sentences]
        with torch.no_grad():
            vectors = network.encode(
                sentences, convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False
            )
        near, far = vectors.float().split(len(sent.length))
        value = (near * far).sum(1).to(sent.length.device)
        return Score(torch.where(received.length > 0, value, 0.0))


@cache
def _load(model: str) -> Any:
    try:
        with global_state, torch.random.fork_rng():
            from sentence_transformers import SentenceTransformer
    except ImportError:
        raise LinksimError(
            "sentence-transformers is not installed; install it with: pip install 'linksim[language]'"
        ) from None
    local, problem = Path(model).is_dir(), "OSError"
    for only_local in (True, False):
        if not only_local and (local or not hub_answers()):
            break
        try:
            with global_state, torch.random.fork_rng(), _quietly():
                # On the processor: a sentence takes milliseconds, and results do not depend on where a link runs.
                return SentenceTransformer(model, device="cpu", local_files_only=only_local).eval()
        except Exception as error:
            # The libraries below have no common error for what is missing or broken.
            problem = type(error).__name__
    known = "holds no model that can be read" if local else "is neither a folder nor in the hub's cache"
    raise LinksimError(
        f"the sentence model '{model}' {known}, and cannot be fetched ({problem}); put the files of "
        f"https://huggingface.co/{DEFAULT_MODEL} into a folder and name it by model="
    )


@contextmanager
def _quietly() -> Generator[None]:
    """Without the bars that transformers draws as it reads weights."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
