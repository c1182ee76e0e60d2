"""The trainer, on a task so small that it can be done twice."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from linksim import Block, Decibels, Flowgraph, Score
from linksim.errors import FileError, FlowgraphError, LinksimError, ParameterError
from linksim.training import (
    Budget,
    Launcher,
    Recipe,
    Stage,
    Trainer,
    find_recipe,
    known_recipes,
    load_checkpoint,
    save_checkpoint,
)
from linksim.training.average import WeightAverage
from linksim.training.log import CsvLog
from linksim.training.optimizer import OPTIMIZERS, NamedOptimizer
from linksim.training.stage_runner import StageRunner

Samples = Float[Tensor, "batch one"]


class Slope(Block):
    """y = a*x, or y = b."""

    def __init__(self, *, bias: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=bias)
        self.bias = bias

    def forward(self, x: Samples) -> Samples:
        return self.layer(torch.zeros_like(x) if self.bias else x)


class Normal(Block):
    """Samples."""

    def forward(self, batch: int) -> Samples:
        return torch.randn(batch, 1, generator=self.rng)


class Shift(Block):
    """Needs an SNR."""

    def forward(self, snr_db: Decibels) -> Decibels:
        return snr_db + 1


class LineError(Block):
    """Squared error of slope + offset against 2x - 1."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken

    def forward(self, slope: Samples, offset: Samples, x: Samples) -> Score:
        error = (slope + offset - (2 * x - 1)).square()[:, 0]
        return Score(error * torch.nan if self.broken else error)


class Line(Recipe):
    """Fits y = 2x - 1 from noisy samples, first the slope, then both."""

    batch = 4
    rate_factors = {"offset": 0.5}  # noqa: RUF012
    shares = {"slope": (0.25, ["slope"]), "both": (0.75, ["slope", "offset"])}  # noqa: RUF012

    def __init__(self, stop_at=None, broken=False):
        torch.manual_seed(0)
        self.parts = {"slope": Slope(), "offset": Slope(bias=True)}
        self.prepared, self.calls, self.stop_at, self.broken = [], 0, stop_at, broken

    @property
    def stages(self):
        return [Stage(name, share, learning, self.graph, lambda name=name: self.prepared.append(name))
                for name, (share, learning) in self.shares.items()]  # fmt: skip

    def graph(self):
        fg = Flowgraph("line")
        fg.x, fg.error = Normal(), LineError(broken=self.broken)
        fg.slope, fg.offset = self.parts["slope"], self.parts["offset"]
        for part in (fg.slope, fg.offset):
            fg.connect(fg.x, part)
        fg.connect(fg.slope, fg.error["slope"])
        fg.connect(fg.offset, fg.error["offset"])
        fg.connect(fg.x, fg.error["x"])
        fg.connect(fg.error, fg["loss"])
        fg.connect(fg.error, fg["error"])
        fg.x.register_forward_hook(lambda *_: self.called())
        return fg

    def called(self):
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt

    def validate(self):
        x = torch.linspace(-1, 1, 5)[:, None]
        found = self.parts["slope"](x=x) + self.parts["offset"](x=x)
        return {"error": (found - (2 * x - 1)).abs().mean().item()}


def trainer(task, folder, steps=200, **settings):
    return Trainer(task, folder, Budget(steps=steps), {"task": "line", **settings}, learning_rate=0.2, seed=3)


def weights(task):
    return torch.cat([p.detach().flatten() for part in task.parts.values() for p in part.parameters()])


def test_it_learns_in_stages_and_logs(tmp_path):
    task = Line()
    found = trainer(task, tmp_path).run(lambda _: None)
    assert found["error"] < 0.2
    assert task.prepared == ["slope", "both"]
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [int(row["step"]) for row in rows] == [20, 40, 50, *range(60, 201, 20)]
    assert [row["stage"] for row in rows] == ["slope"] * 3 + ["both"] * 8
    assert float(rows[-1]["error"]) < float(rows[0]["error"])
    assert {"frames_per_second", "loss", "seconds"} <= set(rows[0])
    assert len(list(csv.DictReader((tmp_path / "validation.csv").open()))) >= 9


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path):
    whole = Line()
    trainer(whole, tmp_path / "whole").run(lambda _: None)
    first = Line(stop_at=83)
    with pytest.raises(KeyboardInterrupt):
        trainer(first, tmp_path / "cut").run(lambda _: None)
    second = Line()
    trainer(second, tmp_path / "cut").run(lambda _: None)
    assert second.calls == 200 - 82
    assert torch.equal(weights(whole), weights(second))
    steps = [int(row["step"]) for row in csv.DictReader((tmp_path / "cut" / "log.csv").open())]
    assert steps == sorted(set(steps))
    assert (tmp_path / "whole" / "validation.csv").read_text().splitlines()[-1].split(",")[2:] == (
        tmp_path / "cut" / "validation.csv"
    ).read_text().splitlines()[-1].split(",")[2:]


def test_a_larger_budget_goes_on_and_never_back_a_stage(tmp_path):
    trainer(Line(), tmp_path, steps=40).run(lambda _: None)
    task = Line()
    longer = trainer(task, tmp_path, steps=4000)
    with pytest.raises(KeyboardInterrupt):
        longer.run(lambda _: longer.stop())
    assert longer.step > 40
    assert task.prepared == []
    assert longer.recipe.stages[longer.stage].name == "both"


@pytest.mark.parametrize("steps", [1, 2, 4, 7])
def test_no_step_is_validated_twice(tmp_path, steps):
    trainer(Line(), tmp_path, steps=steps).run(lambda _: None)
    validated = [int(row["step"]) for row in csv.DictReader((tmp_path / "validation.csv").open())]
    assert validated == sorted(set(validated))
    assert validated[-1] == steps


def test_a_stage_in_preparation_is_shown_and_left_at_once(tmp_path):
    """To make a flowgraph may mean to look at all pictures."""

    class Slow(Line):
        def graph(self):
            run.stop()
            raise AssertionError("nobody left")

    shown = []
    run = trainer(Slow(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.run(shown.append)
    assert [(each.stage, each.figures) for each in shown] == [("slope", {})]
    whole = Line()
    trainer(whole, tmp_path).run(lambda _: None)
    fresh = Line()
    trainer(fresh, tmp_path / "fresh").run(lambda _: None)
    assert torch.equal(weights(whole), weights(fresh))


def test_a_stage_too_short_for_a_step_is_prepared_all_the_same(tmp_path):
    task = Line()
    trainer(task, tmp_path, steps=1).run(lambda _: None)
    assert task.prepared == ["slope"]
    task = Line()
    task.shares = {"slope": (1e-9, ["slope"]), "both": (1.0, ["slope", "offset"])}
    late = trainer(task, tmp_path / "late", steps=10)
    late.step = 1
    late.run(lambda _: None)
    assert task.prepared == ["slope", "both"]


def test_a_log_keeps_its_columns_and_forgets_what_is_done_again(tmp_path):
    log = CsvLog(tmp_path / "log.csv")
    log.forget_after(3)
    for step in (1, 2, 3):
        log.write({"step": step, "loss": step / 2})
    with (tmp_path / "log.csv").open("a") as file:
        file.write("4")
    log.forget_after(2)
    assert (tmp_path / "log.csv").read_text().split() == ["step,loss", "1,0.5", "2,1.0"]
    # Another stage may have other figures.
    log.write({"step": 5, "new": 2})
    assert (tmp_path / "log.csv").read_text().split() == ["step,loss,new", "1,0.5,", "2,1.0,", "5,,2"]
    (tmp_path / "log.csv").write_text("")
    log.forget_after(2)
    log.write({"step": 7, "loss": 1.0})
    assert (tmp_path / "log.csv").read_text().split() == ["step,loss", "7,1.0"]


def test_other_settings_and_networks_are_refused(tmp_path):
    trainer(Line(), tmp_path, steps=5).run(lambda _: None)
    with pytest.raises(LinksimError, match=r"holds a run of other settings \(speed: None, now 2\)"):
        trainer(Line(), tmp_path, speed=2).run(lambda _: None)
    other = Line()
    other.parts["slope"] = nn.Linear(1, 1)
    with pytest.raises(LinksimError, match="another network"):
        trainer(other, tmp_path).run(lambda _: None)


def test_a_loss_without_a_number_stops_the_run_and_spoils_nothing(tmp_path):
    task = Line(broken=True)
    before = weights(task)
    with pytest.raises(LinksimError, match="diverged; lower --learning-rate"):
        trainer(task, tmp_path).run(lambda _: None)
    assert torch.equal(weights(task), before)


def test_the_average_lags_and_is_put_back():
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(0.0)
    average = WeightAverage(layer.state_dict(), memory=10)
    for value in range(1, 201):
        layer.weight.data.fill_(float(value))
        average.update()
    with average.in_force():
        # An exponential average over 10 steps of a ramp lags it by 9.
        assert layer.weight.item() == pytest.approx(191, abs=0.3)
    assert layer.weight.item() == 200


@pytest.mark.parametrize(("minutes", "steps"), [(None, None), (1.0, 5), (0.0, None), (None, -3)])
def test_a_budget_is_one_positive_number(minutes, steps):
    with pytest.raises(ParameterError):
        Budget(minutes, steps)


def test_a_checkpoint_is_whole_or_not_there(tmp_path):
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, {"a": torch.full((3,), float(step))}, {"note": step})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]
    # What a crash while writing leaves behind is not looked at.
    shutil.copytree(tmp_path / "step-00000003", tmp_path / "step-00000009.partial")
    tensors, state = load_checkpoint(tmp_path)
    assert (state["step"], tensors["a"][0].item()) == (3, 3.0)
    base_rate = bytearray((tmp_path / "step-00000003" / "tensors.safetensors").read_bytes())
    base_rate[-1] ^= 1
    (tmp_path / "step-00000003" / "tensors.safetensors").write_bytes(base_rate)
    assert load_checkpoint(tmp_path)[1]["step"] == 2
    (tmp_path / "step-00000002" / "state.json").write_text("{")
    with pytest.raises(FileError, match="damaged"):
        load_checkpoint(tmp_path)
    assert load_checkpoint(tmp_path / "empty") is None


def test_a_run_killed_at_any_moment_goes_on(tmp_path):
    """SIGKILL while checkpoints are written without pause."""
    code = (
        "import sys, torch; sys.path.insert(0, sys.argv[2]); torch.set_num_threads(1)\n"
        "import linksim.training.trainer as t; t.CHECKPOINT_SECONDS = 0.0\n"
        "from test_training import Line, trainer; from pathlib import Path\n"
        "trainer(Line(), Path(sys.argv[1]), steps=100000).run(lambda _: None)\n"
    )
    reached = -1
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "run", os.path.dirname(__file__)])
        deadline = time.monotonic() + 60
        # Three times as many steps as this are more than lie between two lines of the log.
        while time.monotonic() < deadline and _step(tmp_path / "run" / "checkpoints") <= reached + 10:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = load_checkpoint(tmp_path / "run" / "checkpoints")
        assert found is not None
        assert found[1]["step"] > reached
        reached = found[1]["step"]
    assert found[1]["settings"] == {"task": "line"}
    steps = [int(row["step"]) for row in csv.DictReader((tmp_path / "run" / "log.csv").open())]
    assert steps == sorted(set(steps)), "a run that began anew would have logged its first steps again"


def _step(folder):
    names = [p.name for p in folder.glob("step-*") if p.suffix != ".partial"] if folder.is_dir() else []
    return max((int(name[5:]) for name in names), default=-1)


def test_recipes_are_found_by_name():
    assert {
        "sa_oosc",
        "ntscc",
        "deepjscc",
        "swinjscc",
        "enhancer",
        "text_link",
        "vlm_csc",
        "uidsc",
        "deepjscc_cnn",
        "gened_sc",
        "gened_editor",
        "hosonuma25",
        "sgdjscc",
    } == set(known_recipes())
    assert find_recipe("sa-oosc") is find_recipe("sa_oosc")
    with pytest.raises(ParameterError, match="no recipe for 'sa_osc'; did you mean 'sa_oosc'"):
        find_recipe("sa_osc")


def test_a_stage_without_a_loss_or_with_inputs_is_refused():
    recipe = Line()
    runner = StageRunner(recipe, Launcher(), 1, half=False)
    fg = recipe.graph()
    fg.connections[:] = [edge for edge in fg.connections if edge.target_port != "loss"]
    with pytest.raises(FlowgraphError, match="an output 'loss' that is a Score"):
        runner.enter(Stage("slope", 1.0, ["slope"], lambda: fg))
    needy = Flowgraph("needy", inputs={"snr_db": Decibels})
    needy.x, needy.error = Normal(), LineError()
    for name in ("slope", "offset", "x"):
        needy.connect(needy.x, needy.error[name])
    needy.connect(needy.error, needy["loss"])
    # An input that feeds nothing is not needed, and harms nothing; one that a block needs does.
    StageRunner(recipe, Launcher(), 1, half=False).enter(Stage("fine", 1.0, [], lambda: needy))
    needy.shift = Shift()
    needy.connect(needy["snr_db"], needy.shift)
    with pytest.raises(FlowgraphError, match=r"must have no inputs.*got inputs \['snr_db'\]"):
        StageRunner(recipe, Launcher(), 1, half=False).enter(Stage("needy", 1.0, [], lambda: needy))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_learns_and_goes_on_to_the_same_bits(name):
    def learner():
        torch.manual_seed(1)
        net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.SiLU(), nn.Conv2d(16, 20, 1, bias=False), nn.Conv2d(20, 3, 1))
        net.to(memory_format=torch.channels_last)
        return net, NamedOptimizer(name, net.named_parameters(), lambda key: 0.5 if "bias" in key else 1.0, 0.01)

    x = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(2))

    def steps(net, optimizer, count):
        losses = []
        for _ in range(count):
            optimizer.zero_grad()
            loss = (net(x) - x[:, :, 1:-1, 1:-1]).square().mean()
            loss.backward()
            optimizer.step(0.01)
            losses.append(loss.item())
        return losses

    net, optimizer = learner()
    losses = steps(net, optimizer, 20)
    assert losses[-1] < 0.7 * losses[0]
    again, other = learner()
    again.load_state_dict(net.state_dict())
    other.load({key: value.clone() for key, value in optimizer.tensors().items()})
    assert steps(again, other, 3) == steps(net, optimizer, 3)


def test_muon_orthogonalises_the_kernels_and_leaves_the_rest_to_adam():
    """The first update of a kernel is the gradient with its singular values sent five times through Muon's polynomial,
    here by a decomposition; a bias moves as by Adam."""
    torch.manual_seed(3)
    layer = nn.Conv2d(24, 32, 3)
    before = layer.weight.detach().clone(), layer.bias.detach().clone()
    optimizer = NamedOptimizer("muon", layer.named_parameters(), lambda _: 1.0, 0.01)
    layer(torch.randn(2, 24, 5, 5)).square().sum().backward()
    gradient, matrix = layer.bias.grad.clone(), layer.weight.grad.flatten(1).double()
    optimizer.step(0.01)
    update = (layer.weight.detach() - before[0]).flatten(1)
    left, values, right = torch.linalg.svd(matrix / matrix.norm(), full_matrices=False)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    expected = -0.01 * 0.2 * 216**0.5 * (left * values) @ right
    # torch computes it in bfloat16: small singular values get errors of their own size.
    assert torch.cosine_similarity(update.flatten(), expected.flatten().float(), dim=0) > 0.95
    assert update.norm().item() == pytest.approx(expected.norm().item(), rel=0.1)
    # Adam's first step is the learning rate, whatever the gradient's size.
    torch.testing.assert_close(before[1] - layer.bias.detach(), 0.01 * gradient.sign(), rtol=1e-3, atol=1e-6)


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ParameterError, match="'optimizer' must be one of adam, adamw, nadam, sgd, muon"):
        NamedOptimizer("mouon", [], lambda _: 1.0, 0.1)
