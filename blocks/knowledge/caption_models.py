"""Captions by networks that are not linksim's own."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim.blocks.semantics.endpoint import Endpoint, picture_key
from linksim.blocks.semantics.question import picture_message
from linksim.blocks.text.tokenizer import MAX_WORDS
from linksim.blocks.text.word_list import split_words
from linksim.errors import LinksimError
from linksim.hub import hub_answers
from linksim.randomness import global_state

Describe = Callable[[Tensor], Sequence[str]]
"""From pictures [batch, 3, height, width] to a sentence each."""
QUESTION = "Describe the picture in one plain sentence of at most 20 words. Answer with the sentence alone."
NEW_TOKENS = 30


def pillow_pictures(image: Tensor) -> list[Any]:
    """Pictures [batch, 3, height, width] for a library that takes Pillow's."""
    from PIL import Image as PillowImage

    pixels = (image.detach().clamp(0, 1) * 255).round().byte().movedim(1, -1).cpu().numpy()
    return [PillowImage.fromarray(each) for each in pixels]


def transformers_captions(model: str) -> Describe:
    """Captions by a model of transformers, loaded when the first picture comes."""

    def describe(image: Tensor) -> Sequence[str]:
        processor, network = _loaded(model, str(image.device))
        asks = bool(getattr(processor, "chat_template", None))
        inputs = (_questions if asks else _pictures)(processor, pillow_pictures(image)).to(image.device)
        try:
            with torch.no_grad(), global_state:
                tokens = network.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
        except (ValueError, RuntimeError) as error:
            reason = (str(error).splitlines() or [""])[0][:200]
            raise LinksimError(f"'{model}' gives no caption ({type(error).__name__}: {reason})") from error
        # A model that is asked repeats the question before its answer.
        said = tokens[:, inputs["input_ids"].shape[1] :] if asks else tokens
        return [_cleaned(text) for text in processor.batch_decode(said, skip_special_tokens=True)]

    return describe


def _pictures(processor: Any, pictures: Sequence[Any]) -> Any:
    """For models that caption what they are shown, as BLIP."""
    return processor(images=pictures, return_tensors="pt")


def _questions(processor: Any, pictures: Sequence[Any]) -> Any:
    """For models that answer in a chat, as LLaVA: the question and a picture to each."""
    asked = [
        [{"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": QUESTION}]}]
        for picture in pictures
    ]
    return processor.apply_chat_template(
        asked, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", padding=True
    )


@cache
def _loaded(model: str, device: str) -> tuple[Any, Any]:
    return loaded_pair("AutoProcessor", "AutoModelForImageTextToText", model, device)


def loaded_pair(reader: str, kind: str, model: str, device: str, **settings: Any) -> tuple[Any, Any]:
    """What reads a model's inputs, a processor or a tokenizer, and the model, by these classes of transformers.

    Raises `LinksimError` where transformers is not installed, or the model cannot be loaded.
    """
    try:
        with global_state:
            import transformers
    except ImportError:
        raise LinksimError("transformers is not installed; install it with: pip install 'linksim[knowledge]'") from None
    read, network = (from_pretrained(getattr(transformers, name), model, **settings) for name in (reader, kind))
    return read, network.eval().to(device)


def from_pretrained(kind: Any, model: str, **settings: Any) -> Any:
    """What a class of transformers or diffusers loads: from a local folder, from the hub's cache, or from the hub.

    Raises `LinksimError` where none of them has it.
    """
    problem: Exception | None = None
    for local in (True, False):
        if not local and (Path(model).is_dir() or not hub_answers()):
            break
        try:
            with global_state:
                return kind.from_pretrained(model, local_files_only=local, **settings)
        except Exception as error:
            problem = problem or error
    reason = str(problem).splitlines()[0][:200] if problem else ""
    raise LinksimError(
        f"'{model}' cannot be loaded ({type(problem).__name__}: {reason}); give a folder that holds the model's files "
        "(config, weights, tokenizer), or the name of one that the hub's cache has"
    ) from problem


def endpoint_captions(model: str, folder: str) -> Describe:
    """Captions by an OpenAI-compatible endpoint."""
    endpoint = Endpoint(model=model, cache=Path(folder) if folder else None)
    return lambda image: [_asked(endpoint, picture) for picture in image]


def _asked(endpoint: Endpoint, picture: Tensor) -> str:
    key = picture_key(f"{endpoint.model} {QUESTION}", picture)
    kept = endpoint.kept(key, lambda content: _sentence(content["caption"]))
    if kept is not None:
        return kept
    content = [{"type": "text", "text": QUESTION}, picture_message(picture)]
    asked = endpoint.ask(
        lambda client: client.chat.completions.create(
            model=endpoint.model, messages=[{"role": "user", "content": content}]
        ),
        lambda answer: _sentence(answer.choices[0].message.content),
    )
    if asked.value is None:
        raise LinksimError(f"the endpoint gave no caption by '{endpoint.model}': {asked.problem}")
    endpoint.keep(key, {"caption": asked.value})
    return asked.value


def _sentence(answer: str | None) -> str:
    """A caption from an answer. Raises ValueError where it is none."""
    found = _cleaned(answer or "")
    words = split_words(found)
    if not 0 < len(words) <= MAX_WORDS:
        raise ValueError(f"a caption must have 1 to {MAX_WORDS} words (got {len(words)})")
    return found


def _cleaned(text: str) -> str:
    """On one line, without control characters and quotation marks around it."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split()).strip("\"'“” ")
