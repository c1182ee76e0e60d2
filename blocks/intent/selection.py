"""Which of a picture's objects a request asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from linksim.blocks.intent.colour import colour_share
from linksim.blocks.intent.request import Clause, Request

SMALL_SHARE = 0.0075
"""Of the picture: one object by its place or colour ("the person on the left") is not meant to be a smaller one, where
there are larger ones."""
COLOUR_SHARE = 0.45
"""Of an object's pixels: it has a colour from here on."""


@dataclass(frozen=True)
class SceneObject:
    """An object of a picture: its number, the name of its class, its box (x0, y0, x1, y1) in pixels, and its pixels,
    bool [height, width]."""

    number: int
    category: str
    box: tuple[float, float, float, float]
    mask: Tensor

    @property
    def area(self) -> int:
        """In pixels."""
        return int(self.mask.sum())

    @property
    def middle(self) -> tuple[float, float]:
        """Of the box, x and y in pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Selection:
    """The objects that were taken, the pixels, bool [height, width], and why, in sentences; `found` is False where
    the request was not understood or nothing matches it."""

    numbers: tuple[int, ...]
    mask: Tensor
    reasons: tuple[str, ...]
    found: bool


def select(request: Request, objects: Sequence[SceneObject], image: Tensor) -> Selection:
    """The objects and pixels of a picture [3, height, width] that a request asks for."""
    nothing = torch.zeros(image.shape[1:], dtype=torch.bool, device=image.device)
    if not request.understood:
        return Selection((), nothing, tuple(f"Not understood: {each}." for each in request.problems), False)
    reasons: list[str] = []
    chosen = [each for clause in request.clauses for each in _matching(clause, objects, image, reasons)]
    barred = {each.number for clause in request.without for each in _matching(clause, objects, image, reasons)}
    missing = any(reason.startswith("Nothing") for reason in reasons)
    kept = {each.number: each for each in chosen if each.number not in barred}
    if request.whole or request.background:
        mask, away = ~nothing, objects if request.background else [o for o in objects if o.number in barred]
        for each in away:
            mask = mask & ~each.mask
        reasons.insert(0, "All pixels but those of objects." if request.background else "All pixels.")
        found = bool(mask.any()) and not missing
        return Selection(tuple(o.number for o in objects if o.number not in barred), mask, tuple(reasons), found)
    mask = nothing
    for each in kept.values():
        mask = mask | each.mask
    return Selection(tuple(sorted(kept)), mask, tuple(reasons), bool(kept) and not missing)


def _matching(clause: Clause, objects: Sequence[SceneObject], image: Tensor, reasons: list[str]) -> list[SceneObject]:
    named = [each for each in objects if not clause.categories or each.category in clause.categories]
    names = ", ".join(sorted(clause.categories)) or "any class"
    if not named:
        reasons.append(f"Nothing matches '{clause.words}': the picture has no {names}.")
        return []
    left = named
    for narrow in (_of_colour, _at_sides, _by_distance, _by_size, _so_many):
        left = narrow(clause, left, image)
        if not left:
            reasons.append(f"Nothing matches '{clause.words}' among {len(named)} of {names}.")
            return []
    numbers = ", ".join(f"{each.category} {each.number}" for each in left)
    reasons.append(f"'{clause.words}': {len(left)} of {len(named)} of {names}, {numbers}.")
    return left


def _of_colour(clause: Clause, objects: list[SceneObject], image: Tensor) -> list[SceneObject]:
    if clause.colour is None:
        return objects
    colour = clause.colour
    seen = objects if clause.many else _large(objects, image)
    return [each for each in seen if colour_share(image[:, each.mask], colour) > COLOUR_SHARE]


def _large(objects: list[SceneObject], image: Tensor) -> list[SceneObject]:
    """Those that are not small, or all where all are."""
    height, width = image.shape[1:]
    return [each for each in objects if each.area >= SMALL_SHARE * height * width] or objects


def _at_sides(clause: Clause, objects: list[SceneObject], image: Tensor) -> list[SceneObject]:
    if not clause.sides:
        return objects
    height, width = image.shape[1:]
    if clause.many and clause.ordinal is None and clause.count is None:
        return [each for each in objects if all(_in_half(each, side, width, height) for side in clause.sides)]
    return _first(
        _large(objects, image),
        lambda each: sum(_depth(each, side, width, height) for side in clause.sides),
        clause,
    )


def _in_half(each: SceneObject, side: str, width: int, height: int) -> bool:
    if side == "middle":
        return _depth(each, side, width, height) < 0.25
    return _depth(each, side, width, height) < 0.5


def _depth(each: SceneObject, side: str, width: int, height: int) -> float:
    """How far an object's middle lies from a side, in shares of the picture."""
    x, y = each.middle[0] / width, each.middle[1] / height
    return {"left": x, "right": 1 - x, "top": y, "bottom": 1 - y, "middle": max(abs(x - 0.5), abs(y - 0.5))}[side]


def _by_distance(clause: Clause, objects: list[SceneObject], image: Tensor) -> list[SceneObject]:
    """The lower an object ends, the nearer it is taken to be; of equal ones the larger."""
    del image
    if clause.nearest is None:
        return objects
    sign = -1 if clause.nearest else 1
    return _first(objects, lambda each: (sign * each.box[3], sign * each.area), clause)


def _by_size(clause: Clause, objects: list[SceneObject], image: Tensor) -> list[SceneObject]:
    del image
    if clause.largest is None:
        return objects
    sign = -1 if clause.largest else 1
    return _first(objects, lambda each: sign * each.area, clause)


def _so_many(clause: Clause, objects: list[SceneObject], image: Tensor) -> list[SceneObject]:
    """A number without anything else means the largest; there must be as many."""
    del image
    if clause.count is None:
        return objects
    if len(objects) < clause.count:
        return []
    return sorted(objects, key=lambda each: -each.area)[: clause.count]


def _first(objects: list[SceneObject], key: Callable[[SceneObject], Any], clause: Clause) -> list[SceneObject]:
    """The first by a key, or the one that an ordinal names, or as many as a number says."""
    ordered = sorted(objects, key=key)
    start = (clause.ordinal or 1) - 1
    return ordered[start : start + (clause.count or 1)]
