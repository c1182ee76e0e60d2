"""Trains the importance student, and says how well it judges.

    python scripts/train_importance_student.py SCENES --out FOLDER

SCENES is a folder in the layout of SA-OOSC's benchmark. Writes to the folder: student.safetensors, trained on the part
`train`; figures.json and figures.md, for the part `val` and by 5-fold over both parts. 1200 steps take eight minutes a
network on one core; six are trained. What is there already is not trained again.
"""

import argparse
import copy
import hashlib
import json
import math
import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from linksim import Boxes, Detections
from linksim.benches.agreement import DRIVERS, MAJORITY, MODEL, accuracy, interval, macro_f1, recall, with_majority
from linksim.blocks import ClassImportance, ImportanceStudent, PatchImportance, RuleImportance
from linksim.blocks.semantics import read_detections
from linksim.blocks.semantics.student_network import (
    CELL,
    FOLD,
    MIRRORED,
    SEEN,
    ObjectNetwork,
    SceneNetwork,
    Seen,
    group_of,
    object_features,
    positions,
    scaled_size,
)
from linksim.blocks.sources import labelled_objects
from linksim.blocks.sources.picture_file import read_picture
from linksim.blocks.sources.street_scenes import detections_folder, scene_json, scene_names, scene_picture
from linksim.randomness import derive_seed
from linksim.weights import load_part, named_tensors, write_weights

FOLDS, BATCH, CROP = 5, 6, (352, 704)
SCALES, MIXED = (0.7, 1.4), 0.5
"""Range of a crop's scale, and the share of crops that are of two scenes."""
SCENE_RATE, OBJECT_RATE, DECAY = 3e-3, 4e-3, 0.05
LEVEL_WEIGHTS = (1.0, 3.5, 4.5, 2.2)
"""Of the levels in the loss: rare ones more, as the figure of merit is a mean over the levels."""
CLASS_WEIGHT, SMOOTHING, OBJECT_SMOOTHING = 0.5, 0.05, 0.1
OBJECT_EPOCHS = 40
FEATURE_NOISE, INSIDE_NOISE, BLIND = 0.1, 0.5, 0.3
"""Noise on an object's features, more on what the scene network sees in it, which it knows too well in training
pictures; and the share of pictures of which that is withheld."""
LEANS, MIN_RECALL = (0.0, 0.2, 0.4, 0.6, 0.8), 0.82
"""What may be added to the log-probability of a level, and the recall of high patches that is kept: over that the lean
with the highest macro-F1 is taken."""
NAMES = {MAJORITY: "majority of drivers", MODEL: "GPT"}


@dataclass(frozen=True)
class Scene:
    """A picture scaled to the student's size, its objects, and their labels; 0 where there is none."""

    name: str
    size: tuple[int, int]
    pixels: Tensor
    detections: Detections
    labels: dict[str, Tensor]

    def map(self, labels: Tensor) -> Tensor:
        """The label of every patch by labels of the objects, [rows, cols]."""
        blank = torch.empty(1, 3, *self.size)
        return PatchImportance()(image=blank, boxes=Boxes(self.detections.corners, labels[None]))[0]


def read_scenes(folder: Path) -> dict[str, Scene]:
    """All scenes of both parts, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labelled = {s.name: with_majority(s) for s in labelled_objects(folder, None, (MODEL, *DRIVERS))}
    found = {}
    for name, objects in labelled.items():
        picture = read_picture(scene_picture(folder, name))[None]
        size = (picture.shape[2], picture.shape[3])
        scaled = functional.interpolate(picture, scaled_size(*size), mode="bilinear", antialias=True)[0]
        detections = read_detections(scene_json(detections_folder(folder), name))
        labels = {
            who: torch.tensor([objects.labels[who].get(i, 0) for i in objects.detections]) for who in objects.labels
        }
        if detections.category.shape[1] != len(labels[MODEL]):
            raise SystemExit(f"scene {name}: ids of detections are not unique")
        found[name] = Scene(name, size, (scaled * 255).round().byte(), detections, labels)
    return found


# -- the scene network


class Window(NamedTuple):
    """A part of the scaled pictures, in pixels; they all have the first scene's size."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def drawn(cls, scene: Scene, draw: random.Random) -> "Window":
        """A window at a scale and place of its own."""
        rows, cols = scene.pixels.shape[1:]
        scale = math.exp(draw.uniform(math.log(SCALES[0]), math.log(SCALES[1])))
        height, width = (min(round(edge / scale / 2) * 2, most) for edge, most in zip(CROP, (rows, cols), strict=True))
        return cls(draw.randint(0, cols - width), draw.randint(0, rows - height), width, height)

    def cut(self, scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
        """Picture, level and class per cell of a scene in this window."""
        rows, cols = scene.pixels.shape[1:]
        shown = (
            scene.pixels[None, :, self.top : self.top + self.height, self.left : self.left + self.width].float() / 255
        )
        picture = functional.interpolate(shown, CROP, mode="bilinear", antialias=True)[0]
        factor = torch.tensor([cols / scene.size[1], rows / scene.size[0]] * 2)
        corners = (scene.detections.corners * factor - torch.tensor([self.left, self.top] * 2)) * torch.tensor(
            [CROP[1] / self.width, CROP[0] / self.height] * 2
        )
        groups = 1 + group_of(scene.detections.category[0])
        return picture, paint(corners, scene.labels[MODEL]), paint_nearest(corners, groups)

    def place(self, scene: Scene) -> Tensor:
        """The position in the picture, as the network is given it."""
        rows, cols = scene.pixels.shape[1:]
        right, bottom = self.left + self.width, self.top + self.height
        shares = (self.left / cols, self.top / rows, right / cols, bottom / rows)
        return positions(CROP[0] // FOLD, CROP[1] // FOLD, shares)


def example(scenes: Sequence[Scene], draw: random.Random) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A crop, at times right of some column from another scene: picture, position, level and class per cell."""
    first, second = draw.choice(scenes), draw.choice(scenes)
    window = Window.drawn(first, draw)
    parts = window.cut(first)
    # All pictures are from one camera behind a windscreen: what stands right in one may stand right in another.
    if draw.random() < MIXED and second.pixels.shape == first.pixels.shape:
        column = draw.randint(1, CROP[1] // CELL - 1)
        places = (column * CELL, column, column)
        others = window.cut(second)
        parts = tuple(torch.cat([a[..., :n], b[..., n:]], -1) for a, b, n in zip(parts, others, places, strict=True))
    picture, levels, classes = parts
    place = window.place(first)
    if draw.random() < 0.5:
        picture, place, levels, classes = (t.flip(-1) for t in (picture, place, levels, classes))
        place = place * torch.tensor([-1.0, 1.0])[:, None, None]
    return recoloured(picture, draw), place, levels, classes


def paint(corners: Tensor, labels: Tensor) -> Tensor:
    """The highest label of the boxes that touch each cell of a crop."""
    # Cells count as patches do: the boxes are scaled so that one is 16 pixels.
    blank = torch.empty(1, 3, 2 * CROP[0], 2 * CROP[1])
    return PatchImportance()(image=blank, boxes=Boxes(corners * 16 / CELL, labels[None]))[0]


def paint_nearest(corners: Tensor, classes: Tensor) -> Tensor:
    """The class of the nearest box, that of the lowest edge, on each cell of a crop; 0 where there is none."""
    cells = torch.zeros(CROP[0] // CELL, CROP[1] // CELL, dtype=torch.int64)
    for place in corners[0, :, 3].argsort():
        left, top, right, bottom = (corners[0, place] / CELL).tolist()
        cells[
            max(math.floor(top), 0) : max(math.ceil(bottom), 0), max(math.floor(left), 0) : max(math.ceil(right), 0)
        ] = classes[place]
    return cells


def recoloured(picture: Tensor, draw: random.Random) -> Tensor:
    """Another saturation, white balance, gamma, contrast and brightness, and sometimes noise."""
    grey = picture.mean(0, keepdim=True)
    balance = torch.tensor([draw.uniform(0.85, 1.15) for _ in range(3)])[:, None, None]
    picture = ((grey + (picture - grey) * draw.uniform(0.4, 1.5)) * balance).clamp(0, 1)
    picture = picture ** math.exp(draw.uniform(-0.4, 0.4))
    picture = (picture - 0.4) * draw.uniform(0.7, 1.3) + 0.4 + draw.uniform(-0.1, 0.1)
    noise = torch.randn(picture.shape, generator=torch.Generator().manual_seed(draw.getrandbits(40)))
    return picture + noise * (draw.uniform(0, 0.05) if draw.random() < 0.3 else 0.0)


def train_scene(network: SceneNetwork, scenes: Sequence[Scene], steps: int, seed: int) -> None:
    """Teaches the network the model's labels and the detector's classes, from pictures alone."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    network.train().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(network.parameters(), SCENE_RATE, weight_decay=DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = (
                SCENE_RATE * min(1, (step + 1) / 50) * (0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2)
            )
        crops = [example(scenes, draw) for _ in range(BATCH)]
        picture, place, levels, classes = (torch.stack(parts) for parts in zip(*crops, strict=True))
        with torch.autocast("cpu", torch.bfloat16):
            seen = network(picture, place)
        loss = functional.cross_entropy(
            seen.levels, levels, weight=torch.tensor(LEVEL_WEIGHTS), label_smoothing=SMOOTHING
        ) + CLASS_WEIGHT * functional.cross_entropy(seen.classes, classes)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        if step % 100 == 0:
            print(f"  step {step} of {steps}: loss {loss.item():.3f}", flush=True)
    network.eval()


# -- the object networks


def object_inputs(student: ImportanceStudent, scene: Scene, *, look: bool) -> Tensor:
    """Features of the objects, with what the scene network sees or, for the ablation, without."""
    seen = student.look(scene.pixels[None].float() / 255)
    features = object_features(scene.detections, 0, scene.size, Seen(seen.levels[0], seen.classes[0]))
    if not look:
        features[:, -SEEN:] = 0
    return features


def train_objects(network: ObjectNetwork, examples: Sequence[tuple[Tensor, Tensor]], seed: int) -> None:
    """Teaches one network the model's labels of objects: pairs of features and labels, 0 for none, per picture."""
    torch.manual_seed(seed)
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), OBJECT_RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, OBJECT_RATE, OBJECT_EPOCHS)
    known = sum(int((labels > 0).sum()) for _, labels in examples)
    for _ in range(OBJECT_EPOCHS):
        total = torch.zeros(())
        for features, labels in examples:
            noise = torch.randn_like(features) * FEATURE_NOISE
            noise[:, -SEEN:] *= INSIDE_NOISE / FEATURE_NOISE
            noisy = features + noise
            if torch.rand(()) < BLIND:
                noisy[:, -SEEN:] = 0
            if torch.rand(()) < 0.5:
                noisy = noisy * MIRRORED
            of = labels > 0
            total = total + functional.cross_entropy(
                network(noisy)[of], labels[of] - 1, reduction="sum", label_smoothing=OBJECT_SMOOTHING
            )
        optimizer.zero_grad()
        (total / known).backward()
        optimizer.step()
        schedule.step()
    network.eval()


def with_objects(student: ImportanceStudent, scenes: Sequence[Scene], seed: int, *, look: bool) -> ImportanceStudent:
    """The student, its object networks trained anew."""
    student.objects.load_state_dict(ImportanceStudent(weights=None).objects.state_dict())
    with torch.no_grad():
        examples = [(object_inputs(student, scene, look=look), scene.labels[MODEL]) for scene in scenes]
    for number, network in enumerate(student.objects):
        assert isinstance(network, ObjectNetwork)
        train_objects(network, examples, derive_seed(seed, f"objects {number}") % 2**32)
    return student


# -- figures


class Tally:
    """Confusion matrices per scene, [4, 4] with the reference's levels as rows, by what was judged and how."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Tensor]] = {}
        self.patches: dict[str, list[Tensor]] = {}

    def add(self, judge: str, scene: Scene, labels: Tensor | None, patches: Tensor | None) -> None:
        """One scene's labels of objects (or None), or of patches where it has no objects."""
        for reference in (MAJORITY, MODEL) if judge != "GPT" else (MAJORITY,):
            truth = scene.labels[reference]
            if labels is not None:
                counts = counted(truth, labels)
                self.objects.setdefault(f"{judge}/{reference}", []).append(counts)
                patches = scene.map(torch.where(truth > 0, labels, 0))
            assert patches is not None
            self.patches.setdefault(f"{judge}/{reference}", []).append(
                counted(scene.map(truth), patches, all_levels=True)
            )

    def figures(self) -> dict[str, dict[str, tuple[float, float, float]]]:
        """Figures with their intervals over the scenes, by judge and reference."""
        found: dict[str, dict[str, tuple[float, float, float]]] = {}
        for key, counts in self.patches.items():
            of_patches = [c.numpy() for c in counts]
            found[key] = {"patch_macro_f1": interval(of_patches, macro_f1, 1),
                          "high_recall": interval(of_patches, lambda c: recall(c, 3), 1)}  # fmt: skip
            if key in self.objects:
                found[key]["object_accuracy"] = interval([c.numpy() for c in self.objects[key]], accuracy, 1)
        return found


def counted(truth: Tensor, said: Tensor, *, all_levels: bool = False) -> Tensor:
    """A confusion matrix; objects without a label do not count."""
    known = (truth >= 0) if all_levels else (truth > 0)
    return torch.bincount(truth[known] * 4 + said[known], minlength=16).view(4, 4).double()


@torch.no_grad()
def judge(tally: Tally, scene: Scene, student: ImportanceStudent, blind: ImportanceStudent) -> None:
    """Adds all that judge one scene; `blind` has objects judged by geometry and class alone."""
    blank = torch.empty(1, 3, *scene.size)
    tally.add("student, with detections", scene, judged_by(student, scene), None)
    tally.add("student, geometry alone", scene, judged_by(blind, scene, look=False), None)
    seen = look(student, scene)
    tally.add("student, picture alone", scene, None, student.patch_labels(seen, *scene.size)[0])
    tally.add("student, picture alone, told where objects are", scene, None, where_objects_are(student, scene, seen))
    tally.add("rules", scene, RuleImportance()(image=blank, detections=scene.detections).importance[0], None)
    tally.add("class", scene, ClassImportance()(detections=scene.detections).importance[0], None)
    tally.add("GPT", scene, scene.labels[MODEL], None)


def where_objects_are(student: ImportanceStudent, scene: Scene, seen: Seen) -> Tensor:
    """What the student would say of patches from the picture, were it told which show an object. [rows, cols]."""
    levels = seen.levels[0].log_softmax(0) + student.lean[:, None, None]
    inside = scene.map(torch.ones_like(scene.labels[MODEL])) > 0
    return torch.where(inside, 1 + levels[1:].argmax(0), 0)


@torch.no_grad()
def look(student: ImportanceStudent, scene: Scene) -> Seen:
    """What the scene network sees."""
    return student.look(scene.pixels[None].float() / 255)


@torch.no_grad()
def judged_by(student: ImportanceStudent, scene: Scene, *, look: bool = True) -> Tensor:
    """The labels that the object networks give."""
    features = object_inputs(student, scene, look=look)
    return 1 + torch.stack([network(features).softmax(1) for network in student.objects]).mean(0).argmax(1)


# -- training and judging all


@dataclass(frozen=True)
class Fold:
    """A student and what is left for it to be judged on."""

    name: str
    learnt: Sequence[Scene]
    judged: Sequence[Scene]

    def student(self, folder: Path, steps: int, seed: int) -> ImportanceStudent:
        """The student of these scenes; its scene network is read from its file where that is there."""
        scenes = hashlib.sha256(",".join(sorted(scene.name for scene in self.learnt)).encode()).hexdigest()[:8]
        path = folder / f"{self.name}_{scenes}_seed{seed}_steps{steps}.safetensors"
        student = ImportanceStudent(weights=None)
        if path.is_file():
            load_part(student.scene, str(path), "scene")
        else:
            print(f"{self.name}: {len(self.learnt)} scenes", flush=True)
            train_scene(student.scene, self.learnt, steps, derive_seed(seed, f"{self.name} scene") % 2**32)
            write_weights(path, dict(named_tensors({"scene": student.scene})))
            # What is judged is what is shipped: the weights as they are in half precision.
            load_part(student.scene, str(path), "scene")
        return with_objects(student, self.learnt, seed, look=True)


Unseen = Mapping[str, tuple[Tensor, Tensor]]
"""By scene: log-probabilities per patch from a student that had not seen it, [4, rows, cols], and the model's map."""


def best_lean(unseen: Unseen, names: Sequence[str]) -> Tensor:
    """What to add to log-probabilities for the highest macro-F1, where `MIN_RECALL` of the high patches are found."""
    shown = [unseen[name] for name in names]
    found = {}
    for low, medium, high in product(LEANS, LEANS, LEANS):
        lean = torch.tensor([0.0, low, medium, high])
        counts = sum(
            counted(truth, (logits + lean[:, None, None]).argmax(0), all_levels=True) for logits, truth in shown
        )
        assert isinstance(counts, Tensor)
        found[lean] = (min(recall(counts.numpy(), 3), MIN_RECALL), macro_f1(counts.numpy()))
    return max(found, key=lambda lean: found[lean])


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    scenes = read_scenes(asked.scenes)
    parts = {part: [scenes[name] for name in scene_names(asked.scenes, part)] for part in ("train", "val")}
    everything = parts["train"] + parts["val"]
    random.Random(asked.seed).shuffle(everything)
    rests = [everything[number::FOLDS] for number in range(FOLDS)]
    folds = [Fold(f"fold{n}", [s for s in everything if s not in rest], rest) for n, rest in enumerate(rests)]
    students = {fold.name: fold.student(asked.out, asked.steps, asked.seed) for fold in folds}
    unseen = {
        scene.name: (look(students[fold.name], scene).levels[0].log_softmax(0), scene.map(scene.labels[MODEL]))
        for fold in folds
        for scene in fold.judged
    }
    whole = Fold("student", parts["train"], parts["val"])
    student = whole.student(asked.out, asked.steps, asked.seed)
    # Set on predictions for scenes of `train`; the students that made them had some of `val` among what they learnt.
    student.lean.copy_(best_lean(unseen, [scene.name for scene in whole.learnt]))
    path = asked.out / "student.safetensors"
    write_weights(path, dict(named_tensors({"student": student})))
    student = ImportanceStudent(weights=str(path))
    tallies = {"val": Tally(), "5-fold": Tally()}
    judge_all(tallies["val"], whole, student, asked.seed)
    for fold in folds:
        students[fold.name].lean.copy_(best_lean(unseen, [scene.name for scene in fold.learnt]))
        judge_all(tallies["5-fold"], fold, students[fold.name], asked.seed)
    print(write_figures(asked.out, tallies))


def judge_all(tally: Tally, fold: Fold, student: ImportanceStudent, seed: int) -> None:
    """Judges a fold's scenes by its student, and by one that sees only boxes."""
    blind = with_objects(copy.deepcopy(student), fold.learnt, seed, look=False)
    for scene in fold.judged:
        judge(tally, scene, student, blind)


def write_figures(folder: Path, tallies: Mapping[str, Tally]) -> str:
    """figures.json and figures.md, the text of which is returned."""
    figures = {where: tally.figures() for where, tally in tallies.items()}
    (folder / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    heads = {
        "object_accuracy": "object accuracy",
        "patch_macro_f1": "patch macro-F1",
        "high_recall": "recall of high patches",
    }
    lines = [
        f"| where | judge | against | {' | '.join(heads.values())} |",
        "| --- | --- | --- |" + " --- |" * len(heads),
    ]
    for where, rows in figures.items():
        for key, row in rows.items():
            who, reference = key.split("/")
            cells = ["{:.3f} ({:.3f} to {:.3f})".format(*row[head]) if head in row else "-" for head in heads]
            lines.append(f"| {where} | {who} | {NAMES[reference]} | {' | '.join(cells)} |")
    (folder / "figures.md").write_text("\n".join(lines) + "\n")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
