"""What a picture says, as a sentence."""

from collections.abc import Callable, Mapping

from linksim.block import Block
from linksim.blocks.knowledge.caption_decoder import CaptionDecoder
from linksim.blocks.knowledge.caption_models import Describe, endpoint_captions, transformers_captions
from linksim.blocks.knowledge.class_words import class_sentences
from linksim.blocks.knowledge.picture_features import PictureFeatureExtractor
from linksim.blocks.knowledge.picture_flow import DEFAULT_KNOWLEDGE, KNOWN_WORDS
from linksim.blocks.text.tokenizer import WordDetokenizer
from linksim.errors import require
from linksim.types import Image, Text

OTHERS: Mapping[str, Callable[[str, str], Describe]] = {
    "classes": lambda _model, _cache: class_sentences,
    "transformers": lambda model, _cache: transformers_captions(model),
    "endpoint": endpoint_captions,
}
BACKENDS = ("local", *OTHERS)
NEEDS_MODEL = ("transformers", "endpoint")


class Captioner(Block):
    """A sentence for each picture, by a network trained here, a large one of transformers, or an endpoint.

    - "local": EfficientNet-Lite0 and a small decoder (extra `knowledge`). It writes the captions that it was trained
      on, kinds of things and colours in fixed phrases, and has no other words. `model` is a name of shipped weights
      or a .safetensors file; "vlm_csc" unless given.
    - "classes": the names of up to three classes of ImageNet, as EfficientNet-Lite0 sees them in a photograph (extra
      `knowledge`): no sentence, but words that fit photographs. ImageNet has no persons.
    - "transformers": what `AutoModelForImageTextToText` takes, as BLIP and BLIP-2 (extra `knowledge`). `model` is a
      local folder, or a name that the hub's cache has or the hub gives.
    - "endpoint": an OpenAI-compatible endpoint that sees pictures (extra `mllm`). OPENAI_BASE_URL and OPENAI_API_KEY
      name it and its key. `model` is the endpoint's name.

    Args:
        backend: "local", "classes", "transformers" or "endpoint".
        model: see above.
        word_list: for "local": see `WordTokenizer`; the one that the weights were trained with.
        cache: for the endpoint: a folder for answers, by content. Empty keeps none.

    Shapes: image [batch, 3, height, width]; out [batch, bytes]. No gradient.
    Source: VLM-CSC (arXiv 2407.00020), section III-A (the sender's knowledge base); BLIP, Li et al., ICML 2022.

    Raises:
        ParameterError: `backend` is unknown, or the back-end needs a `model` and none is given.
        WeightsError: the weights are unknown or do not fit.
        LinksimError: a package or its weights are missing, or the endpoint gives no caption.

    >>> Captioner(backend="endpoint", model="some-model")
    Captioner(backend='endpoint', model='some-model', word_list='captions', cache='')
    """

    def __init__(
        self, *, backend: str = "local", model: str = "", word_list: str = KNOWN_WORDS, cache: str = ""
    ) -> None:
        super().__init__()
        require(backend in BACKENDS, "backend", f"one of {', '.join(BACKENDS)}", backend)
        require(backend not in NEEDS_MODEL or bool(model), "model", f"given for the back-end '{backend}'", repr(model))
        require(backend != "classes" or not model, "model", "left out for the back-end 'classes'", repr(model))
        require(backend == "endpoint" or not cache, "cache", "left out, but for the endpoint", cache)
        self.backend, self.model = backend, model
        if backend == "local":
            self.features = PictureFeatureExtractor()
            self.decoder = CaptionDecoder(word_list=word_list, weights=model or DEFAULT_KNOWLEDGE)
            self.detokenizer = WordDetokenizer(word_list=word_list)
        else:
            self._describe: Describe = OTHERS[backend](model, cache)

    def forward(self, image: Image) -> Text:
        if self.backend == "local":
            words = self.decoder(features=self.features(image=image))
            return self.detokenizer(words=words)
        return Text.of(self._describe(image)).to(image.device)
