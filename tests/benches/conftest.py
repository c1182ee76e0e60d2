import json
import shutil

import pytest
from PIL import Image as PillowImage

from linksim.benches.agreement import DRIVERS, MODEL

ANNOTATORS = (MODEL, *DRIVERS)


@pytest.fixture
def folders(tmp_path, photograph):
    """Two street scenes with every importance and two photographs, small ones."""
    root, kodak = tmp_path / "street", tmp_path / "photographs"
    for folder in ("images", "detections", *ANNOTATORS):
        (root / folder).mkdir(parents=True)
    kodak.mkdir()
    (root / "split.json").write_text(json.dumps({"train": [], "val": ["a", "b"]}))
    for name, left in (("a", 40), ("b", 200)):
        pixels = (photograph[0, :, 20:212, left : left + 256] * 255).round().byte().movedim(0, -1).numpy()
        PillowImage.fromarray(pixels).save(root / "images" / f"{name}.png")
        PillowImage.fromarray(pixels[:176, :176]).save(kodak / f"{name}.png")
        found = [
            {"track_id": n, "name": "car", "box": {"x1": x, "y1": 20, "x2": x + 60, "y2": 90}}
            for n, x in enumerate((5, 90, 180), 1)
        ]
        (root / "detections" / f"{name}.json").write_text(json.dumps(found))
        for annotator in ANNOTATORS:
            (root / annotator / f"{name}.json").write_text(json.dumps({"1": 3, "2": 2, "3": 1}))
    return root, kodak


@pytest.fixture
def out(tmp_path, kept):
    """A folder for a bench, with the results that earlier runs of the same test stored: only what has changed since is
    simulated."""
    folder, stores = tmp_path / "bench", kept.with_suffix("")
    folder.mkdir()
    stores.mkdir(exist_ok=True)
    for store in stores.glob("*.db"):
        shutil.copy(store, folder)
    yield folder
    for store in folder.glob("*.db"):
        shutil.copy(store, stores)
