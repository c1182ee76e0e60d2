"""A picture that fits a sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from linksim.block import Block
from linksim.blocks.knowledge.captioned_pictures import read_captioned_pictures
from linksim.blocks.knowledge.generation_models import Imagine, diffusers_pictures, endpoint_pictures
from linksim.blocks.knowledge.picture_flow import DEFAULT_KNOWLEDGE, KNOWN_WORDS, PictureFlow
from linksim.blocks.knowledge.retrieval import Retrieval
from linksim.blocks.text.shortener import shortened
from linksim.blocks.text.tokenizer import WordTokenizer
from linksim.errors import require
from linksim.types import Image, Text


@dataclass(frozen=True)
class Settings:
    """What a back-end is made from; 0 and None are its own."""

    model: str
    size: int
    steps: int
    guidance: float | None
    cache: str


REMOTE: Mapping[str, Callable[[Settings], Imagine]] = {
    "retrieval": lambda asked: Retrieval(read_captioned_pictures(asked.model), asked.size),
    "diffusers": lambda asked: diffusers_pictures(asked.model, asked.size, asked.steps, asked.guidance),
    "endpoint": lambda asked: endpoint_pictures(asked.model, asked.size, asked.cache),
}
BACKENDS = ("flow", *REMOTE)
DRAWN = ("flow", "diffusers")


class PictureGenerator(Block):
    """A picture for each sentence: drawn by a network, or looked up in a stored set.

    - "flow": `PictureFlow`, 32x32 pixels. `model` is a name of shipped weights or a .safetensors file; "vlm_csc" unless
      given. Each word that it does not know is one and the same to it, `<unk>`.
    - "retrieval": the stored picture whose caption shares the most words with the sentence, rare words weighing more;
      of equals one is drawn. `model` is a folder or a file, see `read_captioned_pictures`.
    - "diffusers": what `AutoPipelineForText2Image` takes, as Stable Diffusion (extra `knowledge`). `model` is a local
      folder, or a name that the hub's cache has or the hub gives.
    - "endpoint": the pictures interface of an OpenAI-compatible endpoint (extra `mllm`). OPENAI_BASE_URL and
      OPENAI_API_KEY name it and its key. `model` is the endpoint's name. It knows no seed: runs do not repeat.

    A sentence without a word, as a lost one is, gives mid-grey. Of a long one the first 32 words count.

    Args:
        backend: "flow", "retrieval", "diffusers" or "endpoint".
        model: see above.
        size: edge of the pictures in pixels; 0 is the back-end's own, for `retrieval` that of the largest stored one.
        steps: for "flow" and "diffusers"; 0 is the back-end's own.
        guidance: for "flow" and "diffusers"; None is the back-end's own.
        word_list: for "flow": see `WordTokenizer`; the one that the weights were trained with.
        cache: for the endpoint: a folder for pictures, by sentence. Empty keeps none.

    Shapes: text [batch, bytes]; out [batch, 3, size, size]. No gradient.
    Source: VLM-CSC (arXiv 2407.00020), section III-A (the receiver's knowledge base).

    Raises:
        ParameterError: `backend` is unknown, it needs a `model` and none is given, or a setting means nothing to it.
        FileError: the stored set cannot be read.
        WeightsError: the weights are unknown or do not fit.
        LinksimError: a package or its weights are missing, or the endpoint gives no picture.

    >>> PictureGenerator(steps=1).seed(1)(text=Text.of(["a brown dog near a wall"])).shape
    torch.Size([1, 3, 32, 32])
    """

    def __init__(
        self,
        *,
        backend: str = "flow",
        model: str = "",
        size: int = 0,
        steps: int = 0,
        guidance: float | None = None,
        word_list: str = KNOWN_WORDS,
        cache: str = "",
    ) -> None:
        super().__init__()
        require(backend in BACKENDS, "backend", f"one of {', '.join(BACKENDS)}", backend)
        require(backend == "flow" or bool(model), "model", f"given for the back-end '{backend}'", repr(model))
        require(backend != "flow" or size == 0, "size", "left out for the flow, which draws 32x32 pixels", size)
        require(0 <= size <= 4096, "size", "in 0..4096 pixels", size)
        require(steps >= 0, "steps", "at least 0", steps)
        require(guidance is None or guidance >= 0, "guidance", "at least 0", guidance)
        drawn = backend in DRAWN
        require(drawn or steps == 0, "steps", f"left out for the back-end '{backend}'", steps)
        require(drawn or guidance is None, "guidance", f"left out for the back-end '{backend}'", guidance)
        require(backend == "endpoint" or not cache, "cache", "left out, but for the endpoint", cache)
        self.backend = backend
        if backend == "flow":
            chosen = {} if steps == 0 else {"steps": steps}
            chosen |= {} if guidance is None else {"guidance": guidance}
            self.tokenizer = WordTokenizer(word_list=word_list)
            self.flow = PictureFlow(word_list=word_list, weights=model or DEFAULT_KNOWLEDGE, **chosen)  # pyright: ignore
        else:
            self._imagine = REMOTE[backend](Settings(model, size, steps, guidance, cache))
            # A plain attribute: a store tells links apart by them, and a file of captions does not hold its pictures.
            self.stored = list(self._imagine.pictures) if isinstance(self._imagine, Retrieval) else []

    def forward(self, text: Text) -> Image:
        # What arrives may be no sentence: a wrong word can pass a check. Without a word it counts as lost.
        found = [shortened(sentence) for sentence in text.sentences]
        # Something has to be drawn in the place of a lost sentence, and is thrown away.
        sentences = [sentence or "a picture" for sentence in found]
        device = text.length.device
        told = torch.tensor([bool(sentence) for sentence in found], device=device)
        if self.backend == "flow":
            words = self.tokenizer(text=Text.of(sentences)).words.to(self.device)
            pictures = self.flow(words=words)
        else:
            seed = int(torch.randint(1 << 31, (), generator=self.rng, device=self.device))
            pictures = self._imagine(sentences, seed)
        return torch.where(told[:, None, None, None], pictures.to(device), 0.5)
