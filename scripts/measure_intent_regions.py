"""How well regions are found from the picture alone: intersection over union with the true masks, by size.

    .venv/bin/python scripts/measure_intent_regions.py MASKED

MASKED is a folder with annotations.json, images and masks; its split "val" is looked at. Each class of a picture that
the network can name is asked for once, all its objects together. The second table has boxes instead: the true box of
each object, as it is and with GrabCut.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from linksim.blocks.intent.class_activation import find_classes
from linksim.blocks.intent.cut_out import box_pixels, cut_out_box
from linksim.blocks.intent.imagenet_classes import IMAGENET
from linksim.blocks.intent.intent_mask import NAMED
from linksim.blocks.semantics.categories import NUMBER
from linksim.blocks.sources.segmented_pictures import SegmentedPicture, segmented_pictures
from linksim.montecarlo.interval import student_mean

SHARES = (0.01, 0.05, 0.10)
"""Least shares of the picture's pixels."""


def main() -> None:
    """Look, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masked", type=Path)
    torch.set_num_threads(1)
    pictures = segmented_pictures(parser.parse_args().masked, "val")
    seen = [score for picture in pictures for score in by_activation(picture)]
    print("| objects of a class, of all pixels | asked for | found | IoU of those found | IoU, 0 where not found |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for share in SHARES:
        scores = [score for size, score in seen if size >= share]
        found = [score for score in scores if score > 0]
        print(f"| at least {share:.0%} | {len(scores)} | {len(found)} | {mean(found)} | {mean(scores)} |")
    boxed = [row for picture in pictures for row in by_boxes(picture)]
    print(f"\n| an object's true box, {len(boxed)} objects of at least {SHARES[0]:.0%} | IoU |\n| --- | ---: |")
    print(f"| as it is | {mean([plain for plain, _ in boxed])} |\n| with GrabCut | {mean([cut for _, cut in boxed])} |")


def by_activation(picture: SegmentedPicture) -> list[tuple[float, float]]:
    """Of each class that can be named: its share of the pixels, and the IoU, 0 where it was not found."""
    there: dict[str, list[int]] = {}
    for each in picture.objects:
        there.setdefault(each.category, []).append(each.index)
    numbers = picture.numbers()
    truth = {name: torch.isin(numbers, torch.tensor(index)) for name, index in there.items() if name in IMAGENET}
    truth = {name: mask for name, mask in truth.items() if float(mask.float().mean()) >= SHARES[0]}
    if not truth:
        return []
    seen = find_classes(picture.image()[None], [list(truth)], NAMED)
    category = seen.detections.category[0].tolist()
    rows: list[tuple[float, float]] = []
    for name, mask in truth.items():
        places = torch.tensor([place + 1 for place, kind in enumerate(category) if kind == NUMBER[name]])
        found = torch.isin(seen.instances[0], places) if len(places) else torch.zeros_like(mask)
        rows.append((float(mask.float().mean()), overlap(found, mask)))
    return rows


def by_boxes(picture: SegmentedPicture) -> list[tuple[float, float]]:
    """Of each object: the IoU of its box, and of what GrabCut finds inside."""
    numbers, image = picture.numbers(), picture.image()
    rows: list[tuple[float, float]] = []
    for each in picture.objects:
        mask = numbers == each.index
        if float(mask.float().mean()) >= SHARES[0]:
            rows.append((overlap(box_pixels(each.box, image), mask), overlap(cut_out_box(each.box, image), mask)))
    return rows


def overlap(found: Tensor, truth: Tensor) -> float:
    """Intersection over union."""
    return float((found & truth).sum() / (found | truth).sum())


def mean(scores: Sequence[float]) -> str:
    """With its 95 % interval."""
    values = torch.tensor(scores)
    found = student_mean(float(values.mean()), float(values.var()) / len(values), len(values) - 1, "over objects", 0.95)
    return f"{found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})"


if __name__ == "__main__":
    main()
