"""Which objects a picture lost on its way, and which it gained."""

from typing import NamedTuple

import torch
from torch import Tensor

from linksim.block import Block
from linksim.errors import require
from linksim.types import Counts, Detections

PADDING = -1


class ObjectChanges(NamedTuple):
    """Objects of the original that are not found again, out of all of them; and objects that the original does not
    have, out of all that are found."""

    disappeared: Counts
    appeared: Counts


class ObjectConsistency(Block):
    """Objects that a detector finds in one of two pictures and not in the other: both shares better low.

    Two objects are the same where class and place agree: the boxes share `overlap` of their union. The surest object
    chooses first, and each is chosen once. What a detector sees is not all that is there: the shares of two JPEGs of
    one picture are not zero either.

    Args:
        overlap: the least intersection over union, in (0, 1].

    Shapes: found, original [batch, objects]; out.disappeared and out.appeared, counts [batch]. No gradient.
    Source: linksim, after the matching of COCO's evaluation, Lin et al., ECCV 2014.

    Raises:
        ParameterError: `overlap` is out of range.

    >>> corners, sure = torch.tensor([[[0.0, 0, 10, 10], [20, 0, 30, 10]]]), torch.tensor([[0.9, 0.8]])
    >>> original = Detections(corners, torch.tensor([[15, 16]]), sure)
    >>> found = Detections(corners[:, :1] + 1, torch.tensor([[15]]), sure[:, :1])
    >>> changes = ObjectConsistency()(found=found, original=original)
    >>> changes.disappeared.errors.tolist(), changes.appeared.errors.tolist()
    ([1], [0])
    """

    def __init__(self, *, overlap: float = 0.5) -> None:
        super().__init__()
        require(0 < overlap <= 1, "overlap", "in (0, 1]", overlap)
        self.overlap = overlap

    def forward(self, found: Detections, original: Detections) -> ObjectChanges:
        pairs = [self._matched(found, original, row) for row in range(len(found.category))]
        same = torch.tensor(pairs, device=found.category.device)
        there, known = ((each.category != PADDING).sum(1) for each in (found, original))
        return ObjectChanges(Counts(known - same, known), Counts(there - same, there))

    def _matched(self, found: Detections, original: Detections, row: int) -> int:
        """How many objects of a picture have a counterpart."""
        overlaps = intersection_over_union(found.corners[row], original.corners[row])
        alike = found.category[row][:, None] == original.category[row]
        real = (found.category[row] != PADDING)[:, None]
        overlaps = torch.where(alike & real, overlaps, 0.0)
        matched = 0
        for place in found.confidence[row].argsort(descending=True).tolist():
            if not overlaps.shape[1]:
                break
            best = int(overlaps[place].argmax())
            if float(overlaps[place, best]) >= self.overlap:
                matched += 1
                overlaps[:, best] = 0
        return matched


def intersection_over_union(first: Tensor, second: Tensor) -> Tensor:
    """Of each box of one list with each of another, corners (x1, y1, x2, y2) [n, 4] and [m, 4]; [n, m]."""
    low = torch.maximum(first[:, None, :2], second[:, :2])
    high = torch.minimum(first[:, None, 2:], second[:, 2:])
    both = (high - low).clamp_min(0).prod(-1)
    areas = [(each[:, 2:] - each[:, :2]).clamp_min(0).prod(-1) for each in (first, second)]
    return both / (areas[0][:, None] + areas[1] - both).clamp_min(1e-9)
