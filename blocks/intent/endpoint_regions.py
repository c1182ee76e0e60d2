"""Regions by a multimodal model that draws boxes and polygons, asked at an endpoint."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from linksim.blocks.intent.box_segmenter import Boxes, segmented_boxes
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
from linksim.blocks.semantics.endpoint import Endpoint, picture_key


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
    key = picture_key(f"{endpoint.model} {INSTRUCTIONS} {sentence}", image)
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
