"""What holds for every recipe that `linksim train` knows."""

import dataclasses
import json
import math

import pytest
import torch
from PIL import Image as PillowImage
from skimage import data

from linksim.training import Launcher, find_recipe, known_recipes
from linksim.training.stage_runner import StageRunner

EDGE = 192
SENTENCE = "a red bird on a green background"
OF_MASKS = ("deepjscc_cnn", "uidsc")


@pytest.fixture
def given(tmp_path):
    """What recipes ask for: captioned pictures, others with masks, maps of what is salient, and sentences."""
    for kind in ("plain", "maps", "masked/images", "masked/masks"):
        (tmp_path / kind).mkdir(parents=True)
    astronaut = PillowImage.fromarray(data.astronaut()).resize((EDGE, EDGE))
    entries, lines = [], []
    for number in range(10):
        inside = PillowImage.new("L", (EDGE, EDGE), 0)
        inside.paste(1, (40, 40, 120, 120))
        for folder in ("plain", "masked/images"):
            astronaut.rotate(9 * number).save(tmp_path / folder / f"{number}.png")
        inside.save(tmp_path / "masked" / "masks" / f"{number}.png")
        inside.point(lambda value: 255 * value).save(tmp_path / "maps" / f"plain_{number}.png")
        objects = [{"index": 1, "category": "tv", "box": [40, 40, 120, 120]}]
        entries.append({"file": str(number), "split": "train" if number < 8 else "val", "instances": objects})
        lines.append(json.dumps({"file_name": f"{number}.png", "text": SENTENCE}))
    (tmp_path / "masked" / "annotations.json").write_text(json.dumps(entries))
    # So many that some are held out for validation.
    (tmp_path / "plain" / "metadata.jsonl").write_text("\n".join(lines * 4))
    (tmp_path / "sentences.txt").write_text("\n".join([SENTENCE] * 40))
    return {
        "pictures": (str(tmp_path / "plain"),), "saliency": str(tmp_path / "maps"), "crop": 128, "batch": 2,
        "text": (str(tmp_path / "sentences.txt"),), "word_list": "captions",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(known_recipes()))
def test_every_stage_makes_a_step_in_bfloat16_and_is_validated(name, given):
    kind = find_recipe(name)
    if name in OF_MASKS:
        given["pictures"] = (given["pictures"][0].replace("plain", "masked"),)
    recipe = kind(**{field.name: given[field.name] for field in dataclasses.fields(kind) if field.name in given})
    runner = StageRunner(recipe, Launcher(torch.device("cpu")), 1, half=True)
    for stage in recipe.stages:
        runner.enter(stage)
        loss, _ = runner.gradients(seed=1, step=0)
        assert math.isfinite(loss)
        learning = [p for part in stage.learning for p in recipe.parts[part].parameters()]
        assert any(p.grad is not None and bool(p.grad.isfinite().all()) for p in learning)
    with torch.no_grad(), runner.autocast():
        assert all(math.isfinite(value) for value in recipe.validate().values())
