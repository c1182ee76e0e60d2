"""Importance by a rule of distance and path: no model, no training."""

import torch
from torch import Tensor

from linksim.block import Block
from linksim.blocks.semantics.categories import NUMBER
from linksim.errors import require
from linksim.types import Boxes, Detections, Image

HEIGHTS_M = {
    "person": 1.7, "bicycle": 1.1, "motorcycle": 1.3, "car": 1.5, "bus": 3.2, "train": 3.5, "truck": 3.0,
    "traffic light": 0.9, "stop sign": 0.75,
}  # fmt: skip
"""How high things of a class usually are, in metres."""
OTHER_HEIGHT_M = 0.5
SIGNALS = ("traffic light", "stop sign")


class RuleImportance(Block):
    """Importance from how far an object is and how far off the vehicle's path.

    A pinhole camera that looks straight ahead sees an object of height H metres at distance d as focal_length * H / d
    picture heights: the box's height and the class's usual height give d, and the gap between the box and the
    picture's middle gives the clearance, in metres. High: nearer than 20 m and clearance under 3 m. Medium: nearer than
    50 m and the same clearance. Traffic lights and stop signs: medium under 15 m, high under 10 m, whatever their
    clearance. Low otherwise.

    Args:
        focal_length: the camera's focal length in picture heights; that of Cityscapes is 2.2.

    Shapes: image [batch, 3, height, width], of which only the size counts; detections [batch, objects];
    out.importance [batch, objects]. No gradient.
    Source: the pinhole camera; the thresholds are those that agree best with the model's labels on the 60 training
    pictures of SA-OOSC's benchmark.

    Raises:
        ParameterError: `focal_length` is not in (0, 100].

    >>> image, corners = torch.zeros(1, 3, 1024, 2048), torch.tensor([[[900.0, 300.0, 1100.0, 600.0]]])
    >>> RuleImportance()(image=image, detections=Detections(corners, torch.tensor([[2]]), torch.ones(1, 1))).importance
    tensor([[3]])
    """

    shapes_only = frozenset({"image"})

    def __init__(self, *, focal_length: float = 2.2) -> None:
        super().__init__()
        require(0 < focal_length <= 100, "focal_length", "in (0, 100] picture heights", focal_length)
        self.focal_length = focal_length
        heights = [OTHER_HEIGHT_M] * (max(NUMBER.values()) + 2)
        for name, height in HEIGHTS_M.items():
            heights[NUMBER[name]] = height
        self.register_buffer("heights", torch.tensor(heights), persistent=False)

    def forward(self, image: Image, detections: Detections) -> Boxes:
        distance, clearance = self.metres(detections, *image.shape[2:])
        on_path = clearance < 3.0
        labels = 1 + ((distance < 50.0) & on_path).long() + ((distance < 20.0) & on_path).long()
        signal = torch.zeros_like(on_path)
        for name in SIGNALS:
            signal |= detections.category == NUMBER[name]
        labels = torch.where(signal, 1 + (distance < 15.0).long() + (distance < 10.0).long(), labels)
        return Boxes(detections.corners, torch.where(detections.category < 0, 0, labels))

    def metres(self, detections: Detections, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Distance and clearance of each object in metres, each [batch, objects]."""
        left, top, right, bottom = detections.corners.unbind(-1)
        usual = self.get_buffer("heights")[detections.category]
        distance = self.focal_length * usual * height / (bottom - top).clamp_min(1.0)
        middle = width / 2
        gap = torch.maximum(left - middle, middle - right).clamp_min(0.0)
        return distance, gap / height * distance / self.focal_length
