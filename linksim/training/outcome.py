"""What a run leaves behind: its weights, and what they came from."""

import json
from collections.abc import Mapping
from pathlib import Path

from linksim.files import write_whole
from linksim.training.trainer import Trainer
from linksim.version import __version__
from linksim.weights import named_tensors, write_weights

WEIGHTS, ABOUT = "weights.safetensors", "weights.json"


def write_result(out: Path, trainer: Trainer, validation: Mapping[str, float]) -> None:
    """The averaged weights in half precision, and what they came from."""
    recipe = trainer.recipe
    shipped = {name: part for name, part in recipe.parts.items() if name not in recipe.unshipped}
    with trainer.average.in_force():
        write_weights(out / WEIGHTS, dict(named_tensors(shipped)))
    described = {"linksim": __version__, "settings": trainer.settings, "steps": trainer.step,
                 "hours": round(trainer.seconds / 3600, 3), "device": trainer.device.type,
                 "validation": {name: float(f"{value:.5g}") for name, value in validation.items()}}  # fmt: skip
    write_whole(out / ABOUT, (json.dumps(described, indent=2) + "\n").encode())
