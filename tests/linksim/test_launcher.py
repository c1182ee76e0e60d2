"""Training in several processes, and what trackers are told."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from linksim.errors import LinksimError, ParameterError
from linksim.training import AccelerateLauncher, Budget, Launcher, Trainer

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "linksim"
EXAMPLE = "docs.examples.autoencoder:AutoencoderRecipe"


def curve(folder):
    return [float(row["loss"]) for row in csv.DictReader((folder / "log.csv").open())]


class Counted(Launcher):
    """The second of two processes, whose first was told to stop at its third question."""

    process, processes = 1, 2

    def __init__(self):
        super().__init__()
        self.asked = 0

    def gather(self, values):
        self.asked += 1
        first = [12.5, float(self.asked >= 3)] if len(values) == 2 else list(values)
        return torch.tensor([first, list(values)], dtype=torch.float64)


def small_recipe(batch):
    sys.path.insert(0, str(ROOT))
    try:
        from docs.examples.autoencoder import AutoencoderRecipe
    finally:
        sys.path.remove(str(ROOT))
    recipe = AutoencoderRecipe(batch=batch)
    recipe.validate = lambda: {"never": 0.0}
    return recipe


def make(folder, launcher=None, *, steps=20, batch=8, learning_rate=1e-3, shards=None):
    return Trainer(small_recipe(batch), folder, Budget(steps=steps), {}, learning_rate=learning_rate, seed=1,
                   launcher=launcher, shards=shards)  # fmt: skip


def test_two_processes_give_the_curve_of_one(tmp_path):
    words = ["-m", "torch.distributed.run", "--nproc-per-node", "2", PROGRAM, "train", EXAMPLE, "--steps", "40",
             "--float32", "--device", "cpu", "--out", tmp_path / "two"]  # fmt: skip
    done = subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 processes") == 1
    assert done.stdout.count("weights.safetensors and weights.json") == 1
    for shards in (1, 2):
        trainer = make(tmp_path / str(shards), steps=40, batch=64, learning_rate=4e-4, shards=shards)
        trainer.run(lambda _: None)
    assert len(curve(tmp_path / "two")) == 2
    assert curve(tmp_path / "two") == pytest.approx(curve(tmp_path / "2"), rel=1e-4)
    # Two shards are other random numbers than one: the comparison could have failed.
    assert curve(tmp_path / "1") != pytest.approx(curve(tmp_path / "2"), rel=1e-4)


def test_a_process_that_only_computes_writes_nothing_and_stops_with_the_others(tmp_path):
    shown = []
    trainer = make(tmp_path, Counted())
    with pytest.raises(KeyboardInterrupt):
        trainer.run(shown.append)
    # The clock is that of process 0.
    assert trainer.seconds == pytest.approx(12.5, abs=5.0)
    assert trainer.step >= 1
    assert list(tmp_path.iterdir()) == []


def test_shards_must_fit(tmp_path):
    with pytest.raises(ParameterError, match="'batch' must be a multiple of the 3 shards"):
        make(tmp_path, shards=3)
    with pytest.raises(ParameterError, match="'shards' must be a positive multiple of the 2 processes"):
        make(tmp_path, Counted(), shards=3)
    assert list(Counted().own_shards(4)) == [2, 3]


def test_shards_are_one_batch_cut_in_parts(tmp_path):
    """The gradient of two shards is the mean of the gradients of each alone."""
    runs = {}
    for own in ([0], [1], [0, 1]):
        launcher = Launcher()
        launcher.own_shards = lambda _shards, own=own: own
        trainer = make(tmp_path / str(own), launcher, shards=2)
        trainer._enter(0, lambda _: None)
        trainer._runner.gradients(1, 0)
        parts = trainer.recipe.parts.values()
        runs[len(own), own[0]] = torch.cat([p.grad.flatten() for part in parts for p in part.parameters()])
    both = (runs[1, 0] + runs[1, 1]) / 2
    torch.testing.assert_close(runs[2, 0], both, atol=1e-6, rtol=1e-4)
    assert not torch.allclose(runs[1, 0], runs[1, 1])


def test_tensorboard_gets_the_figures(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    launcher = AccelerateLauncher(tmp_path, ["tensorboard"], {"seed": 1, "range": (1, 2)}, torch.device("cpu"))
    make(tmp_path, launcher).run(lambda _: None)
    launcher.end()
    events = EventAccumulator(str(tmp_path / "linksim"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [
        (20, pytest.approx(curve(tmp_path)[0], rel=1e-4))
    ]
    assert events.Scalars("validation never")[-1].step == 20


def test_trackers_that_are_not_there_are_named(tmp_path, monkeypatch):
    with pytest.raises(ParameterError, match="no tracker 'tensorbord'; did you mean 'tensorboard'"):
        AccelerateLauncher(tmp_path, ["tensorbord"])
    with pytest.raises(LinksimError, match="the tracker 'comet_ml' needs its library"):
        AccelerateLauncher(tmp_path, ["comet_ml"])
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(LinksimError, match=r"pip install 'linksim\[accelerate\]'"):
        AccelerateLauncher(tmp_path)


def test_a_run_is_not_continued_with_other_shards(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = ("train", EXAMPLE, "--steps", 1, "--float32", "--device", "cpu", "--out", tmp_path)
    assert cli(*command)[0] == 0
    assert cli(*command, "--shards", 1)[0] == 0
    code, _, error = cli(*command, "--shards", 2)
    assert (code, "shards: None, now 2" in error) == (2, True)
