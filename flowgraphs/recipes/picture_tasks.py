"""A codec of pictures, trained over a sequence of tasks."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from linksim import Result
from linksim.blocks import FixedRate
from linksim.blocks.sources.picture_file import list_pictures, read_picture
from linksim.errors import require
from linksim.flowgraphs.parts import IdealHeader, picture_link
from linksim.flowgraphs.recipes.deepjscc import DeepJSCCRecipe
from linksim.flowgraphs.recipes.direct_recipe import DirectRecipe
from linksim.flowgraphs.recipes.weight_anchor import learned, write_anchor
from linksim.training import Learner, Recipe

SCORE_SEED, FISHER_BATCHES = 7, 100
MEMORY = "memory"


@dataclass(frozen=True, kw_only=True)
class PictureTasks(Learner[str]):
    """Folders of pictures, one task after the other. The score is the PSNR in dB over AWGN, with an ideal header.

    Args:
        folders: by the name of each task, the folder to train on and the one to score.
        kind: the codec's recipe, DeepJSCC's or SwinJSCC's.
        settings: of the recipe, as `crop` and `batch`; they are those of the recipe unless given.
        snr_db: the SNR at which a codec is trained and scored.

    Source: VLM-CSC (arXiv 2407.00020), section IV-B, which does it for text.

    Raises `ParameterError` where there is no task.
    """

    folders: Mapping[str, tuple[str, str]]
    kind: type[DirectRecipe] = DeepJSCCRecipe
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    snr_db: float = 10.0

    def __post_init__(self) -> None:
        require(len(self.folders) > 0, "folders", "one task at least", self.folders)

    @property
    def tasks(self) -> Sequence[str]:
        """See `Learner`."""
        return list(self.folders)

    def recipe(self, tasks: Sequence[str], start: Path | None, remembered: Sequence[str], folder: Path) -> Recipe:
        """See `Learner`; the memory is a folder of copies beside the run. Pictures are drawn from all folders alike, so
        it is named as often as makes it half of them."""
        pictures = [self.folders[task][0] for task in tasks]
        if remembered:
            memory = folder / MEMORY
            shutil.rmtree(memory, ignore_errors=True)
            memory.mkdir()
            for number, path in enumerate(remembered):
                shutil.copyfile(path, memory / f"{number:05d}{Path(path).suffix}")
            new = sum(len(list_pictures(Path(each))) for each in pictures)
            pictures += [str(memory)] * max(round(new / len(remembered)), 1)
        return self._recipe(pictures, start)

    def anchored(self, recipe: Recipe, anchor: Path) -> Recipe:
        """See `Learner`."""
        assert isinstance(recipe, DirectRecipe)
        return replace(recipe, anchor=str(anchor))

    def anchor(self, weights: Path, task: str, earlier: Path | None, path: Path) -> None:
        """See `Learner`; the importance of a weight is the mean over crops of the task of its squared gradient."""
        recipe = self._recipe([self.folders[task][0]], weights)
        graph, parts = recipe.system().seed(SCORE_SEED), recipe.codec.parts
        fisher = {name: torch.zeros_like(weight) for name, weight in learned(parts)}
        for _ in range(FISHER_BATCHES):
            graph.zero_grad()
            graph(batch=1)["loss"].value.sum().backward()
            for name, weight in learned(parts):
                if weight.grad is not None:
                    fisher[name] += weight.grad.square() / FISHER_BATCHES
        write_anchor(path, parts, fisher, earlier)

    def samples(self, weights: Path, task: str) -> tuple[Sequence[str], Tensor]:
        """See `Learner`; the features are the mean power of each of the codec's symbols over a picture's patches."""
        paths = list_pictures(Path(self.folders[task][0]))
        probe = "transmitter.jscc_encoder.out"
        codewords = [run[probe] for run in self._runs(weights, paths, [probe])]
        return [str(path) for path in paths], torch.cat([each.abs().square().mean((1, 2)) for each in codewords])

    def score(self, weights: Path, task: str) -> float:
        """See `Learner`."""
        paths = list_pictures(Path(self.folders[task][1]))
        return float(torch.cat([run["psnr"].value for run in self._runs(weights, paths, [])]).mean())

    def _recipe(self, pictures: Sequence[str], start: Path | None) -> DirectRecipe:
        snr_db = (self.snr_db, self.snr_db)
        given: dict[str, Any] = {"fading_share": 0.0, **self.settings}
        return self.kind(pictures=tuple(pictures), start=None if start is None else str(start), snr_db=snr_db, **given)

    def _runs(self, weights: Path, paths: Sequence[Path], probe: list[str]) -> Iterator[Result]:
        """Each picture over the link with these weights."""
        codec = self._recipe([next(iter(self.folders.values()))[0]], weights).codec
        link = picture_link("task", codec, FixedRate(), header=IdealHeader(), uses_importance=False)
        for path in paths:
            yield link.run(image=read_picture(path)[None], snr_db=self.snr_db, seed=SCORE_SEED, probe=probe)
