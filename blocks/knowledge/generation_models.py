"""Pictures by networks that are not linksim's own."""

import base64
import binascii
import hashlib
import io
import urllib.request
from collections.abc import Callable, Sequence
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from linksim.blocks.knowledge.caption_models import from_pretrained
from linksim.blocks.semantics.endpoint import Endpoint
from linksim.errors import LinksimError
from linksim.randomness import global_state

Imagine = Callable[[Sequence[str], int], Tensor]
"""From sentences and a seed to pictures [batch, 3, size, size] in [0, 1], one for each sentence."""
ENDPOINT_SIZE = 1024
MAX_PIXELS, MAX_BYTES, PATIENCE_SECONDS = 4096 * 4096, 64 << 20, 60
DIFFUSION_STEPS, DIFFUSION_GUIDANCE = 25, 7.5
TURBO_STEPS, TURBO_GUIDANCE = 1, 0.0


def diffusers_pictures(model: str, size: int, steps: int, guidance: float | None) -> Imagine:
    """Pictures by a pipeline of diffusers, loaded when the first sentence comes. A "turbo" model takes one step."""
    turbo = "turbo" in Path(model).name.lower()
    wanted = steps or (TURBO_STEPS if turbo else DIFFUSION_STEPS)
    scale = guidance if guidance is not None else (TURBO_GUIDANCE if turbo else DIFFUSION_GUIDANCE)

    def imagine(sentences: Sequence[str], seed: int) -> Tensor:
        pipeline = _pipeline(model)
        edges = {"height": size, "width": size} if size else {}
        generators = [torch.Generator().manual_seed(seed + number) for number in range(len(sentences))]
        with torch.no_grad(), global_state:
            found = pipeline(
                prompt=list(sentences), num_inference_steps=wanted, guidance_scale=scale, generator=generators,
                output_type="np", **edges,
            ).images  # fmt: skip
        return torch.from_numpy(np.ascontiguousarray(found)).float().movedim(-1, 1).clamp(0, 1)

    return imagine


@cache
def _pipeline(model: str) -> Any:
    try:
        with global_state:
            from diffusers import AutoPipelineForText2Image  # pyright: ignore[reportPrivateImportUsage]
    except ImportError:
        raise LinksimError("diffusers is not installed; install it with: pip install 'linksim[knowledge]'") from None
    cuda = torch.cuda.is_available()
    pipeline = from_pretrained(AutoPipelineForText2Image, model, torch_dtype=torch.float16 if cuda else torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to("cuda" if cuda else "cpu")


def endpoint_pictures(model: str, size: int, folder: str) -> Imagine:
    """Pictures by an OpenAI-compatible endpoint."""
    endpoint = Endpoint(model=model, cache=Path(folder) if folder else None)
    edge = size or ENDPOINT_SIZE
    return lambda sentences, _seed: torch.stack([_asked(endpoint, sentence, edge) for sentence in sentences])


def _asked(endpoint: Endpoint, sentence: str, edge: int) -> Tensor:
    key = hashlib.sha256(f"{endpoint.model} {edge} {sentence}".encode()).hexdigest()
    kept = endpoint.kept(key, lambda content: (picture_in_answer(content["b64_json"], edge), content["b64_json"]))
    if kept is not None:
        return kept[0]
    asked = endpoint.ask(
        lambda client: client.images.generate(model=endpoint.model, prompt=sentence, n=1, size=f"{edge}x{edge}"),
        lambda answer: (picture_in_answer(content := base64_in_answer(answer), edge), content),
    )
    if asked.value is None:
        raise LinksimError(f"the endpoint gave no picture by '{endpoint.model}': {asked.problem}")
    endpoint.keep(key, {"b64_json": asked.value[1]})
    return asked.value[0]


def base64_in_answer(answer: Any) -> str:
    """The picture of an answer of the pictures interface, which holds it or says where it lies. Raises ValueError where
    it does neither, or nothing can be fetched there."""
    first = answer.data[0]
    if first.b64_json:
        return first.b64_json
    address = getattr(first, "url", None) or ""
    if not address.startswith(("http://", "https://")):
        raise ValueError("the answer has no picture in 'b64_json', and no 'url'")
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as page:
            content = page.read(MAX_BYTES + 1)
    except (OSError, HTTPException) as error:
        raise ValueError(f"the picture at 'url' cannot be fetched: {error}") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"the picture at 'url' has more than {MAX_BYTES:,} bytes")
    return base64.b64encode(content).decode()


def picture_in_answer(content: str, edge: int) -> Tensor:
    """A picture [3, edge, edge] from base64. Raises ValueError where it holds none, or one of too many pixels."""
    from PIL import Image as PillowImage

    try:
        with PillowImage.open(io.BytesIO(base64.b64decode(content, validate=True))) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise ValueError(f"a picture of {opened.width}x{opened.height} pixels")
            pixels = np.array(opened.convert("RGB"))
    except (binascii.Error, OSError, SyntaxError, PillowImage.DecompressionBombError) as error:
        raise ValueError(f"the answer holds no picture: {error}") from None
    image = torch.from_numpy(pixels).movedim(-1, 0).float() / 255
    return functional.interpolate(image[None], (edge, edge), mode="bicubic", antialias=True)[0].clamp(0, 1)
