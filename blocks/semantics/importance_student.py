"""Importance by a small network that learned from a large model's labels."""

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim.block import Block
from linksim.blocks.importance.patch_importance import PatchImportance
from linksim.blocks.semantics.known_pictures import KnownPictures
from linksim.blocks.semantics.student_network import (
    ObjectNetwork,
    SceneNetwork,
    Seen,
    object_features,
    positions,
    scaled_size,
)
from linksim.blocks.vectorizer.layers import seeded_initialization
from linksim.precision import single_precision
from linksim.types import PATCH, Boxes, Detections, Image, Importance, patches_of
from linksim.weights import load_part, read_weights, weights_path

KNOWN = "known"
"""The part of a file of weights that says which pictures they know."""
JUDGES = 3
"""Object networks, whose mean counts."""


class StudentJudgement(NamedTuple):
    """How much each patch matters, and the labelled objects where there were detections."""

    importance: Importance
    boxes: Boxes


class ImportanceStudent(Block):
    """How much each patch matters, from the picture alone, or with detections, as a driver would judge.

    Without detections a network labels the patches as it sees them. With them a second one labels every object by where
    it lies, what is around it and what the first one sees there, and patches get the highest label of the boxes that
    touch them, as in the benchmark. Trained on the labels that GPT gave to 60 street scenes: it knows daylight streets
    from behind a windscreen, and nothing else.

    Args:
        weights: a shipped name or the path of a .safetensors file; None leaves it untrained.

    Shapes: image [batch, 3, height, width]; detections [batch, objects], optional; out: importance
    [batch, ceil(height/16), ceil(width/16)], boxes [batch, objects], none without detections. No gradient.
    Source: SA-OOSC, section 2, for distilling a large model's judgement; the networks are linksim's.

    Raises:
        WeightsError: the weights are unknown or do not fit.

    >>> out = ImportanceStudent().eval()(image=torch.rand(1, 3, 96, 160))
    >>> out.importance.shape, out.boxes.importance.shape
    (torch.Size([1, 6, 10]), torch.Size([1, 0]))
    """

    def __init__(self, *, weights: str | None = "student") -> None:
        super().__init__()
        with seeded_initialization():
            self.scene = SceneNetwork()
            self.objects = nn.ModuleList(ObjectNetwork() for _ in range(JUDGES))
        self.register_buffer("lean", torch.zeros(4))
        """Added to the log-probability of each level before the most probable is taken."""
        self.patches = PatchImportance()
        load_part(self, weights, "student")
        self._known = None if weights is None else _known(weights)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stays as in evaluation: in a flowgraph that is trained its statistics must not drift."""
        del mode
        return super().train(False)

    @torch.no_grad()
    @single_precision
    def forward(self, image: Image, detections: Detections | None = None) -> StudentJudgement:
        seen = self.look(image)
        if detections is None:
            nothing = Boxes(image.new_zeros(len(image), 0, 4), image.new_zeros(len(image), 0, dtype=torch.int64))
            return StudentJudgement(self.patch_labels(seen, *image.shape[2:]), nothing)
        labels = torch.zeros_like(detections.category, dtype=torch.int64)
        for i, row in enumerate(labels):
            found = detections.category[i] >= 0
            if found.any():
                row[found] = 1 + self.judge(detections, i, (image.shape[2], image.shape[3]), seen).argmax(1).to(row)
        boxes = Boxes(detections.corners, labels)
        return StudentJudgement(self.patches(image=image, boxes=boxes), boxes)

    @torch.no_grad()
    def knows(self, image: Image) -> Tensor:
        """Which pictures are of the kind that the weights were trained on, bool [batch]; all where they do not say.

        A test on the scene network's features; see `KnownPictures`. Its error rates stand on the weights' card.
        """
        if self._known is None:
            return torch.ones(len(image), dtype=torch.bool, device=image.device)
        distance = self._known.distance(self.scene.features(*self._scaled(image)).cpu())
        return (distance <= self._known.limit).to(image.device)

    def look(self, image: Tensor) -> Seen:
        """What the scene network sees in each picture, at the scaled picture's resolution."""
        return self.scene(*self._scaled(image))

    @staticmethod
    def _scaled(image: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures as the scene network takes them, and where their pixels lie."""
        # Whole patches, as the tokenizer makes them: a label then is for the same pixels everywhere.
        height, width = image.shape[2:]
        padded = functional.pad(image.float(), (0, -width % PATCH, 0, -height % PATCH), mode="replicate")
        rows, cols = scaled_size(*padded.shape[2:])
        scaled = functional.interpolate(padded, (rows, cols), mode="bilinear", antialias=True)
        position = positions(rows // 4, cols // 4).to(scaled)
        return scaled, position.expand(len(scaled), -1, -1, -1)

    def judge(self, detections: Detections, index: int, size: tuple[int, int], seen: Seen) -> Tensor:
        """Probability of the levels 1 to 3 for the objects of one picture of the batch, [objects, 3]."""
        found = detections.category[index] >= 0
        one = Detections(
            detections.corners[index, found][None],
            detections.category[index, found][None],
            detections.confidence[index, found][None],
        )
        features = object_features(one, 0, size, Seen(seen.levels[index], seen.classes[index]))
        return torch.stack([network(features).softmax(1) for network in self.objects]).mean(0)

    def patch_labels(self, seen: Seen, height: int, width: int) -> Importance:
        """The label of every patch of pictures of this size, from the picture alone."""
        probability = seen.levels.softmax(1)
        size = (patches_of(height), patches_of(width))
        if probability.shape[2:] != size:
            probability = functional.interpolate(probability, size, mode="bilinear", antialias=True)
        return (probability.log() + self.get_buffer("lean")[:, None, None]).argmax(1)


def _known(weights: str) -> KnownPictures | None:
    """What a file of weights says of the pictures that it was trained on."""
    found = read_weights(weights_path(weights), KNOWN)
    return KnownPictures(**found) if found else None
