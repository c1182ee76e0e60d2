"""A model at the receiver that makes a good picture of a coarse one."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.generative.editing_models import Edit, Editor, diffusers_editor, endpoint_editor, with_colours_of
from linksim.blocks.generative.editor_network import MULTIPLE, EditorNetwork
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.errors import require
from linksim.precision import single_precision
from linksim.types import PATCH, Decibels, Flags, Image, Lengths, Text
from linksim.weights import load_part

REMOTE: Mapping[str, Callable[[str, str], Editor]] = {
    "diffusers": lambda model, _cache: diffusers_editor(model),
    "endpoint": endpoint_editor,
}
BACKENDS = ("local", *REMOTE)


class Edited(NamedTuple):
    """The picture, whether it was edited, and by whom, or why not."""

    image: Image
    edited: Flags
    explanation: Text


class PictureEditor(Block):
    """Finish a coarse picture by a model that knows pictures, told the SNR, the rates, and a sentence.

    What it adds is likely, and may be wrong: the result is a made picture, not a received one. Where nothing arrived
    (lengths all 0), and where a model refuses or does not answer, the coarse picture is shown, and `edited` is false.

    - "local": a residual network that was trained here (`GenEDEditorRecipe`), from -1 to 15 dB.
    - "diffusers": a pipeline of diffusers that edits a picture, or draws from noise (extra `knowledge`). `model` is a
      local folder, or a name that the hub's cache has or the hub gives. It knows neither SNR nor rates.
    - "endpoint": the picture-editing interface of an OpenAI-compatible endpoint (extra `mllm`). OPENAI_BASE_URL and
      OPENAI_API_KEY name it and its key. `model` is the endpoint's name. It knows no seed: runs do not repeat.

    The last two repaint a picture, so its mean colours in pieces of 16x16 pixels are set back to what arrived.

    Args:
        backend: "local", "diffusers" or "endpoint".
        weights: for "local": a shipped name ("gened_editor"), the path of a .safetensors file, or None for an untrained
            network, which changes nothing.
        model: see above.
        cache: for the endpoint: a folder for pictures, by what was asked. Empty keeps none.

    Shapes: image and out.image [batch, 3, height, width]; lengths [batch, rows, cols] complex uses per patch; snr_db
    [batch], as the receiver sees it; text [batch, bytes], left out where none arrived; out.edited [batch];
    out.explanation [batch, bytes]. Gradients pass with "local".
    Source: GenED-SC (arXiv 2606.04015), eq. 11; "local" is linksim's.

    Raises:
        ParameterError: `backend` is unknown, it needs a `model` and none is given, or a setting means nothing to it.
        WeightsError: the weights are unknown or do not fit.
        LinksimError: a package or its weights are missing, or the endpoint refuses the key or the model.

    >>> image = torch.rand(1, 3, 40, 56)
    >>> editor = PictureEditor(weights=None)
    >>> edited = editor(image=image, lengths=torch.full((1, 3, 4), 16), snr_db=torch.tensor([10.0]))
    >>> torch.equal(edited.image, image), edited.edited.tolist()
    (True, [True])
    """

    def __init__(
        self, *, backend: str = "local", weights: str | None = "gened_editor", model: str = "", cache: str = ""
    ) -> None:
        super().__init__()
        require(backend in BACKENDS, "backend", f"one of {', '.join(BACKENDS)}", backend)
        local = backend == "local"
        require(local != bool(model), "model", f"{'left out' if local else 'given'} for '{backend}'", repr(model))
        require(backend == "endpoint" or not cache, "cache", "left out, but for the endpoint", cache)
        self.backend = backend
        if local:
            with seeded_initialization():
                self.network = EditorNetwork()
            load_part(self, weights, "picture_editor")
        else:
            self._edit = REMOTE[backend](model, cache)

    @single_precision
    def forward(self, image: Image, lengths: Lengths, snr_db: Decibels, text: Text | None = None) -> Edited:
        sentences = [""] * len(image) if text is None else text.sentences
        arrived = lengths.amax((1, 2)) > 0
        if self.backend != "local":
            return self._edited(image, arrived, sentences)
        height, width = image.shape[2:]
        padded = functional.pad(image, (0, -width % PATCH, 0, -height % PATCH), mode="replicate")
        assert PATCH % MULTIPLE == 0
        change = self.network(padded, lengths, snr_db, sentences)[..., :height, :width]
        told = ["edited by linksim's network" if there else "nothing arrived" for there in arrived.tolist()]
        return Edited(image + change * arrived[:, None, None, None], arrived, _text(told, image))

    @torch.no_grad()
    def _edited(self, image: Tensor, arrived: Tensor, sentences: list[str]) -> Edited:
        seed = int(torch.randint(1 << 31, (), generator=self.rng, device=self.device))
        found: list[Edit] = []
        for number, (picture, sentence) in enumerate(zip(image.cpu().clamp(0, 1), sentences, strict=True)):
            there = bool(arrived[number])
            edit = self._edit(picture, sentence, seed + number) if there else Edit(None, "nothing arrived")
            if edit.image is not None:
                edit = Edit(with_colours_of(edit.image, picture), edit.explanation)
            found.append(edit)
        shown = [
            coarse if edit.image is None else edit.image.to(coarse) for edit, coarse in zip(found, image, strict=True)
        ]
        edited = torch.tensor([edit.image is not None for edit in found], device=image.device)
        return Edited(torch.stack(shown), edited, _text([edit.explanation for edit in found], image))


def _text(sentences: list[str], like: Tensor) -> Text:
    return Text.of(sentences).to(like.device)
