"""Which pictures the importance student knows: fits the test, and prints how often it is wrong.

usage: python scripts/fit_known_pictures.py STREET_SCENES PHOTOGRAPHS [PHOTOGRAPHS ...] [--write WEIGHTS]

STREET_SCENES is the folder of the scenes that accompany SA-OOSC. The test is fitted on its part `train` alone; the
photographs serve for counting. --write puts it into a file of weights.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from linksim.blocks import ImportanceStudent
from linksim.blocks.semantics.importance_student import KNOWN
from linksim.blocks.semantics.known_pictures import distances_left_out, fit
from linksim.blocks.sources import list_pictures, read_picture, street_scenes
from linksim.files import write_whole


def features_of(student: ImportanceStudent, paths: Sequence[Path], height: int | None = None) -> Tensor:
    """[pictures, features]; pictures made smaller first where a height is given."""
    return torch.cat([student.scene.features(*student._scaled(shown)) for shown in _pictures(paths, height)])


def _pictures(paths: Sequence[Path], height: int | None) -> Iterator[Tensor]:
    for path in paths:
        image = read_picture(path)[None]
        if height is not None:
            size = (height, round(image.shape[3] * height / image.shape[2]))
            image = torch.nn.functional.interpolate(image, size, mode="bilinear", antialias=True)
        yield image


@torch.no_grad()
def main(scenes: Path, photographs: Sequence[Path], target: Path | None) -> None:
    """Fit, count, write."""
    student = ImportanceStudent()
    train, val = ([s.picture for s in street_scenes(scenes, part)] for part in ("train", "val"))
    features = features_of(student, train)
    known = fit(features)
    limit = float(known.limit)
    print(f"limit {limit:.3f}, fitted on {len(train)} street scenes")
    left_out = torch.cat(distances_left_out(features))
    print(f"street scenes of `train`, five-fold: {_share(left_out > limit)} not known")
    for height in (None, 512, 256):
        what = "" if height is None else f", made {height} pixels high"
        far = known.distance(features_of(student, val, height)) > limit
        print(f"street scenes of `val`{what}: {_share(far)} not known")
    for folder in photographs:
        paths = list_pictures(folder)
        far = known.distance(features_of(student, paths)) > limit
        print(f"photographs in {folder.parent.name}/{folder.name}: {_share(~far)} taken for street scenes")
    if target is not None:
        _write(target, {f"{KNOWN}.{name}": tensor for name, tensor in known.tensors().items()})


def _share(wrong: Tensor) -> str:
    return f"{int(wrong.sum())} of {len(wrong)}"


def _write(target: Path, tensors: dict[str, Tensor]) -> None:
    with safe_open(target, "pt") as file:
        others = {key: file.get_tensor(key) for key in file.keys() if not key.startswith(f"{KNOWN}.")}  # noqa: SIM118
    write_whole(target, save({**others, **{key: tensor.contiguous() for key, tensor in tensors.items()}}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    arguments = sys.argv[1:]
    written = None
    if "--write" in arguments:
        place = arguments.index("--write")
        written = Path(arguments[place + 1])
        del arguments[place : place + 2]
    main(Path(arguments[0]), [Path(each) for each in arguments[1:]], written)
