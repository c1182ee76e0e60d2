"""What a multimodal model is asked, and what counts as an answer."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

LEVELS = {"low": 1, "medium": 2, "high": 3}
LONGEST_ANSWER = 200_000

DRIVING = """\
You drive the vehicle whose camera took this picture. For each numbered object say how much its exact appearance matters
for how you drive in the next seconds.
high: it could make you brake, swerve or stop now. Near and on your path, or about to enter it; a light or a sign that
governs your own lane.
medium: worth watching. On your path but further away, or near beside it and able to enter it.
low: it changes nothing for you. Far off your path, behind a barrier, parked out of the way, or meant for other lanes.
Judge by place before kind: how far, and whether your paths cross. A near object that stands counts more than a distant
one that moves."""
SURVEILLANCE = """\
You watch this place by camera to keep people and property safe. For each numbered object say how much its exact
appearance matters for that.
high: people close enough to recognise, what they do or carry, and anything left alone or out of place.
medium: people further away, vehicles that arrive or leave.
low: furniture, parked vehicles and whatever stands there every day."""
SCENARIOS: Mapping[str, str] = {"driving": DRIVING, "surveillance": SURVEILLANCE}

FORM = """\
The first picture is what the camera saw; in the second the same objects have numbered boxes. Give every number of the
list exactly once. Answer with JSON alone: {"objects": [{"id": 1, "importance": "low" | "medium" | "high"}, ...]}"""


def schema(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The form of an answer {"objects": [...]} whose objects have exactly these properties."""
    entry = {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": dict(properties),
    }
    whole = {
        "type": "object",
        "additionalProperties": False,
        "required": ["objects"],
        "properties": {"objects": {"type": "array", "items": entry}},
    }
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": whole}}


SCHEMA = schema("importance", {"id": {"type": "integer"}, "importance": {"type": "string", "enum": list(LEVELS)}})


def instructions(scenario: str) -> str:
    """The words for a known scenario, or for one described freely."""
    return SCENARIOS.get(scenario, f"For each numbered object say how important it is in this situation:\n{scenario}")


def messages(image: Tensor, detections: Sequence[Mapping[str, Any]], scenario: str) -> list[dict[str, Any]]:
    """The question about one picture [3, height, width], in the form of the chat interface."""
    shown = [{key: entry[key] for key in ("track_id", "name", "confidence", "box")} for entry in detections]
    listed = json.dumps([{"id": entry.pop("track_id"), **entry} for entry in shown])
    pictures = [picture_message(image), picture_message(image, detections)]
    content = [{"type": "text", "text": f"{FORM}\n{listed}"}, *pictures]
    return [{"role": "system", "content": instructions(scenario)}, {"role": "user", "content": content}]


def picture_message(image: Tensor, detections: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A picture as a data address, with numbered boxes where there are any."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    pixels = (image.detach().clamp(0, 1) * 255).round().byte().movedim(0, -1).cpu().numpy()
    shown = PillowImage.fromarray(pixels)
    draw = ImageDraw.Draw(shown)
    for entry in detections:
        box = entry["box"]
        draw.rectangle((box["x1"], box["y1"], box["x2"], box["y2"]), outline=(255, 230, 0), width=3)
        place = (box["x1"] + 4, max(box["y1"] - 22, 0))
        text = str(entry["track_id"])
        draw.rectangle(draw.textbbox(place, text, font_size=18), fill=(0, 0, 0))
        draw.text(place, text, fill=(255, 230, 0), font_size=18)
    stream = io.BytesIO()
    shown.save(stream, "JPEG", quality=90)
    coded = base64.b64encode(stream.getvalue()).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{coded}"}}


def read_answer(text: str | None, ids: Sequence[int]) -> dict[int, int]:
    """Labels by id from a model's answer, prose around the JSON allowed; ids that were not asked for are left out.

    Raises ValueError saying what is wrong where it holds no such JSON.
    """
    if not text:
        raise ValueError("the answer is empty")
    if len(text) > LONGEST_ANSWER:
        raise ValueError(f"the answer has {len(text)} characters")
    begin, end = text.find("{"), text.rfind("}")
    try:
        answer = json.loads(text[begin : end + 1])
    except (ValueError, RecursionError):
        raise ValueError("the answer holds no whole JSON object") from None
    objects = answer.get("objects")
    if not isinstance(objects, list):
        raise ValueError("the answer has no list 'objects'")
    asked, labels = set(ids), dict[int, int]()
    for entry in objects:
        number = entry.get("id") if isinstance(entry, dict) else None
        # A list cannot be looked up, and true would pass for 1.
        if type(number) is int and number in asked and str(entry.get("importance")).lower() in LEVELS:
            labels.setdefault(number, LEVELS[str(entry["importance"]).lower()])
    if not labels:
        raise ValueError("the answer labels none of the objects")
    return labels
