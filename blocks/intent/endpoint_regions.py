"""Regions by a multimodal model that draws boxes and polygons, asked at an endpoint."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from linksim.blocks.intent.cut_out import box_pixels, cut_out_box
from linksim.blocks.intent.open_vocabulary import sam_pixels
from linksim.blocks.intent.region_question import (
    INSTRUCTIONS,
    SCHEMA,
    Region,
    as_answer,
    kept_regions,
    read_regions,
    region_messages,
)
from linksim.blocks.intent.selection import Selection
from linksim.blocks.intent.understanding import Understand, nothing, union, worded
from linksim.blocks.semantics.endpoint import Endpoint

BOX, GRABCUT = "box", "grabcut"
Boxes = Sequence[Sequence[float]]


def segmented_boxes(segmenter: str, image: Tensor, boxes: Boxes) -> list[Tensor]:
    """The pixels of the object in each box (x0, y0, x1, y1) in pixels, bool [height, width]: "box" takes all of them,
    "grabcut" those of the object's colours, and the weights of a SAM of ultralytics what that says."""
    if segmenter == BOX:
        return [box_pixels(box, image) for box in boxes]
    if segmenter == GRABCUT:
        return [cut_out_box(box, image) for box in boxes]
    return sam_pixels(segmenter, image, boxes)


def endpoint_regions(model: str, cache: str, segmenter: str) -> Understand:
    """By an OpenAI-compatible endpoint."""
    endpoint = Endpoint(model=model, cache=Path(cache) if cache else None)

    def understand(sentence: str, image: Tensor) -> Selection:
        line = worded(sentence)
        regions, problem = _asked(endpoint, line, image)
        if problem:
            return nothing(image, f"The endpoint drew no region: {problem}.")
        if not regions:
            return nothing(image, f"Nothing matches '{line}', says the endpoint.")
        mask = union(_drawn(regions, image, lambda boxes: segmented_boxes(segmenter, image, boxes)), image)
        reasons = f"'{line}': the endpoint drew {', '.join(region.label for region in regions)}."
        return Selection(tuple(range(1, len(regions) + 1)), mask, (reasons,), bool(mask.any()))

    return understand


def _asked(endpoint: Endpoint, sentence: str, image: Tensor) -> tuple[list[Region], str]:
    """The regions, and what went wrong where nothing was answered."""
    key = _key(endpoint, sentence, image)
    kept = endpoint.kept(key, kept_regions)
    if kept is not None:
        return kept, ""
    asked = endpoint.ask(
        lambda client: client.chat.completions.create(
            model=endpoint.model, messages=region_messages(image, sentence), response_format=SCHEMA
        ),
        lambda answer: read_regions(answer.choices[0].message.content),
    )
    if asked.value is None:
        return [], asked.problem
    endpoint.keep(key, as_answer(asked.value))
    return asked.value, ""


def _key(endpoint: Endpoint, sentence: str, image: Tensor) -> str:
    pixels = (image.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
    about = f"{endpoint.model} {INSTRUCTIONS} {sentence} {pixels.shape}".encode()
    return hashlib.sha256(about + pixels.tobytes()).hexdigest()


def _drawn(regions: Sequence[Region], image: Tensor, pixels: Callable[[Boxes], list[Tensor]]) -> list[Tensor]:
    height, width = image.shape[1:]
    scale = (width, height, width, height)
    boxes = [
        [edge * size for edge, size in zip(region.box, scale, strict=True)] for region in regions if not region.polygon
    ]
    return [*pixels(boxes), *(_filled(region, image) for region in regions if region.polygon)]


def _filled(region: Region, image: Tensor) -> Tensor:
    """The pixels inside an outline."""
    from skimage.draw import polygon

    height, width = image.shape[1:]
    # Points are corners between pixels, pixels are counted by their middles.
    down = [y * height - 0.5 for _, y in region.polygon]
    across = [x * width - 0.5 for x, _ in region.polygon]
    rows, cols = polygon(down, across, (height, width))
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[torch.from_numpy(rows), torch.from_numpy(cols)] = True
    return mask.to(image.device)
